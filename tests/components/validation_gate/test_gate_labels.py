"""Labels are checked in every split before anything is trained."""

import numpy as np
import pyarrow as pa
import pytest
import tensorflow_data_validation as tfdv
from tensorflow_data_validation.statistics import stats_impl
from tensorflow_metadata.proto.v0 import schema_pb2

from components.data_validation.labels import Labels
from components.examples.shards import write_shards
from components.validation_gate.label_check import check_labels
from pipeline.errors import DataError

INT, FLOAT, BYTES = schema_pb2.INT, schema_pb2.FLOAT, schema_pb2.BYTES
ARROW = {INT: pa.int64(), FLOAT: pa.float32(), BYTES: pa.binary()}
GOOD = [0, 1, 1, 0]
TEXTS = ["no", "yes", "yes", "no"]


def check(tmp_path, kind=INT, **splits) -> None:
    """Check splits of labels; each label is a value, a list of values, or None."""
    statistics, files = {}, {}
    for split, labels in splits.items():
        lists = [None if label is None else np.atleast_1d(label).tolist() for label in labels]
        batch = pa.record_batch([pa.array(lists, pa.list_(ARROW[kind]))], ["late"])
        folder = tmp_path / split
        folder.mkdir()
        write_shards(iter([(str(folder), batch)]), "rows")
        files[split] = list(map(str, folder.glob("*.gz")))
        statistics[split] = stats_impl.generate_statistics_in_memory(batch, tfdv.StatsOptions()).datasets[0]
    schema = schema_pb2.Schema(feature=[schema_pb2.Feature(name="late", type=kind)])
    values = ("no", "yes") if kind == BYTES else (0, 1)
    check_labels(Labels("late", "binary", values), statistics, files, schema)


def problem(tmp_path, kind=INT, **splits) -> str:
    with pytest.raises(DataError) as caught:
        check(tmp_path, kind, **splits)
    assert (caught.value.where, caught.value.exit_code) == ("label late", 2)
    return caught.value.problem


@pytest.mark.parametrize("kind", [INT, FLOAT])
def test_0_and_1_in_every_split_are_accepted(kind, tmp_path):
    check(tmp_path, kind, train=GOOD, eval=[1, 0], test=[0, 1])


@pytest.mark.parametrize("kind", [INT, FLOAT])
@pytest.mark.parametrize("split", ["train", "eval", "test"])
def test_a_missing_label_is_counted_in_its_split(kind, split, tmp_path):
    splits = {"train": GOOD, "eval": GOOD, "test": GOOD} | {split: [None, *GOOD, None]}
    assert problem(tmp_path, kind, **splits) == f"missing in 2 of 6 rows of {split}; nothing was trained"


def test_a_split_without_labels_is_refused(tmp_path):
    assert "missing in 3 of 3 rows of eval" in problem(tmp_path, train=GOOD, eval=[None] * 3)


@pytest.mark.parametrize(
    ("kind", "labels", "words"),
    [
        (INT, [0, 1, 2], "in 1 of 3 rows of train, such as 2;"),
        (INT, [-1, 1, -1, 1], "in 2 of 4 rows of train, such as -1;"),
        (INT, [1, 2, 3], "in 2 of 3 rows of train, such as 2, 3;"),
        (INT, [0, 1, 2**40], "such as 1099511627776;"),
        (FLOAT, [0, 0.5, 1, 1], "in 1 of 4 rows of train, such as 0.5;"),
        (FLOAT, [0, 0.9, 1], "such as 0.9;"),
        (FLOAT, [0, 1, np.nan], "such as nan;"),
        (FLOAT, [0, 1, np.inf], "such as inf;"),
        (FLOAT, list(np.linspace(0, 1, 12)), "in 10 of 12 rows"),
    ],
)
def test_an_unknown_label_is_named(kind, labels, words, tmp_path):
    found = problem(tmp_path, kind, train=labels, eval=GOOD)
    assert found.startswith("neither 0 nor 1 in ")
    assert words in found


def test_only_a_few_of_many_unknown_labels_are_named(tmp_path):
    assert problem(tmp_path, train=[0, 1, *range(2, 500)]).count(",") == 5


def test_several_labels_in_one_row_are_refused(tmp_path):
    assert "several values in 1 of 3 rows of train" in problem(tmp_path, train=[0, 1, [0, 1]])


@pytest.mark.parametrize("kind", [INT, FLOAT])
@pytest.mark.parametrize(("label", "lacking"), [(0, 1), (1, 0)])
@pytest.mark.parametrize("split", ["train", "eval", "test"])
def test_a_split_with_one_class_is_refused(kind, label, lacking, split, tmp_path):
    splits = {"train": GOOD, "eval": GOOD, "test": GOOD} | {split: [label] * 7}
    assert problem(tmp_path, kind, **splits) == f"{lacking} in none of 7 rows of {split}; nothing was trained"


def test_all_problems_of_all_splits_are_reported_together(tmp_path):
    found = problem(tmp_path, train=[0, None, 2], eval=[0, 0], test=[-1, 1])
    assert found == (
        "missing in 1 of 3 rows of train; neither 0 nor 1 in 1 of 3 rows of train, such as 2; "
        "1 in none of 2 rows of eval; neither 0 nor 1 in 1 of 2 rows of test, such as -1; nothing was trained"
    )


def test_two_texts_in_every_split_are_accepted(tmp_path):
    check(tmp_path, BYTES, train=TEXTS, eval=["yes", "no"])


@pytest.mark.parametrize("long", ["", "x" * 5000])
def test_texts_are_counted_like_numbers(long, tmp_path):
    """By the statistics, or by the rows where the statistics cut a long text."""
    found = problem(tmp_path, BYTES, train=["no", None, "Yes", long or "maybe"], eval=["no", "no"])
    assert found.startswith(
        "missing in 1 of 4 rows of train; neither 'no' nor 'yes' in 2 of 4 rows of train, such as \"Yes\", "
        if long else
        "missing in 1 of 4 rows of train; neither 'no' nor 'yes' in 2 of 4 rows of train, such as "
    )  # fmt: skip
    assert found.endswith("; 'yes' in none of 2 rows of eval; nothing was trained")
    assert "maybe" in found or long
