"""From a user's own unsplit table to a pushed model."""

import re

import harness
import pytest
from harness import write_text


def one_table(tmp_path) -> str:
    """The folder of one file with the rows of all splits."""
    parts = [
        (harness.tiny_rows(tmp_path / "given") / split / "rows.csv").read_text().splitlines(keepends=True)
        for split in harness.SPLITS
    ]
    write_text(tmp_path / "table" / "all.csv", "".join([parts[0][0], *(line for part in parts for line in part[1:])]))
    return tmp_path / "table"


@pytest.mark.slow
def test_an_unsplit_table_becomes_a_model(tmp_path):
    shares = "{key: fnlwgt, shares: {train: 0.7, eval: 0.1, test: 0.2}}"
    outcome = harness.run_here(one_table(tmp_path), tmp_path / "runs", f"data.split_by={shares}")
    assert (outcome.code, outcome.facts["status"]) == (0, "pushed"), outcome.facts["error"]
    rows = {node["node"]: node["rows_out"] for node in outcome.facts["nodes"]}
    assert rows["ExampleGen"] == rows["StatisticsGen"] == sum(harness.TINY.values())
    assert 0.7 * 2200 < rows["Transform"] < 0.9 * 2200
    assert 0.15 * 2200 < rows["Evaluator"] < 0.25 * 2200


def test_a_folder_of_splits_is_not_a_folder_of_files(tmp_path):
    given = harness.tiny_rows(tmp_path / "given")
    outcome = harness.run_here(given, tmp_path / "runs", "data.split_by={key: fnlwgt}")
    assert (outcome.code, outcome.facts["status"]) == (2, "bad input")
    assert re.search(r"no rows\s+expected: \*\.csv, \*\.jsonl, \*\.parquet or \*\.tfrecord\n", outcome.facts["error"])


def test_an_unknown_column_is_reported_before_anything_runs(tmp_path):
    outcome = harness.run_here(one_table(tmp_path), tmp_path / "runs", "data.split_by={key: user}")
    assert outcome.code == 2
    assert "data.split_by.key: the schema has no such column" in outcome.facts["error"]
