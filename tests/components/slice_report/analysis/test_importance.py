import math
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pytest
from fakes.report.report_settings import SETTINGS
from fakes.report.scored_examples import (
    ROWS,
    losses_of,
    make_columns,
    run_evaluation,
    write_examples,
)

from components.evaluation.predictions import read_predictions
from components.evaluation.units import Units, independent
from components.evaluation.verdict import Measurement
from components.slice_report.analysis import importance
from components.slice_report.analysis.by_slice.slices import make_slices
from components.slice_report.analysis.importance import draw, explain, mean_growth, worst_slice
from components.slice_report.analysis.predicates import column_predicates
from components.slice_report.analysis.weak_segments import find_weak
from components.slice_report.facts import Segment, Slice, WeakSegments
from components.slice_report.sources import Sources
from pipeline.errors import DataError
from pipeline.label import Label

READ, UNREAD = ("size", "tags", "age"), ("kind", "user")
NOTHING = WeakSegments(0, 0.05, 30, ())
UNITS = independent(ROWS)


def growth_of_all_pairs(columns, name):
    """The mean growth of the loss over all rows with the column of all rows."""
    base, total = losses_of(columns).mean(), 0.0
    for donor in columns[name]:
        total += losses_of({**columns, name: [donor] * len(columns[name])}).mean() - base
    return total / len(columns[name])


@dataclass(frozen=True)
class EvaluatedRun:
    columns: dict
    sources: Sources


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    columns = make_columns(ROWS)
    parts = [range(0, 123), range(123, 124), [], range(124, ROWS)]
    return EvaluatedRun(columns, run_evaluation(tmp_path_factory.mktemp("run"), columns, [p for p in parts]))


def weak_kinds(world):
    """The weak segments of the kinds alone."""
    return find_weak(world.sources.predictions, Label("label"), ("user", *READ), UNITS)


@pytest.fixture(scope="module")
def explained(world):
    return explain(world.sources, SETTINGS, UNITS, (), weak_kinds(world))


def rows_at(columns, rows):
    return {name: [values[row] for row in rows] for name, values in columns.items()}


def where(columns, kind):
    return rows_at(columns, [row for row, value in enumerate(columns["kind"]) if value == [kind]])


def test_the_weakest_segment_is_explained_after_all_rows(world, explained):
    assert [(one.scope, one.rows) for one in explained] == [
        ("overall", ROWS),
        ("kind=odd", len(where(world.columns, b"odd")["kind"])),
    ]


@pytest.mark.parametrize("scope", [0, 1])
@pytest.mark.parametrize("name", READ)
def test_importance_is_the_increase_over_all_pairs_of_rows(world, explained, scope, name):
    columns = [world.columns, where(world.columns, b"odd")][scope]
    measured = dict(explained[scope].columns)[name]
    expected = growth_of_all_pairs(columns, name)
    assert measured.interval[0] < expected < measured.interval[1]
    assert measured.value == pytest.approx(expected, rel=0.3)
    assert measured.value == pytest.approx(sum(measured.interval) / 2)
    # What the model has learnt the wrong way round there, it is better off without.
    assert (measured.value > 0) == (scope == 0)


def test_an_unused_column_has_an_importance_of_exactly_zero(explained):
    for one in explained:
        assert {name: dict(one.columns)[name] for name in UNREAD} == dict.fromkeys(UNREAD, Measurement(0.0))


def test_columns_are_sorted_and_the_label_is_left_out(explained):
    for one in explained:
        values = [measured.value for _, measured in one.columns]
        assert values == sorted(values, reverse=True)
        assert {name for name, _ in one.columns} == {*READ, *UNREAD}


def test_importances_are_reproducible(world, explained):
    assert explain(world.sources, SETTINGS, UNITS, (), weak_kinds(world)) == explained


