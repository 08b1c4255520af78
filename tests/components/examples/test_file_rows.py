"""The rows that a component recorded of its files, and what happens if the next one finds others."""

import dataclasses

import pytest
from fakes.stock import example_gen_runs
from harness import write_text
from tfx.orchestration import metadata

from components.batch_statistics.component import BatchStatisticsGen
from components.examples import FILE_ROWS, shards
from components.examples.file_rows import check_rows_read, record_rows, rows_by_path, rows_by_split
from pipeline.errors import MainlineError
from pipeline.run.artifacts import as_output
from pipeline.run.local.row_counts import rows_out


@pytest.fixture
def examples(written):
    return written


def path(examples, name) -> str:
    return f"{examples.uri}/Split-{name}"


@pytest.fixture
def rows(examples):
    return {path(examples, name): rows for name, rows in (("train/a.gz", 5), ("train/b.gz", 2), ("eval/a.gz", 1))}


def test_rows_are_recorded_by_file_wherever_the_artifact_lies(examples, rows):
    record_rows(examples, rows)
    assert rows_by_path([examples]) == rows
    assert rows_by_split(examples) == {"train": 7, "eval": 1}
    examples.uri = "/elsewhere"
    assert set(rows_by_path([examples])) == {path(examples, name) for name in ("train/a.gz", "train/b.gz", "eval/a.gz")}


def test_examples_without_a_record_have_none(examples):
    assert rows_by_path([examples]) == {}
    assert rows_by_split(examples) == {}


def test_a_file_that_this_component_did_not_write_is_an_error(examples, rows):
    del rows[path(examples, "train/b.gz")]
    with pytest.raises(MainlineError, match="not those that were written") as caught:
        record_rows(examples, rows)
    assert (caught.value.where, caught.value.received) == (path(examples, "train/b.gz"), "3 files")


def test_a_written_file_that_is_gone_is_an_error(examples, rows):
    with pytest.raises(MainlineError, match="not those that were written"):
        record_rows(examples, {**rows, path(examples, "train/c.gz"): 1})


def test_other_numbers_of_rows_are_an_error_that_names_the_file():
    check_rows_read("Transform", {"a": 1, "b": 5}, {"a": 1, "c": 2})
    with pytest.raises(MainlineError, match="rows were lost or duplicated") as caught:
        check_rows_read("Transform", {"a": 1, "b": 5000}, {"a": 1, "b": 4999})
    found = caught.value
    assert (found.where, found.expected, found.received) == ("Transform, b", "5,000 rows", "4,999 rows")


def losing(monkeypatch) -> None:
    """Make the writer of shards pass over every block from then on, and yet count its rows."""
    add = shards.Shard.add
    monkeypatch.setattr(
        shards.Shard, "add", lambda self, block: add(self, dataclasses.replace(block, data=memoryview(b"")))
    )


def run_two(tmp_path, **changed):
    write_text(tmp_path / "rows" / "train" / "rows.csv", "".join(example_gen_runs.taxi_lines(200)))
    gen = example_gen_runs.taxi_gen(tmp_path / "rows", **changed)
    statistics = BatchStatisticsGen(examples=gen.outputs["examples"]).with_id("StatisticsGen")
    example_gen_runs.run_nodes(tmp_path, gen, statistics)


def test_statistics_gen_finds_rows_that_were_lost_while_writing(tmp_path, monkeypatch):
    losing(monkeypatch)
    with pytest.raises(MainlineError, match="rows were lost or duplicated since they were written") as caught:
        run_two(tmp_path)
    found = caught.value
    assert (found.where, found.expected, found.received) == ("StatisticsGen, train", "200 rows", "0 rows")


def test_the_runner_takes_the_record_and_counts_where_there_is_none(tmp_path, monkeypatch):
    run_two(tmp_path)
    with metadata.Metadata(example_gen_runs.store(tmp_path)) as handle:
        (artifact,) = handle.store.get_artifacts_by_type("Examples")
    examples = as_output(artifact, "examples")
    unrecorded = dataclasses.replace(
        examples, properties={key: value for key, value in examples.properties.items() if key != FILE_ROWS}
    )
    assert rows_out([unrecorded]) == {"train": 200}
    monkeypatch.setattr("pipeline.run.local.row_counts.count_records", lambda paths: pytest.fail("counted again"))
    assert rows_out([examples]) == {"train": 200}
