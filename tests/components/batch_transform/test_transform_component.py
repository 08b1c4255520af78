"""The component in a pipeline of its own, from a CSV to what a trainer reads."""

import pytest
import tensorflow_transform as tft
from fakes.stock import example_gen_runs
from fakes.stock.transform_runs import taxi_schema
from harness import write_text
from tfx.components.schema_gen.import_schema_gen.component import ImportSchemaGen
from tfx.proto import transform_pb2
from tfx.utils import io_utils

from components.batch_transform.component import BatchTransform, StockTransform


@pytest.mark.parametrize("component", [BatchTransform, StockTransform])
def test_the_component_runs_in_a_pipeline(component, tmp_path):
    write_text(tmp_path / "rows" / "train" / "rows.csv", "".join(example_gen_runs.taxi_lines(2000)))
    io_utils.write_pbtxt_file(str(tmp_path / "schema.pbtxt"), taxi_schema())
    examples = example_gen_runs.taxi_gen(tmp_path / "rows")
    schema = ImportSchemaGen(schema_file=str(tmp_path / "schema.pbtxt"))
    transform = component(
        examples=examples.outputs["examples"],
        schema=schema.outputs["schema"],
        preprocessing_fn="batch_transform.preprocessing.counted",
        splits_config=transform_pb2.SplitsConfig(analyze=["train"], transform=["train"]),
        disable_statistics=True,
        disable_analyzer_cache=True,
    ).with_id("Transform")
    example_gen_runs.run_nodes(tmp_path, examples, schema, transform)
    (graph,) = (tmp_path / "root" / "Transform" / "transform_graph").iterdir()
    assert tft.TFTransformOutput(str(graph)).vocabulary_size_by_name("company") > 5
    (made,) = (tmp_path / "root" / "Transform" / "transformed_examples").iterdir()
    assert sum(example_gen_runs.examples(made).values()) == 2000
