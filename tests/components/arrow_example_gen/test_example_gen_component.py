import json

import pytest
import tensorflow as tf
from fakes.stock import example_gen_runs
from harness import write_text
from pyarrow import csv as arrow_csv
from pyarrow import parquet
from tfx.components.example_gen.csv_example_gen.component import CsvExampleGen
from tfx.components.statistics_gen.component import StatisticsGen
from tfx.orchestration import metadata
from tfx.types import standard_artifacts

from components.arrow_example_gen.file_formats import FORMATS
from components.arrow_example_gen.source_files import of_one_format
from components.examples.parsing import declared
from components.support.row_files import KINDS
from pipeline.errors import DataError


@pytest.mark.parametrize("end", [*KINDS, ".gz"])
def test_hidden_files_and_those_of_editors_are_ignored(end):
    others = [f"rows/train/{name}" for name in (f".rows-backup{end}", f"._rows{end}", f".#rows{end}", f"rows{end}~")]
    assert of_one_format("rows/train/*.*", [*others, f"rows/train/rows{end}", "rows/train/~$rows.csv"]) == [
        f"rows/train/rows{end}"
    ]
    with pytest.raises(DataError, match="no file matches"):
        of_one_format("rows/train/*.*", others)


def test_taxi_examples_are_those_of_csv_example_gen_and_read_by_stock_components(tmp_path):
    lines = example_gen_runs.taxi_lines(3000)
    write_text(tmp_path / "rows" / "train" / "rows.csv", "".join(lines))
    ours = example_gen_runs.taxi_gen(tmp_path / "rows")
    stock = CsvExampleGen(input_base=str(tmp_path / "rows" / "train"))
    example_gen_runs.run_nodes(tmp_path, ours, stock, StatisticsGen(examples=ours.outputs["examples"]))
    found = example_gen_runs.examples(example_gen_runs.output(ours, tmp_path))
    assert found.total() == 3000
    assert found == example_gen_runs.examples(example_gen_runs.output(stock, tmp_path))


def test_parquet_gives_the_examples_of_the_csv_file_of_the_same_rows(tmp_path):
    lines = "".join(example_gen_runs.taxi_lines(1000))
    write_text(tmp_path / "csv" / "train" / "rows.csv", lines)
    table = arrow_csv.read_csv(
        tmp_path / "csv" / "train" / "rows.csv", convert_options=arrow_csv.ConvertOptions(strings_can_be_null=True)
    )
    (tmp_path / "parquet" / "train").mkdir(parents=True)
    write_text(tmp_path / "parquet" / "train" / "notes.txt", "not rows")
    for number in range(2):
        half = table.slice(number * 500, 500)
        parquet.write_table(half, tmp_path / "parquet" / "train" / f"{number}.parquet", row_group_size=90)
    of_csv = example_gen_runs.taxi_gen(tmp_path / "csv").with_id("FromCsv")
    of_parquet = example_gen_runs.taxi_gen(tmp_path / "parquet").with_id("FromParquet")
    example_gen_runs.run_nodes(tmp_path, of_csv, of_parquet)
    found = example_gen_runs.examples(example_gen_runs.output(of_parquet, tmp_path))
    assert found.total() == 1000
    assert found == example_gen_runs.examples(example_gen_runs.output(of_csv, tmp_path))


