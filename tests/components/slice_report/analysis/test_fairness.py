import math

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import precision_score, recall_score

from components.evaluation.verdict import Measurement
from components.slice_report.analysis.fairness import NONE, gaps, make_gap, sensitive
from components.slice_report.analysis.scores import count_scores
from components.slice_report.facts import OTHER, Group, ScoreCounts
from pipeline.errors import DataError, MainlineError

NO_SCORES = ScoreCounts((), (), ())


def table(values, kind=None, seed=0, **columns):
    """Predictions with a column ``group``."""
    generator = np.random.default_rng(seed)
    scores = generator.random(len(values)).astype(np.float32)
    labels = (generator.random(len(values)) < scores).astype(np.int64)
    given = {"group": pa.array(values, kind), "y": pa.array(labels), "score": pa.array(scores)}
    return pa.table({**given, **columns})


def measure(values, kind=None, threshold=0.5, **columns):
    return sensitive(table(values, kind, **columns), "y", "group", threshold)


def sizes(found):
    return {group.value: group.rows for group in found.groups}


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 0.97])
def test_rates_are_those_of_scikit_learn(threshold):
    rows = table(["a", "b", "b", "c"] * 250)
    found = sensitive(rows, "y", "group", threshold)
    frame = rows.to_pandas()
    assert sizes(found) == {"b": 500, "a": 250, "c": 250}
    for group in found.groups:
        part = frame[frame["group"] == group.value]
        decided = part["score"].to_numpy(np.float64) > threshold
        value = {name: measured.value for name, measured in group.rates.items()}
        assert list(value) == ["selection", "tpr", "fpr", "ppv"]
        assert value["selection"] == decided.mean()
        assert value["tpr"] == pytest.approx(recall_score(part["y"], decided))
        assert value["fpr"] == pytest.approx(1 - recall_score(part["y"], decided, pos_label=0))
        assert value["ppv"] == pytest.approx(precision_score(part["y"], decided))
        assert group.scores == count_scores(part["y"].to_numpy(), part["score"].to_numpy())
        assert group.too_small == ""


def test_a_score_at_the_threshold_is_not_selected():
    rows = table(["a"] * 2, score=pa.array([0.5, np.nextafter(np.float32(0.5), np.float32(1))], pa.float32()))
    (group,) = sensitive(rows, "y", "group", 0.5).groups
    assert group.rates["selection"].value == 0.5


def test_intervals_are_those_of_a_bootstrap_within_sampling_error():
    rows = table(["a"] * 800)
    (group,) = sensitive(rows, "y", "group", 0.5).groups
    labels, selected = rows["y"].to_numpy() == 1, rows["score"].to_numpy() > 0.5
    draws = np.random.default_rng(1).integers(0, 800, (2000, 800))
    y, s = labels[draws], selected[draws]
    bootstrap = {
        "selection": s.mean(axis=1),
        "tpr": (y & s).sum(axis=1) / y.sum(axis=1),
        "fpr": (~y & s).sum(axis=1) / (~y).sum(axis=1),
        "ppv": (y & s).sum(axis=1) / s.sum(axis=1),
    }
    for name, measured in group.rates.items():
        assert measured.interval == pytest.approx(np.quantile(bootstrap[name], [0.025, 0.975]), abs=0.01), name


def test_the_counts_of_a_group_give_its_rates_at_any_threshold():
    rows = table(["a", "b"] * 300)
    for k in (20, 100, 151):
        for group in sensitive(rows, "y", "group", k / 200).groups:
            hits, false = sum(group.scores.positives[k:]), sum(group.scores.negatives[k:])
            assert group.rates["selection"].value == (hits + false) / group.rows
            assert group.rates["tpr"].value == hits / sum(group.scores.positives)
            assert group.rates["fpr"].value == false / sum(group.scores.negatives)


def test_rows_without_a_value_are_a_group_and_come_last():
    found = measure(["a"] * 3 + [None] * 50 + ["b"] * 4)
    assert list(sizes(found).items()) == [("b", 4), ("a", 3), (NONE, 50)]


@pytest.mark.parametrize(
    ("values", "kind", "names"),
    [
        ([3, -1, None], pa.int64(), {"3", "-1", NONE}),
        ([0.5, math.nan, None], pa.float32(), {"0.5", NONE}),
        ([0.1, 1e-7, -0.0, 0.0], pa.float32(), {"0.1", "1e-07", "0.0"}),
        (["", "é", "<script>"], pa.string(), {"(empty)", "é", "<script>"}),
        ([b"\xff", b"a"], pa.binary(), {"\\xff", "a"}),
        ([True, False, None], pa.bool_(), {"True", "False", NONE}),
        ([None, None], pa.null(), {NONE}),
        ([None, None], pa.string(), {NONE}),
    ],
)
def test_values_of_any_type_have_a_name(values, kind, names):
    assert set(sizes(measure(values, kind))) == names


def test_values_that_read_the_same_are_one_group():
    found = measure(["x" * 200 + "a", "x" * 200 + "b", "(none)", None])
    assert sorted(sizes(found).values()) == [2, 2]


@pytest.mark.parametrize("kind", [pa.list_(pa.string()), pa.large_list(pa.string())])
def test_a_row_with_several_values_is_once_in_each_group(kind):
    values = [["a", "b", "a"], ["b"], None, [], [None], ["c", None]]
    rows = table(values, kind)
    assert sizes(sensitive(rows, "y", "group", 0.5)) == {"b": 2, "a": 1, "c": 1, NONE: 4}
    assert sizes(sensitive(rows.slice(1), "y", "group", 0.5)) == {"b": 1, "c": 1, NONE: 4}
    halves = pa.concat_tables([rows.slice(0, 2), rows.slice(2)])
    # As text: from Python 3.13 on, a dataclass with a NaN in it is not equal to itself.
    assert repr(sensitive(halves, "y", "group", 0.5)) == repr(sensitive(rows, "y", "group", 0.5))


