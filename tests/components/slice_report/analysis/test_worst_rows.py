from dataclasses import replace

import numpy as np
import pytest
from fakes.report.report_settings import SETTINGS
from fakes.report.scored_examples import ROWS, losses_of, make_columns, run_evaluation, scores_of

from components.evaluation.units import independent
from components.slice_report.analysis.by_slice.slices import make_slices
from components.slice_report.analysis.worst_rows import DONORS, SEED, SHOWN, find_worst_rows, hardest
from components.slice_report.facts import SUSPECTS, LabelSuspects, LabelTail, Segment, WeakSegments
from pipeline.label import Label

ODD = Segment((("kind", "odd"),), 0, 0, 0, 0, 0)
NOTHING = WeakSegments(0, 0.05, 30, ())
NO_SUSPECTS = LabelSuspects(0.05, 0.05, ())
ALLOWED = replace(SETTINGS, example_columns=("kind", "tags", "age"))


@pytest.fixture(scope="module")
def columns():
    return make_columns(ROWS)


@pytest.fixture(scope="module")
def sources(columns, tmp_path_factory):
    return run_evaluation(tmp_path_factory.mktemp("run"), columns, [range(0, 400), range(400, ROWS)])


@pytest.fixture(scope="module")
def slices(sources):
    return make_slices(sources.evaluation, sources.predictions, Label("label"), independent(ROWS))


@pytest.fixture(scope="module")
def found(sources, slices):
    return find_worst_rows(sources, ALLOWED, slices, replace(NOTHING, found=(ODD,)), NO_SUSPECTS)


def rows_of(found, scope):
    (positions,) = (one.rows for one in found.scopes if one.name == scope)
    return [found.rows[position] for position in positions]


def test_all_rows_and_segments_have_their_worst_rows_first(found, columns):
    losses = losses_of(columns)
    odd = np.flatnonzero(np.array(columns["kind"])[:, 0] == b"odd")
    for scope, members in (("overall", np.arange(ROWS)), ("kind=odd", odd)):
        expected = members[np.argsort(-losses[members], kind="stable")[:SHOWN]]
        assert [row.number - 1 for row in rows_of(found, scope)] == expected.tolist()
        assert [row.loss for row in rows_of(found, scope)] == pytest.approx(losses[expected], rel=1e-4)


def test_each_slice_that_is_large_enough_has_its_rows(found, slices):
    assert {one.name for one in found.scopes} == {"kind=odd"} | {item.name for item in slices if not item.too_small}


def test_a_row_has_its_label_score_and_the_allowed_columns_only(found, columns):
    assert found.columns == ("kind", "tags", "age")
    scores = scores_of(columns)
    for row in found.rows:
        at = row.number - 1
        assert (row.label, row.score) == (columns["label"][at][0], pytest.approx(scores[at], abs=1e-5))
        assert row.values[0] == columns["kind"][at][0].decode()
        assert row.values[1] == (", ".join(tag.decode() for tag in columns["tags"][at] or []) or "(none)")
        assert row.values[2] == (str(columns["age"][at][0]) if columns["age"][at] else "(none)")


def test_a_contribution_is_the_score_less_its_mean_with_values_of_other_rows(found, columns):
    donors = np.random.default_rng(SEED).choice(ROWS, DONORS)
    for row in rows_of(found, "overall"):
        at = row.number - 1
        for name, contribution in zip(found.features, row.contributions, strict=True):
            changed = {key: [values[at]] * DONORS for key, values in columns.items()}
            changed[name] = [columns[name][donor] for donor in donors]
            expected = scores_of(columns)[at] - scores_of(changed).mean()
            assert contribution == pytest.approx(expected, abs=1e-5), name
    assert set(found.features) == {"size", "tags", "age", "kind", "user"}


def test_a_row_stands_once_however_many_slices_have_it(found):
    numbers = [row.number for row in found.rows]
    assert len(numbers) == len(set(numbers))


def test_without_an_allowed_column_no_row_is_shown(sources, slices):
    assert find_worst_rows(sources, SETTINGS, slices, NOTHING, NO_SUSPECTS) is None


def test_of_equal_losses_the_first_rows_are_shown_and_rows_without_one_are_not():
    losses = np.array([np.nan, *[0.5] * 50, 0.7])
    assert hardest(losses, np.arange(52)).tolist() == [51, *range(1, SHOWN)]


def test_suspects_are_shown_where_there_are_too_many(sources, slices, columns):
    score, label = scores_of(columns), np.array(columns["label"])[:, 0]
    low = np.flatnonzero((score <= 0.05) & (label == 1))
    assert low.size
    tails = LabelTail(1, 100, low.size, 0.1, 0.0), LabelTail(0, 100, 0, 0.1, 0.9)
    found = find_worst_rows(sources, ALLOWED, slices, NOTHING, LabelSuspects(0.05, 0.05, tails))
    expected = low[np.argsort(score[low], kind="stable")[:SHOWN]]
    assert [row.number - 1 for row in rows_of(found, SUSPECTS)] == expected.tolist()