def test_json_lines_give_the_examples_of_the_csv_file_of_the_same_rows(tmp_path):
    path = tmp_path / "csv" / "train" / "rows.csv"
    write_text(path, "".join(example_gen_runs.taxi_lines(1000)))
    table = arrow_csv.read_csv(path, convert_options=arrow_csv.ConvertOptions(strings_can_be_null=True))
    rows = ({name: value for name, value in row.items() if value is not None} for row in table.to_pylist())
    write_text(tmp_path / "json" / "train" / "rows.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    of_csv = example_gen_runs.taxi_gen(tmp_path / "csv").with_id("FromCsv")
    of_json = example_gen_runs.taxi_gen(tmp_path / "json").with_id("FromJson")
    example_gen_runs.run_nodes(tmp_path, of_csv, of_json)
    found = example_gen_runs.examples(example_gen_runs.output(of_json, tmp_path))
    assert found.total() == 1000
    assert found == example_gen_runs.examples(example_gen_runs.output(of_csv, tmp_path))


def test_columns_that_are_not_in_the_schema_can_be_left_out(tmp_path):
    lines = example_gen_runs.taxi_lines(300)
    write_text(tmp_path / "narrow" / "train" / "rows.csv", "".join(lines))
    wide = [f"note,{lines[0]}", *(f"'{number},{line}" for number, line in enumerate(lines[1:]))]
    write_text(tmp_path / "wide" / "train" / "rows.csv", "".join(wide))
    narrow = example_gen_runs.taxi_gen(tmp_path / "narrow").with_id("Narrow")
    chosen = example_gen_runs.taxi_gen(tmp_path / "wide", other_columns="ignore").with_id("Chosen")
    example_gen_runs.run_nodes(tmp_path, narrow, chosen)
    found = example_gen_runs.examples(example_gen_runs.output(chosen, tmp_path))
    assert found.total() == 300
    assert found == example_gen_runs.examples(example_gen_runs.output(narrow, tmp_path))


def test_missing_columns_are_added_to_every_row_and_declared(tmp_path):
    write_text(tmp_path / "rows" / "train" / "a.csv", "company,tips\nBlue,1.5\n")
    write_text(tmp_path / "rows" / "train" / "b.csv", "tips,trip_seconds\n,7\n")
    ours = example_gen_runs.taxi_gen(tmp_path / "rows")
    example_gen_runs.run_nodes(tmp_path, ours)
    schema = example_gen_runs.taxi_schema()
    columns = {feature.name for feature in schema.feature}
    artifact = standard_artifacts.Examples()
    with metadata.Metadata(example_gen_runs.store(tmp_path)) as handle:
        artifact.set_mlmd_artifact(*handle.store.get_artifacts_by_type("Examples"))
    assert [*map(str, declared(artifact).feature)] == sorted(map(str, schema.feature))
    rows = [
        tf.train.Example.FromString(row) for row in example_gen_runs.examples(example_gen_runs.output(ours, tmp_path))
    ]
    assert [set(row.features.feature) for row in rows] == [columns] * 2
    given = [{name for name, value in row.features.feature.items() if value.WhichOneof("kind")} for row in rows]
    assert sorted(given, key=len) == [{"trip_seconds"}, {"company", "tips"}]


def test_a_damaged_row_group_ends_the_run_and_leaves_no_shard(tmp_path):
    write_text(tmp_path / "rows.csv", "".join(example_gen_runs.taxi_lines(300)))
    options = arrow_csv.ConvertOptions(strings_can_be_null=True)
    path = tmp_path / "rows" / "train" / "rows.parquet"
    path.parent.mkdir(parents=True)
    parquet.write_table(arrow_csv.read_csv(tmp_path / "rows.csv", convert_options=options), path, row_group_size=100)
    chunk = parquet.read_metadata(path).row_group(2).column(1)
    content = bytearray(path.read_bytes())
    start = chunk.dictionary_page_offset
    content[start : start + chunk.total_compressed_size] = b"\xff" * chunk.total_compressed_size
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        example_gen_runs.run_nodes(tmp_path, example_gen_runs.taxi_gen(tmp_path / "rows"))
    assert caught.value.where == f"{path}, row group 2, column fare"
    assert list(tmp_path.glob("root/**/*.gz")) == []


def test_two_formats_in_one_split_are_refused():
    with pytest.raises(DataError, match="not all of one format") as caught:
        of_one_format("rows/train/*.*", ["rows/train/a.csv", "rows/train/b.parquet"])
    assert caught.value.received == ".csv, .parquet"


def test_every_format_that_is_listed_can_be_read():
    assert set(KINDS) == set(FORMATS)
