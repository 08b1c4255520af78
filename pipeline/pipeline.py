"""The graph as a table: one statement per node. Nothing in it knows where it runs."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tfx.components.example_validator.component import ExampleValidator
from tfx.components.schema_gen.import_schema_gen.component import ImportSchemaGen
from tfx.components.statistics_gen.component import StatisticsGen
from tfx.components.transform.component import Transform
from tfx.dsl.components.common.resolver import Resolver
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import pusher_pb2, trainer_pb2, transform_pb2
from tfx.types import standard_artifacts
from tfx.types.channel import Channel, OutputChannel

from components.arrow_example_gen.component import ArrowExampleGen
from components.artifacts.model_digest import content_digest
from components.artifacts.types import ReviewDecision
from components.baseline.strategy import LatestOtherBlessedModel, ServedModel
from components.batch_evaluator.component import BatchEvaluator, StockEvaluator
from components.batch_statistics.component import BatchStatisticsGen
from components.batch_transform.component import BatchTransform, StockTransform
from components.distributed_trainer.component import DistributedTrainer
from components.review.strategy import ApprovedReport
from components.slice_report.component import SliceReport
from components.validation_gate.component import ValidationGate
from components.versioned_pusher.component import VersionedPusher
from pipeline.config.root import Config, Release
from pipeline.config.training import Training
from pipeline.features.table import exclusive_minima
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
from pipeline.settings.graph import GraphSettings, check_settings, schema_copy
from pipeline.settings.report import ratio_bounds, report_settings
from pipeline.settings.split import make_splitting
from pipeline.settings.tuning import tuning_settings
from pipeline.splits import SPLITS
from pipeline.workloads.contract import with_bounds

if TYPE_CHECKING:
    from components.tuner.component import Tuner


STATISTICS_GENS: Mapping[str, type[StatisticsGen]] = {"batch": BatchStatisticsGen, "stock": StatisticsGen}
TRANSFORMS: Mapping[str, type[Transform]] = {"batch": BatchTransform, "stock": StockTransform}
EVALUATORS: Mapping[str, type[BatchEvaluator]] = {"batch": BatchEvaluator, "stock": StockEvaluator}


def create_pipeline(config: Config, rows: Path, root: Path, enable_cache: bool = True) -> Pipeline:
    """The whole graph for a config.

    Args:
        config: the effective config.
        rows: folder with ``train/``, ``eval/`` and ``test/``, each with CSV, JSON Lines, Parquet or TFRecord files;
            with ``data.split_by``, a folder with the files themselves.
        root: folder for artifacts, metadata and served models; a server reads ``<root>/serving/<version>``.
        enable_cache: whether a node whose inputs, settings and code have not changed is answered from the cache.
    """
    settings = check_settings(config, rows, root)
    example_gen = make_example_gen(settings)
    examples = example_gen.outputs["examples"]
    statistics_gen = STATISTICS_GENS[config.statistics.engine](examples=examples).with_id(STATISTICS_GEN)
    statistics = statistics_gen.outputs["statistics"]
    schema_gen = ImportSchemaGen(schema_file=str(schema_copy(settings.workload, root)))
    schema = schema_gen.outputs["schema"]
    validator = ExampleValidator(statistics=statistics, schema=schema)
    gate = make_gate(settings, validator.outputs["anomalies"], statistics, examples, schema)
    transform = make_transform(settings, examples, schema, gate)
    tuning = tuning_nodes(settings, transform, schema)
    warm_start = warm_start_nodes(config.training)
    trainer = make_trainer(settings, transform, schema, tuning, warm_start)
    baseline = make_baseline(settings, trainer)
    evaluator = make_evaluator(settings, examples, schema, trainer, baseline)
    report = make_report(settings, example_gen, statistics_gen, schema_gen, gate, trainer, evaluator, baseline)
    review = review_nodes(config.release, report)
    pusher = make_pusher(settings, trainer, evaluator, review)
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


def make_example_gen(settings: GraphSettings) -> ArrowExampleGen:
    """ExampleGen: rows of files become tf.Examples, by split."""
    data = settings.config.data
    return ArrowExampleGen(
        input_base=str(settings.rows),
        schema=settings.schema,
        splits=SPLITS,
        on_bad_row=data.on_bad_row,
        max_bad_share=data.max_bad_share,
        splitting=make_splitting(data.split_by, settings.schema),
        shuffle_rows=data.shuffle_rows,
        seed=data.seed,
        other_columns=data.other_columns,
        above=exclusive_minima(settings.workload.table.features),
        labels={settings.labels["column"]: settings.labels["values"]},
    ).with_id(EXAMPLE_GEN)


def make_gate(
    settings: GraphSettings,
    anomalies: OutputChannel,
    statistics: OutputChannel,
    examples: OutputChannel,
    schema: OutputChannel,
) -> ValidationGate:
    """ValidationGate: anomalies that the config does not accept fail the run."""
    gate = settings.config.gate
    return ValidationGate(
        anomalies,
        gate.block_on,
        [dataclasses.asdict(entry) for entry in gate.accept],
        settings.labels,
        statistics=statistics,
        examples=examples,
        schema=schema,
    )


def make_transform(
    settings: GraphSettings, examples: OutputChannel, schema: OutputChannel, gate: ValidationGate
) -> Transform:
    """Transform: vocabularies and scales from the train split, applied to train and eval once the gate has passed."""
    workload = settings.workload
    transform = TRANSFORMS[settings.config.transform.engine](
        examples=examples,
        schema=schema,
        preprocessing_fn=workload.preprocessing_fn,
        splits_config=transform_pb2.SplitsConfig(analyze=["train"], transform=["train", "eval"]),
        disable_statistics=True,
        disable_analyzer_cache=True,
        custom_config={"domains": settings.domains},
    ).with_id(TRANSFORM)
    transform.add_upstream_node(gate)
    return transform


def make_trainer(
    settings: GraphSettings,
    transform: Transform,
    schema: OutputChannel,
    tuning: "list[Tuner]",
    warm_start: list[Resolver],
) -> DistributedTrainer:
    """Trainer, with the best hyperparameters and the model to start from where the config asks for them."""
    return DistributedTrainer(
        run_fn=settings.workload.run_fn,
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        schema=schema,
        hyperparameters=next((node.outputs["best_hyperparameters"] for node in tuning), None),
        base_model=next((node.outputs["model"] for node in warm_start), None),
        train_args=trainer_pb2.TrainArgs(splits=["train"]),
        eval_args=trainer_pb2.EvalArgs(splits=["eval"]),
        custom_config={
            "training": settings.training,
            "source": settings.workload.code_digest("trainer"),
            "labels": str(settings.rows / "labels"),
            "labels_digest": content_digest(settings.rows / "labels"),
        },
    ).with_id(TRAINER)


def make_baseline(settings: GraphSettings, trainer: DistributedTrainer) -> Resolver:
    """The model that is served, other than the candidate itself; if nothing is served, the latest blessed one."""
    return Resolver(
        strategy_class=ServedModel,
        config={"serving": str(settings.serving)},
        candidate=trainer.outputs["model"],
        model=Channel(type=standard_artifacts.Model),
        model_blessing=Channel(type=standard_artifacts.ModelBlessing),
    ).with_id(BASELINE)


def make_evaluator(
    settings: GraphSettings,
    examples: OutputChannel,
    schema: OutputChannel,
    trainer: DistributedTrainer,
    baseline: Resolver,
) -> BatchEvaluator:
    """Evaluator: metrics by slice on the test split, and the blessing."""
    config = settings.config.evaluation
    evaluation = with_bounds(settings.workload.evaluation, config)
    return EVALUATORS[config.engine](
        examples=examples,
        example_splits=["test"],
        schema=schema,
        model=trainer.outputs["model"],
        baseline_model=baseline.outputs["model"],
        eval_config=make_eval_config(settings.workload, config, settings.schema),
        cluster_by=evaluation.cluster_by,
        strict_bounds=evaluation.bounds if config.on_too_close == "block" else None,
        ratio_bounds=ratio_bounds(evaluation, settings.config.report),
        label=settings.label,
    ).with_id(EVALUATOR)


def make_report(
    settings: GraphSettings,
    example_gen: ArrowExampleGen,
    statistics_gen: StatisticsGen,
    schema_gen: ImportSchemaGen,
    gate: ValidationGate,
    trainer: DistributedTrainer,
    evaluator: BatchEvaluator,
    baseline: Resolver,
) -> SliceReport:
    """SliceReport: one offline page on data, training and evaluation."""
    return SliceReport(
        report_settings(settings.workload, settings.config, settings.schema),
        examples=example_gen.outputs["examples"],
        statistics=statistics_gen.outputs["statistics"],
        schema=schema_gen.outputs["schema"],
        verdict=gate.outputs["verdict"],
        model=trainer.outputs["model"],
        model_run=trainer.outputs["model_run"],
        evaluation=evaluator.outputs["evaluation"],
        blessing=evaluator.outputs["blessing"],
        baseline_model=baseline.outputs["model"],
    )


def make_pusher(
    settings: GraphSettings, trainer: DistributedTrainer, evaluator: BatchEvaluator, review: list[Resolver]
) -> VersionedPusher:
    """Pusher: a blessed, and where required approved, model becomes a version below ``serving/``."""
    pushed_to = pusher_pb2.PushDestination.Filesystem(base_directory=str(settings.serving))
    return VersionedPusher(
        model=trainer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        push_destination=pusher_pb2.PushDestination(filesystem=pushed_to),
        review=settings.config.release.review,
        **{key: channel for node in review for key, channel in node.outputs.items()},
    ).with_id(PUSHER)


def tuning_nodes(settings: GraphSettings, transform: Transform, schema: OutputChannel) -> "list[Tuner]":
    """Tuner, where the config asks for a hyperparameter search."""
    if settings.config.tuning is None:
        return []
    # Imported here because it loads Optuna.
    from components.tuner.component import Tuner

    tuner = Tuner(
        run_fn=settings.workload.run_fn,
        training=settings.training,
        settings=tuning_settings(settings.workload, settings.config, settings.config.tuning),
        source=settings.workload.code_digest("trainer"),
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        schema=schema,
    )
    return [tuner]


def warm_start_nodes(training: Training) -> list[Resolver]:
    """The resolver of the model to start from, where the config asks for a warm start."""
    if training.warm_start == "none":
        return []
    latest = Resolver(
        strategy_class=LatestOtherBlessedModel,
        model=Channel(type=standard_artifacts.Model),
        model_blessing=Channel(type=standard_artifacts.ModelBlessing),
    )
    return [latest.with_id(WARM_START)]


def review_nodes(release: Release, report: SliceReport) -> list[Resolver]:
    """The resolver of the decision on the report, where the config requires a review."""
    if release.review == "none":
        return []
    approval = Resolver(
        strategy_class=ApprovedReport,
        report=report.outputs["report"],
        decision=Channel(type=ReviewDecision),
    )
    return [approval.with_id(APPROVAL)]