def test_the_largest_of_many_groups_stay_and_the_others_are_merged():
    values = [f"v{k:04d}" for k in range(2000)] + [f"v{k:04d}" for k in range(1900, 1950)] * 2 + [None]
    found = measure(values)
    assert len(found.groups) == 52
    assert {group.rows for group in found.groups[:50]} == {3}
    assert [(group.value, group.rows) for group in found.groups[50:]] == [(OTHER, 1950), (NONE, 1)]


def test_a_row_is_once_among_the_other_values():
    values = [[f"v{k}"] * 2 for k in range(50)] * 2 + [["x", "y", "v1"], ["z"]]
    found = measure(values, pa.list_(pa.string()))
    assert sizes(found)[OTHER] == 2
    assert sizes(found)["v1"] == 3


def test_fifty_values_are_not_merged():
    assert OTHER not in sizes(measure([f"v{k}" for k in range(50)]))


def group(value, rates, too_small=""):
    return Group(value, 100, too_small, {name: Measurement(share, None) for name, share in rates.items()}, NO_SCORES)


def of_each(share):
    return dict.fromkeys(("selection", "tpr", "fpr", "ppv"), share)


def test_the_best_is_the_highest_and_for_false_positives_the_lowest():
    found = {
        gap.rate: gap for gap in gaps([group("a", of_each(0.2)), group("b", of_each(0.5)), group("c", of_each(0.4))])
    }
    assert list(found) == ["selection", "tpr", "fpr", "ppv"]
    for name in ("selection", "tpr", "ppv"):
        assert (found[name].best, found[name].worst) == ("b", "a")
        assert (found[name].difference, found[name].ratio) == pytest.approx((0.3, 0.4))
    assert (found["fpr"].best, found["fpr"].worst) == ("a", "b")
    assert (found["fpr"].difference, found["fpr"].ratio) == pytest.approx((0.3, 2.5))


@pytest.mark.parametrize(
    ("name", "rates", "ratio"),
    [
        ("selection", {"a": 0.0, "b": 0.0}, 1.0),
        ("fpr", {"a": 0.0, "b": 0.0}, 1.0),
        ("selection", {"a": 0.0, "b": 0.5}, 0.0),
        ("fpr", {"a": 0.0, "b": 0.5}, math.inf),
    ],
)
def test_a_rate_of_zero_does_not_divide(name, rates, ratio):
    found = make_gap(name, rates)
    assert found.ratio == ratio
    assert found.best != found.worst


def test_groups_without_information_are_left_out_of_gaps():
    able = [group("a", of_each(0.4)), group("b", {**of_each(0.5), "ppv": math.nan})]
    unable = [group("c", of_each(0.9), too_small="only 2 rows"), group(OTHER, of_each(0.0))]
    found = gaps([*able, *unable])
    assert [gap.rate for gap in found] == ["selection", "tpr", "fpr"]
    assert {gap.best for gap in found} | {gap.worst for gap in found} == {"a", "b"}
    assert gaps([group("a", of_each(0.4)), *unable]) == ()
    assert gaps([]) == ()


def test_gaps_are_between_groups_with_enough_rows():
    found = measure(["a", "b"] * 200 + ["c"] * 5)
    assert found.groups[-1].too_small == "only 5 rows"
    assert len(found.gaps) == 4
    for gap in found.gaps:
        share = {item.value: item.rates[gap.rate].value for item in found.groups}
        assert {gap.best, gap.worst} == {"a", "b"}
        assert gap.difference == pytest.approx(abs(share["a"] - share["b"]))
        assert gap.ratio == share[gap.worst] / share[gap.best]


def test_no_rows_have_no_groups():
    found = sensitive(table([], pa.string()), "y", "group", 0.5)
    assert (found.feature, found.groups, found.gaps) == ("group", (), ())
    without_chunks = table(["a"]).schema.empty_table()
    assert sensitive(without_chunks, "y", "group", 0.5) == found
    assert sensitive(table([], pa.list_(pa.string())), "y", "group", 0.5) == found


@pytest.mark.parametrize(("label", "undefined"), [(0, {"tpr"}), (1, {"fpr"})])
def test_one_label_only_leaves_a_rate_without_value(label, undefined):
    rows = table(["a"] * 60, y=pa.array([label] * 60))
    (only,) = sensitive(rows, "y", "group", 0.5).groups
    assert {name for name, rate in only.rates.items() if math.isnan(rate.value)} == undefined
    assert {name for name, rate in only.rates.items() if rate.interval is None} == undefined
    assert only.too_small == f"no rows with label {1 - label}"


def test_one_row():
    (only,) = measure(["a"]).groups
    assert (only.rows, only.too_small) == (1, "only 1 row")


def test_what_cannot_be_judged_is_refused():
    rows = table(["a"] * 3)
    with pytest.raises(DataError, match="no such column") as caught:
        sensitive(rows, "y", "sex", 0.5)
    assert "group" in str(caught.value)
    for labels in ([0, 1, None], [0, 1, 2]):
        with pytest.raises(DataError, match="neither 0 nor 1"):
            sensitive(table(["a"] * 3, y=pa.array(labels)), "y", "group", 0.5)
    with pytest.raises(MainlineError, match="not finite"):
        sensitive(table(["a"] * 2, score=pa.array([0.1, math.nan])), "y", "group", 0.5)
