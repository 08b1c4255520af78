"""The executor refuses unsupported settings, leaves unknown functions to stock, and notices lost rows."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest
from fakes.stock import transform_runs
from fakes.stock.transform_runs import multiset, run, taxi_rows, taxi_schema

from components.batch_transform import passes
from components.batch_transform.options import check_settings
from components.examples.file_rows import record_rows, rows_by_path
from components.examples.listing import FILES, files_of, folders_of, list_written
from pipeline.errors import ConfigError, DataError, MainlineError

PLAIN = "batch_transform.preprocessing.plain"
SETTINGS = {
    "disable_statistics": {"disable_statistics": 0},
    "module_file": {"module_file": "preprocessing.py"},
    "module_path": {"module_path": "preprocessing@package.whl"},
    "stats_options_updater_fn": {"stats_options_updater_fn": "a.function"},
    "force_tf_compat_v1": {"force_tf_compat_v1": 1},
}


@pytest.mark.parametrize("key", SETTINGS)
def test_an_unsupported_setting_is_refused_before_anything_is_written(key, taxi, tmp_path):
    with pytest.raises(ConfigError, match=key):
        run("ours", taxi, tmp_path, PLAIN, taxi_schema(), **SETTINGS[key])
    assert not list(Path(tmp_path, "ours", "graph").iterdir())


@pytest.mark.parametrize("side", ["inputs", "outputs"])
def test_a_cache_of_analyzers_is_refused(side, taxi, tmp_path):
    given = {"inputs": {}, "outputs": {}}
    given[side] = {{"inputs": "analyzer_cache", "outputs": "updated_analyzer_cache"}[side]: [taxi]}
    with pytest.raises(ConfigError) as error:
        check_settings(given["inputs"], given["outputs"], {"disable_statistics": 1})
    assert error.value.expected == "disable_analyzer_cache=True"


def test_examples_of_another_format_are_refused(tmp_path):
    examples = transform_runs.write_examples(tmp_path / "examples", {"train": taxi_rows().slice(0, 5)})
    examples.set_string_custom_property("payload_format", "FORMAT_PROTO")
    with pytest.raises(ConfigError, match="not tf"):
        run("ours", examples, tmp_path, PLAIN, taxi_schema(), ("train",))


def test_a_split_without_files_is_refused(tmp_path):
    few = taxi_rows().slice(0, 5)
    examples = transform_runs.write_examples(tmp_path / "examples", {"train": few, "eval": few})
    for path in Path(examples.uri, "Split-eval").iterdir():
        path.unlink()
    with pytest.raises(DataError, match="no examples"):
        run("ours", examples, tmp_path, PLAIN, taxi_schema(), ("train", "eval"))


@pytest.mark.parametrize(
    ("function", "unknown"), [("by_label", "VocabularyAccumulate"), ("ragged", "transformed column 'letters'")]
)
def test_an_unsupported_function_is_left_to_stock_with_a_warning(function, unknown, tmp_path, caplog):
    rows = taxi_rows()
    splits = {"train": rows.slice(0, 300), "eval": rows.slice(300, 100)}
    examples = transform_runs.write_examples(tmp_path / "examples", splits)
    with caplog.at_level(logging.WARNING):
        ours = run("ours", examples, tmp_path, f"batch_transform.preprocessing.{function}", taxi_schema())
    (said,) = (record.getMessage() for record in caplog.records if "using stock Transform" in record.getMessage())
    assert unknown in said
    assert "slower" in said
    assert len(ours.rows("eval")) == 100
    assert {path.name for path in Path(ours.graph.uri).iterdir()} == {
        "metadata",
        "transform_fn",
        "transformed_metadata",
    }


def test_rows_dropped_by_a_function_fail_the_run(taxi, tmp_path):
    with pytest.raises(MainlineError, match="not every row was transformed once") as error:
        run("ours", taxi, tmp_path, "batch_transform.preprocessing.first_half", taxi_schema())
    assert error.value.expected == "700 rows, 3,000 rows"
    assert not list(Path(tmp_path, "ours", "graph").glob("transform_fn"))


def test_an_unread_file_fails_the_run(taxi, tmp_path, monkeypatch):
    merge = passes.RowsByFile.merge_accumulators
    monkeypatch.setattr(passes.RowsByFile, "merge_accumulators", lambda self, parts: merge(self, list(parts)[:1]))
    with pytest.raises(MainlineError, match="a file was not read"):
        run("ours", taxi, tmp_path, PLAIN, taxi_schema())


def test_rows_that_were_lost_since_they_were_written_fail_the_run(tmp_path):
    examples = transform_runs.write_examples(tmp_path / "examples", {"train": taxi_rows().slice(0, 30)})
    list_written(examples)
    ((path,),) = files_of(folders_of(examples), examples.get_string_custom_property(FILES)).values()
    record_rows(examples, {path: 31})
    with pytest.raises(MainlineError, match="rows were lost or duplicated since they were written") as error:
        run("ours", examples, tmp_path, PLAIN, taxi_schema(), ("train",))
    found = error.value
    assert (found.where, found.expected, found.received) == (f"Transform, {path}", "31 rows", "30 rows")


def test_the_rows_of_each_new_file_are_recorded(tmp_path):
    rows = {"train": taxi_rows().slice(0, 50), "eval": taxi_rows().slice(50, 7)}
    examples = transform_runs.write_examples(tmp_path / "examples", rows, files=2)
    ours = run("ours", examples, tmp_path, PLAIN, taxi_schema())
    recorded = rows_by_path([ours.examples])
    assert {path.removeprefix(f"{ours.examples.uri}/"): count for path, count in recorded.items()} == {
        "Split-train/transformed_examples-00000-00000.gz": 25, "Split-train/transformed_examples-00001-00000.gz": 25,
        "Split-eval/transformed_examples-00000-00000.gz": 4, "Split-eval/transformed_examples-00001-00000.gz": 3,
    }  # fmt: skip


def test_passes_with_different_row_counts_fail_the_run():
    with pytest.raises(MainlineError) as error:
        passes.check_rows({"a": 3, "b": 5}, {"a": 3, "b": 10, "c": 1})
    assert (error.value.where, error.value.expected, error.value.received) == ("b", "5 rows", "10 rows")


def test_the_division_into_files_does_not_change_the_rows(tmp_path):
    rows = {"train": taxi_rows().slice(0, 5000), "eval": taxi_rows().slice(5000, 10)}
    made = {}
    for files in (1, 4):
        examples = transform_runs.write_examples(tmp_path / f"examples-{files}", rows, files)
        made[files] = run(
            "ours", examples, tmp_path / str(files), "batch_transform.preprocessing.counted", taxi_schema()
        )
    assert made[4].files() == made[1].files()
    for split in rows:
        assert multiset(made[4].rows(split)) == multiset(made[1].rows(split))
    assert len(list(Path(made[4].examples.uri, "Split-train").iterdir())) == 4


def test_a_function_gets_its_custom_config(taxi, tmp_path):
    ours = run(
        "ours", taxi, tmp_path, "batch_transform.preprocessing.configured", taxi_schema(), ("eval",),
        custom_config=json.dumps({"factor": 3.0}),
    )  # fmt: skip
    raw = taxi_rows().slice(3000, 700)["fare"].to_numpy()
    found = [row.features.feature["fare"].float_list.value[0] for row in ours.rows("eval")]
    np.testing.assert_allclose(found, raw * 3)
