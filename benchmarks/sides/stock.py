"""The stock side: the graph of TFX's guides, from stock components.

``python -m benchmarks.sides.stock CASE ROWS ROOT`` runs it once. The taxi rows use the functions, slices and metrics of
TFX's template (https://www.tensorflow.org/tfx/tutorials/tfx/template_local); our workloads use their own. Both sides
share the Beam runner, schema, files, settings and EvalConfig, and neither computes Transform's statistics: only the
components differ.
"""

import sys
from pathlib import Path

from tfx import v1 as tfx
from tfx.utils import io_utils

from benchmarks.cases import TAXI, TAXI_SPLITS, Case, config_of, parse_side
from benchmarks.sides.taxi_settings import TRANSFORM_OPTIONS, Settings, as_pipeline, push_destination, taxi_settings
from pipeline.splits import SPLITS


def workload_settings(case: Case, rows: Path) -> Settings:
    """Return the arguments of the nodes for one of our workloads, the same as in our pipeline."""
    # Imported here, so that the taxi rows do not pay for importing our own code.
    from pipeline.features.table import closed_columns
    from pipeline.settings.evaluation import make_eval_config
    from pipeline.settings.graph import domains
    from pipeline.workloads.contract import load_workload

    workload, config = load_workload(case.name), config_of(case, rows)
    schema = io_utils.SchemaReader().read(str(workload.schema))
    return {
        "schema": {"schema_file": str(workload.schema)},
        "transform": {
            "preprocessing_fn": workload.preprocessing_fn,
            "splits_config": tfx.proto.SplitsConfig(analyze=["train"], transform=["train", "eval"]),
            **TRANSFORM_OPTIONS,
            "custom_config": {
                "domains": domains(schema, closed_columns(workload.table.features)),
            },
        },
        "trainer": {
            "run_fn": workload.run_fn,
            "train_args": tfx.proto.TrainArgs(splits=["train"]),
            "eval_args": tfx.proto.EvalArgs(splits=["eval"]),
            "custom_config": {
                "training": config.training.model_dump(mode="json", exclude={"backend"}),
                "labels": str(rows / "labels"),
            },
        },
        "evaluator": {"example_splits": ["test"], "eval_config": make_eval_config(workload, config.evaluation, schema)},
    }


def make_stock(splits: tuple[str, ...], settings: Settings, rows: Path, root: Path) -> tfx.dsl.Pipeline:
    """Build the graph; nodes have the same ids as ours."""
    components = tfx.components
    patterns = [tfx.proto.Input.Split(name=split, pattern=f"{split}/*.csv") for split in splits]
    example_gen = components.CsvExampleGen(str(rows), input_config=tfx.proto.Input(splits=patterns))
    examples = example_gen.with_id("ExampleGen").outputs["examples"]
    statistics_gen = components.StatisticsGen(examples=examples)
    schema_gen = components.ImportSchemaGen(**settings["schema"])
    schema = schema_gen.outputs["schema"]
    validator = components.ExampleValidator(statistics=statistics_gen.outputs["statistics"], schema=schema)
    transform = components.Transform(examples=examples, schema=schema, **settings["transform"])
    trainer = components.Trainer(
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        schema=schema,
        **settings["trainer"],
    )
    baseline = tfx.dsl.Resolver(
        strategy_class=tfx.dsl.experimental.LatestBlessedModelStrategy,
        model=tfx.dsl.Channel(type=tfx.types.standard_artifacts.Model),
        model_blessing=tfx.dsl.Channel(type=tfx.types.standard_artifacts.ModelBlessing),
    ).with_id("Baseline")
    evaluator = components.Evaluator(
        examples=examples,
        model=trainer.outputs["model"],
        baseline_model=baseline.outputs["model"],
        schema=schema,
        **settings["evaluator"],
    )
    pusher = components.Pusher(
        model=trainer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        push_destination=push_destination(root),
    )
    nodes = [example_gen, statistics_gen, schema_gen, validator, transform, trainer, baseline, evaluator, pusher]
    return as_pipeline(nodes, root)


def main() -> int:
    """Run the graph once."""
    case, rows, root = parse_side()
    root.mkdir(parents=True, exist_ok=True)
    taxi = case.name == TAXI
    settings = taxi_settings() if taxi else workload_settings(case, rows)
    tfx.orchestration.LocalDagRunner().run(make_stock(TAXI_SPLITS if taxi else SPLITS, settings, rows, root))
    return 0


if __name__ == "__main__":
    sys.exit(main())
