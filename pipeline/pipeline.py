"""The graph, as a table: one statement a node. Nothing in it knows where it runs."""

import dataclasses
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.components.example_validator.component import ExampleValidator
from tfx.components.schema_gen.import_schema_gen.component import ImportSchemaGen
from tfx.dsl.components.common.resolver import Resolver
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import pusher_pb2, trainer_pb2, transform_pb2
from tfx.types import standard_artifacts
from tfx.types.channel import Channel, OutputChannel

from components.arrow_example_gen.component import ArrowExampleGen
from components.artifacts.types import ReviewDecision
from components.baseline.strategy import LatestOtherBlessedModel
from components.batch_evaluator.component import BatchEvaluator
from components.batch_statistics.component import BatchStatisticsGen
from components.batch_transform.component import BatchTransform
from components.distributed_trainer.component import DistributedTrainer
from components.review.strategy import ApprovedReport
from components.slice_report.component import SliceReport
from components.support.atomic_files import claim
from components.validation_gate.component import ValidationGate
from components.versioned_pusher.component import VersionedPusher
from pipeline.cache.digest import source_digest
from pipeline.config.root import Config, Release
from pipeline.config.training import Training
from pipeline.errors import ConfigError
from pipeline.features.column_fit import check_columns
from pipeline.features.table import closed_columns, exclusive_minima
from pipeline.metadata.connection import connection_config
from pipeline.nodes import (
    APPROVAL,
    BASELINE,
    EVALUATOR,
    EXAMPLE_GEN,
    PUSHER,
    STATISTICS_GEN,
    TRAINER,
    TRANSFORM,
    WARM_START,
)
from pipeline.settings.evaluation import make_eval_config
from pipeline.settings.known_names import check_names
from pipeline.settings.report import report_settings
from pipeline.settings.split import make_splitting
from pipeline.settings.tuning import tuning_settings
from pipeline.splits import SPLITS
from pipeline.task.labels import gate_labels
from pipeline.workloads.contract import Workload, check_model_settings, load_workload, read_schema

if TYPE_CHECKING:
    from components.tuner.component import Tuner


def create_pipeline(config: Config, rows: Path, root: Path, enable_cache: bool = True) -> Pipeline:
    """The whole graph for a config.

    Args:
        config: the effective config.
        rows: folder with ``train/``, ``eval/`` and ``test/``, each with CSV, JSON Lines, Parquet or TFRecord files;
            with ``data.split_by`` the folder of such files.
        root: where artifacts, metadata and served models go; ``<root>/serving/<version>`` is what a server reads.
        enable_cache: whether a node whose inputs, settings and code have not changed is answered from the cache.
    """
    workload = load_workload(config.workload)
    check_model_settings(workload, config.training.model)
    schema = read_schema(workload)
    check_names(workload, config, schema)
    labels = gate_labels(workload.table.label, schema)
    check_columns(workload.table, schema, f"schemas/{workload.name}.pbtxt")
    accepted = [dataclasses.asdict(entry) for entry in config.gate.accept]
    pushed_to = pusher_pb2.PushDestination.Filesystem(base_directory=str(root / "serving"))

    example_gen = ArrowExampleGen(
        input_base=str(rows),
        schema=schema,
        splits=SPLITS,
        on_bad_row=config.data.on_bad_row,
        max_bad_share=config.data.max_bad_share,
        splitting=make_splitting(config.data.split_by, schema),
        shuffle_rows=config.data.shuffle_rows,
        seed=config.data.seed,
        other_columns=config.data.other_columns,
        above=exclusive_minima(workload.table.features),
        labels={labels["column"]: labels["values"]},
    ).with_id(EXAMPLE_GEN)
    examples = example_gen.outputs["examples"]
    statistics_gen = BatchStatisticsGen(examples=examples).with_id(STATISTICS_GEN)
    schema_gen = ImportSchemaGen(schema_file=str(schema_copy(workload, root)))
    curated = schema_gen.outputs["schema"]
    validator = ExampleValidator(statistics=statistics_gen.outputs["statistics"], schema=curated)
    gate = ValidationGate(
        validator.outputs["anomalies"],
        config.gate.block_on,
        accepted,
        labels,
        statistics=statistics_gen.outputs["statistics"],
        examples=examples,
        schema=curated,
    )
    transform = BatchTransform(
        examples=examples,
        schema=curated,
        preprocessing_fn=workload.preprocessing_fn,
        splits_config=transform_pb2.SplitsConfig(analyze=["train"], transform=["train", "eval"]),
        disable_statistics=True,
        disable_analyzer_cache=True,
        custom_config={
            "domains": domains(schema, closed_columns(workload.table.features)),
            "source": source_digest(workload.module("preprocessing")),
        },
    ).with_id(TRANSFORM)
    transform.add_upstream_node(gate)
    tuning = tuning_nodes(workload, config, transform, curated)
    warm_start = warm_start_nodes(config.training)
    trainer = DistributedTrainer(
        run_fn=workload.run_fn,
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        schema=curated,
        hyperparameters=next((node.outputs["best_hyperparameters"] for node in tuning), None),
        base_model=next((node.outputs["model"] for node in warm_start), None),
        train_args=trainer_pb2.TrainArgs(splits=["train"]),
        eval_args=trainer_pb2.EvalArgs(splits=["eval"]),
        custom_config={
            "training": config.training.model_dump(mode="json", exclude={"backend"}),
            "source": source_digest(workload.module("trainer")),
            "labels": str(rows / "labels"),
        },
    ).with_id(TRAINER)
    baseline = Resolver(
        strategy_class=LatestOtherBlessedModel,
        candidate=trainer.outputs["model"],
        model=Channel(type=standard_artifacts.Model),
        model_blessing=Channel(type=standard_artifacts.ModelBlessing),
    ).with_id(BASELINE)
    evaluator = BatchEvaluator(
        examples=examples,
        example_splits=["test"],
        schema=curated,
        model=trainer.outputs["model"],
        baseline_model=baseline.outputs["model"],
        eval_config=make_eval_config(workload, config.evaluation, schema),
    ).with_id(EVALUATOR)
    report = SliceReport(
        report_settings(workload, config, schema),
        examples=examples,
        statistics=statistics_gen.outputs["statistics"],
        schema=curated,
        verdict=gate.outputs["verdict"],
        model=trainer.outputs["model"],
        model_run=trainer.outputs["model_run"],
        evaluation=evaluator.outputs["evaluation"],
        blessing=evaluator.outputs["blessing"],
        baseline_model=baseline.outputs["model"],
    )
    review = review_nodes(config.release, report)
    pusher = VersionedPusher(
        model=trainer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        push_destination=pusher_pb2.PushDestination(filesystem=pushed_to),
        review=config.release.review,
        **{key: channel for node in review for key, channel in node.outputs.items()},
    ).with_id(PUSHER)
    return Pipeline(
        pipeline_name=config.name,
        pipeline_root=str(root / "artifacts"),
        components=[
            example_gen, statistics_gen, schema_gen, validator, gate, transform, *tuning, *warm_start, trainer,
            baseline, evaluator, report, *review, pusher,
        ],
        metadata_connection_config=connection_config(config.metadata, root),
        enable_cache=enable_cache,
        beam_pipeline_args=list(config.beam_pipeline_args),
    )  # fmt: skip


