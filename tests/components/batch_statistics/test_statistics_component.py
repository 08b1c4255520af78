"""The component in a pipeline of its own, with the stock component that reads what it writes."""

import tensorflow_data_validation as tfdv
from fakes.stock import example_gen_runs
from harness import write_text
from tfx.components.example_validator.component import ExampleValidator
from tfx.components.schema_gen.component import SchemaGen

from components.batch_statistics.component import BatchStatisticsGen


def test_stock_components_and_tfdv_read_the_statistics(tmp_path):
    write_text(tmp_path / "rows" / "train" / "rows.csv", "".join(example_gen_runs.taxi_lines(2000)))
    examples = example_gen_runs.taxi_gen(tmp_path / "rows")
    statistics = BatchStatisticsGen(examples=examples.outputs["examples"]).with_id("StatisticsGen")
    schema = SchemaGen(statistics=statistics.outputs["statistics"])
    validator = ExampleValidator(statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"])
    example_gen_runs.run_nodes(tmp_path, examples, statistics, schema, validator)
    (written,) = (tmp_path / "root" / "StatisticsGen" / "statistics").iterdir()
    loaded = tfdv.load_stats_binary(str(written / "Split-train" / "FeatureStats.pb"))
    assert loaded.datasets[0].num_examples == 2000
    (made,) = (tmp_path / "root" / "SchemaGen" / "schema").iterdir()
    assert len(tfdv.load_schema_text(str(made / "schema.pbtxt")).feature) == 18
    (anomalies,) = (tmp_path / "root" / "ExampleValidator" / "anomalies").glob("*/Split-train")
    assert [path.name for path in anomalies.iterdir()] == ["SchemaDiff.pb"]