def test_a_segment_of_a_value_and_a_range_is_explained_by_its_rows(world):
    lowest, *_ = column_predicates(world.sources.predictions["size"])[0]
    _, found = explain(world.sources, SETTINGS, UNITS, (), segment(("kind", "odd"), ("size", lowest)))
    assert found.scope == f"kind=odd, size={lowest}"
    size, kind = np.array(world.columns["size"])[:, 0], np.array(world.columns["kind"])[:, 0]
    rows = np.flatnonzero((size <= np.sort(size)[ROWS // 5 - 1]) & (kind == b"odd"))
    assert found.rows == rows.size
    for name in READ:
        low, high = dict(found.columns)[name].interval
        assert low < growth_of_all_pairs(rows_at(world.columns, rows), name) < high


def test_many_rows_are_sampled(world, monkeypatch):
    monkeypatch.setattr(importance, "MOST_ROWS", 200)
    monkeypatch.setattr(importance, "REPEATS", 200)
    (overall,) = explain(world.sources, SETTINGS, UNITS, (), NOTHING)
    assert (overall.rows, overall.drawn_from) == (200, ROWS)
    drawn = rows_at(world.columns, draw(np.arange(ROWS)))
    for name in READ:
        measured = dict(overall.columns)[name]
        assert measured.value == pytest.approx(growth_of_all_pairs(drawn, name), abs=0.01)


def test_without_a_weak_segment_the_worst_slice_is_explained(world, explained):
    rows = world.sources.predictions
    slices = make_slices(world.sources.evaluation, rows, Label("label"), independent(rows.num_rows))
    for metric in ("binary_crossentropy", "auc"):
        assert explain(world.sources, replace(SETTINGS, primary_metric=metric), UNITS, slices, NOTHING) == explained
    (overall,) = explain(world.sources, SETTINGS, UNITS, slices[:1], NOTHING)
    assert overall == explained[0]


def segment(*features):
    return replace(NOTHING, found=(Segment(features, 0, 0, 0, 0, 0),))


def test_too_few_rows_are_left_out(world, explained):
    assert explain(world.sources, SETTINGS, UNITS, (), segment(("kind", "odd"), ("user", "user 3"))) == explained[:1]


def test_a_column_that_is_constant_in_a_segment_has_no_importance_there(world):
    _, found = explain(world.sources, SETTINGS, UNITS, (), segment(("age", "(none)"), ("kind", "even")))
    assert found.scope == "age=(none), kind=even"
    assert dict(found.columns)["age"] == Measurement(0.0)
    assert dict(found.columns)["size"].value > 0


def test_examples_that_are_not_those_of_the_predictions_are_refused(world, tmp_path):
    write_examples(tmp_path / "examples" / "Split-test" / "data.gz", world.columns, range(ROWS - 1))
    sources = replace(world.sources, folders={**world.sources.folders, "examples": str(tmp_path / "examples")})
    with pytest.raises(DataError, match="899 rows"):
        explain(sources, SETTINGS, UNITS, (), NOTHING)


@pytest.mark.parametrize("rows", [0, 1, 29])
def test_few_rows_give_no_importances(tmp_path, rows):
    sources = run_evaluation(tmp_path, make_columns(rows), [range(rows)])
    assert explain(sources, SETTINGS, UNITS, (), NOTHING) == ()


def test_rows_without_a_score_are_left_out(world, tmp_path):
    sources = replace(world.sources)
    table = read_predictions(world.sources.folders["evaluation"])
    score = np.where(np.arange(ROWS) % 2, table["score"].to_numpy(), np.nan)
    sources.__dict__["predictions"] = table.drop(["score"]).append_column("score", pa.array(score))
    (overall,) = explain(sources, SETTINGS, UNITS, (), NOTHING)
    assert overall.rows == ROWS // 2
    half = rows_at(world.columns, range(1, ROWS, 2))
    assert dict(overall.columns)["size"].value == pytest.approx(growth_of_all_pairs(half, "size"), rel=0.2)


def test_at_most_2000_rows_are_drawn_from_the_whole_range():
    rows = np.arange(10_000) * 3
    drawn = draw(rows)
    assert drawn.size == np.unique(drawn).size == 2000
    assert np.isin(drawn, rows).all()
    assert (np.diff(drawn) > 0).all()
    assert drawn.mean() == pytest.approx(rows.mean(), rel=0.05)
    assert np.array_equal(draw(rows), drawn)
    assert np.array_equal(draw(rows[:2000]), rows[:2000])


@pytest.mark.parametrize(("of_row", "of_donor", "of_both"), [(1, 0, 0), (0, 1, 0), (1, 1, 0), (1, -1, 0.5), (1, 1, 3)])
@pytest.mark.parametrize("each", [1, 4])
def test_the_interval_covers_the_truth_in_19_of_20_cases(of_row, of_donor, of_both, each):
    """With units of four rows, the rows of one have the same value."""
    random, held, rows = np.random.default_rng(0), 0, 100 * each
    code = np.repeat(np.arange(100), each)
    for _ in range(400):
        first, second = (
            random.normal(size=(2, 100))[:, code] if of_row > 0 > of_donor else [random.normal(size=100)[code]] * 2
        )
        donors = np.stack([random.permutation(rows) for _ in range(5)])
        growth = of_row * first + of_donor * second[donors] + of_both * random.normal(size=donors.shape)
        low, high = mean_growth(growth, donors, Units(code, 100)).interval
        held += low <= 0 <= high
    assert 0.92 <= held / 400 <= 0.999


def one_slice(value, too_small="", features=(("a", "x"),), metric="auc"):
    return Slice(features, 100, 0.1, {metric: Measurement(value)}, too_small=too_small)


@pytest.mark.parametrize(
    ("metric", "values", "worst"),
    [
        ("auc", [0.7, 0.6, 0.8], 1),
        ("binary_crossentropy", [0.7, 0.6, 0.8], 2),
        ("calibration", [1.2, 0.7, 1.1], 1),
        ("precision", [math.nan, 0.6, 0.6], 1),
        ("auc", [math.nan], None),
        ("mean_label", [0.1, 0.2], None),
        ("auc", [], None),
    ],
)
def test_which_slice_is_worst(metric, values, worst):
    slices = [one_slice(value, metric=metric) for value in values]
    found = worst_slice(slices, metric)
    assert found is (None if worst is None else slices[worst])


def test_all_rows_and_slices_that_are_too_small_are_not_worst():
    slices = [one_slice(0.1, features=()), one_slice(0.2, "too few rows"), one_slice(0.9)]
    assert worst_slice(slices, "auc") is slices[2]
    assert worst_slice(slices, "recall") is None