def tuning_nodes(workload: Workload, config: Config, transform: BatchTransform, schema: OutputChannel) -> "list[Tuner]":
    """What searches the settings of the training, where the config asks for it."""
    if config.tuning is None:
        return []
    # It brings Optuna.
    from components.tuner.component import Tuner

    tuner = Tuner(
        run_fn=workload.run_fn,
        training=config.training.model_dump(mode="json", exclude={"backend"}),
        settings=tuning_settings(workload, config, config.tuning),
        source=source_digest(workload.module("trainer")),
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        schema=schema,
    )
    return [tuner]


def warm_start_nodes(training: Training) -> list[Resolver]:
    """What finds the model to begin with, where the config asks for one."""
    if training.warm_start == "none":
        return []
    latest = Resolver(
        strategy_class=LatestOtherBlessedModel,
        model=Channel(type=standard_artifacts.Model),
        model_blessing=Channel(type=standard_artifacts.ModelBlessing),
    )
    return [latest.with_id(WARM_START)]


def review_nodes(release: Release, report: SliceReport) -> list[Resolver]:
    """What tells Pusher the decision on the report, where a decision is required."""
    if release.review == "none":
        return []
    approval = Resolver(
        strategy_class=ApprovedReport,
        report=report.outputs["report"],
        decision=Channel(type=ReviewDecision),
    )
    return [approval.with_id(APPROVAL)]


def domains(schema: schema_pb2.Schema, columns: tuple[str, ...]) -> dict[str, list[str]]:
    """The values that the schema allows in each of some columns.

    Raises:
        ConfigError: a column without a domain.
    """
    found = {feature.name: list(feature.string_domain.value) for feature in schema.feature}
    for column in columns:
        if not found.get(column):
            raise ConfigError(f"schemas, feature {column}", "no string_domain, but the feature table calls it closed")
    return {column: found[column] for column in columns}


def schema_copy(workload: Workload, root: Path) -> Path:
    """Where the copy of the curated schema lies that a run reads; its name is of its content.

    ImportSchemaGen's cache key is the path of the file, so that an edit must change the path.
    """
    content = workload.schema.read_bytes()
    return root / "schemas" / f"{workload.name}-{hashlib.sha256(content).hexdigest()[:16]}.pbtxt"


def keep_schema(config: Config, root: Path) -> None:
    """Makes that copy, which the graph of a config reads when it runs."""
    workload = load_workload(config.workload)
    claim(schema_copy(workload, root), workload.schema.read_bytes())
