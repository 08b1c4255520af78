"""The data set ``impressions``: the rows of ``data.synthetic``, in the form of the other data sets."""

import csv

import pytest
from pyarrow import parquet
from sklearn.metrics import log_loss, roc_auc_score

from data.datasets.sample import COLUMNS, ROWS, rows_by_split
from data.prepare import prepare
from data.simulation.shop import World
from data.synthetic import synthesize
from pipeline.criteria import SliceKey
from pipeline.workloads.impressions.evaluation import EVALUATION


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return prepare("impressions", "time", 0, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return synthesize(World(ROWS), tmp_path_factory.mktemp("synthetic") / "rows")


def cells(paths):
    return [row for path in sorted(paths) for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines())]


def test_it_needs_no_raw_files_and_has_the_known_rows(prepared):
    assert prepared.rows == {"train": 80_000, "eval": 10_000, "test": 10_000}
    assert not (prepared.path.parents[2] / "raw").exists()


@pytest.mark.parametrize("split", ["train", "eval", "test"])
def test_the_rows_are_those_of_synthetic(prepared, drawn, split):
    numbers = ("price_usd", "rating")
    ours, theirs = (cells((each.path / split).glob("*.csv")) for each in (prepared, drawn))
    for rows in (ours, theirs):
        for row in rows:
            row.update({name: row[name] and float(row[name]) for name in numbers})
    assert ours == theirs


def test_a_seed_is_another_world(tmp_path):
    first, other = (rows_by_split(tmp_path, "time", seed) for seed in (0, 1))
    assert len(first["test"][0]) == len(COLUMNS)
    assert first["test"] != other["test"]


def test_no_bound_asks_for_more_than_the_truth_can_give(prepared, drawn):
    rows = cells([prepared.path / "test" / "rows.csv"])
    truth = parquet.read_table(drawn.path / "truth" / "test.parquet").column("click_probability").to_pylist()
    for bound in EVALUATION.thresholds:
        if bound.metric == "GroupAUC":
            assert bound.lower < mean_auc_of_users(rows, truth)
            continue
        pairs = [(int(row["clicked"]), p) for row, p in zip(rows, truth, strict=True) if on(row, bound.slice_key)]
        labels, scores = zip(*pairs, strict=True)
        best = {
            "AUC": roc_auc_score(labels, scores),
            "BinaryCrossEntropy": log_loss(labels, scores),
            "Calibration": sum(scores) / sum(labels),
        }[bound.metric]
        assert bound.lower is None or bound.lower < best
        assert bound.upper is None or bound.upper > best


def mean_auc_of_users(rows, scores):
    """The mean AUC of the users that have clicked on some items and not on others."""
    by_user = {}
    for row, score in zip(rows, scores, strict=True):
        by_user.setdefault(row["user_id"], []).append((int(row["clicked"]), score))
    pairs = [tuple(zip(*of_user, strict=True)) for of_user in by_user.values()]
    return sum(found := [roc_auc_score(*pair) for pair in pairs if len(set(pair[0])) == 2]) / len(found)


def test_a_model_that_has_learned_nothing_does_not_keep_the_bounds(prepared):
    rate = [int(row["clicked"]) for row in cells([prepared.path / "train" / "rows.csv"])]
    labels = [int(row["clicked"]) for row in cells([prepared.path / "test" / "rows.csv"])]
    constant = log_loss(labels, [sum(rate) / len(rate)] * len(labels))
    (upper,) = (bound.upper for bound in EVALUATION.thresholds if bound.metric == "BinaryCrossEntropy")
    assert upper < constant


def on(row: dict[str, str], key: SliceKey) -> bool:
    return all(row[name] == value for name, value in key)
