"""The taxi graph with our components where we have one, run by our runner."""

import sys
from pathlib import Path
from typing import Any

from tfx.components.example_validator.component import ExampleValidator
from tfx.components.schema_gen.import_schema_gen.component import ImportSchemaGen
from tfx.dsl.components.common.resolver import Resolver
from tfx.orchestration.pipeline import Pipeline
from tfx.types import standard_artifacts
from tfx.types.channel import Channel
from tfx.utils import io_utils

from benchmarks.cases import TAXI_SCHEMA, TAXI_SPLITS
from benchmarks.sides.taxi_settings import as_pipeline, push_destination, taxi_settings
from components.arrow_example_gen.component import ArrowExampleGen
from components.baseline.strategy import LatestOtherBlessedModel
from components.batch_evaluator.component import BatchEvaluator
from components.distributed_trainer.component import DistributedTrainer
from components.validation_gate.component import ValidationGate
from components.versioned_pusher.component import VersionedPusher
from pipeline.config.load import load_config
from pipeline.pipeline import create_pipeline
from pipeline.run.console import observing
from pipeline.run.local.graph import Graph, compile_pipeline
from pipeline.run.local.runner import progress_to, run_nodes


def run_taxi(rows: Path, root: Path) -> int:
    """Run the graph once."""
    with observing(sys.stderr) as observer, progress_to(observer) as handler:
        ir = compile_pipeline(make_ours(rows, root), "measured", from_node=None, to_node=None)
        run_nodes(Graph(ir, observer, handler), "local")
    return 0


def make_ours(rows: Path, root: Path) -> Pipeline:
    """Build the graph of the stock side, plus the gate."""
    chosen, settings = shipped_classes(rows, root), taxi_settings()
    schema = io_utils.SchemaReader().read(str(TAXI_SCHEMA))
    example_gen = ArrowExampleGen(input_base=str(rows), schema=schema, splits=TAXI_SPLITS).with_id("ExampleGen")
    examples = example_gen.outputs["examples"]
    statistics_gen = chosen["StatisticsGen"](examples=examples).with_id("StatisticsGen")
    schema_gen = ImportSchemaGen(**settings["schema"])
    curated = schema_gen.outputs["schema"]
    validator = ExampleValidator(statistics=statistics_gen.outputs["statistics"], schema=curated)
    gate = ValidationGate(
        validator.outputs["anomalies"],
        "error",
        [],
        None,
        statistics=statistics_gen.outputs["statistics"],
        examples=examples,
        schema=curated,
    )
    transform = chosen["Transform"](examples=examples, schema=curated, **settings["transform"]).with_id("Transform")
    transform.add_upstream_node(gate)
    trainer = DistributedTrainer(
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        schema=curated,
        **settings["trainer"],
    ).with_id("Trainer")
    baseline = Resolver(
        strategy_class=LatestOtherBlessedModel,
        candidate=trainer.outputs["model"],
        model=Channel(type=standard_artifacts.Model),
        model_blessing=Channel(type=standard_artifacts.ModelBlessing),
    ).with_id("Baseline")
    evaluator = BatchEvaluator(
        examples=examples,
        model=trainer.outputs["model"],
        baseline_model=baseline.outputs["model"],
        schema=curated,
        **settings["evaluator"],
    ).with_id("Evaluator")
    pusher = VersionedPusher(
        model=trainer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        push_destination=push_destination(root),
    ).with_id("Pusher")
    nodes = [
        example_gen, statistics_gen, schema_gen, validator, gate, transform, trainer, baseline, evaluator, pusher,
    ]  # fmt: skip
    return as_pipeline(nodes, root)


def shipped_classes(rows: Path, root: Path) -> dict[str, Any]:
    """Return the component class of every node of the shipped pipeline, so that the benchmark measures what ships."""
    return {node.id: type(node) for node in create_pipeline(load_config("impressions"), rows, root).components}
