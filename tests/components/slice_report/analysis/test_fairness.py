import math

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import precision_score, recall_score

from components.evaluation.groups import NONE, OTHER
from components.evaluation.groups.rates import divided
from components.evaluation.influence import Linearized
from components.evaluation.units import Units, independent
from components.slice_report.analysis.fairness import Members, gaps, sensitive
from components.slice_report.analysis.scores import count_scores
from components.slice_report.facts import Gap, Group, ScoreCounts
from pipeline.errors import DataError, MainlineError
from pipeline.label import Label

NO_SCORES = ScoreCounts((), (), ())


def table(values, kind=None, seed=0, **columns):
    """Predictions with a column ``group``."""
    generator = np.random.default_rng(seed)
    scores = generator.random(len(values)).astype(np.float32)
    labels = (generator.random(len(values)) < scores).astype(np.int64)
    given = {"group": pa.array(values, kind), "y": pa.array(labels), "score": pa.array(scores)}
    return pa.table({**given, **columns})


def judged(rows, label, feature, threshold, units=None, **own):
    return sensitive(rows, Label(label), feature, threshold, units or independent(rows.num_rows), own)


def measure(values, kind=None, threshold=0.5, **columns):
    return judged(table(values, kind, **columns), "y", "group", threshold)


def sizes(found):
    return {group.value: group.rows for group in found.groups}


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 0.97])
def test_rates_are_those_of_scikit_learn(threshold):
    rows = table(["a", "b", "b", "c"] * 250)
    found = judged(rows, "y", "group", threshold)
    frame = rows.to_pandas()
    assert sizes(found) == {"b": 500, "a": 250, "c": 250}
    for group in found.groups:
        part = frame[frame["group"] == group.value]
        decided = part["score"].to_numpy(np.float64) > threshold
        value = {name: measured.value for name, measured in group.rates.items()}
        assert list(value) == ["base_rate", "selection", "tpr", "fpr", "fnr", "ppv", "calibration"]
        assert value["base_rate"] == part["y"].mean()
        assert value["fnr"] == pytest.approx(1 - recall_score(part["y"], decided))
        assert value["calibration"] == pytest.approx(part["score"].sum() / part["y"].sum())
        assert value["selection"] == decided.mean()
        assert value["tpr"] == pytest.approx(recall_score(part["y"], decided))
        assert value["fpr"] == pytest.approx(1 - recall_score(part["y"], decided, pos_label=0))
        assert value["ppv"] == pytest.approx(precision_score(part["y"], decided))
        assert group.scores == count_scores(part["y"].to_numpy(), part["score"].to_numpy())
        assert group.too_small == ""


def test_a_score_at_the_threshold_is_not_selected():
    rows = table(["a"] * 2, score=pa.array([0.5, np.nextafter(np.float32(0.5), np.float32(1))], pa.float32()))
    (group,) = judged(rows, "y", "group", 0.5).groups
    assert group.rates["selection"].value == 0.5


def test_intervals_are_those_of_a_bootstrap_within_sampling_error():
    rows = table(["a"] * 800)
    (group,) = judged(rows, "y", "group", 0.5).groups
    labels, selected = rows["y"].to_numpy() == 1, rows["score"].to_numpy() > 0.5
    draws = np.random.default_rng(1).integers(0, 800, (2000, 800))
    y, s = labels[draws], selected[draws]
    bootstrap = {
        "selection": s.mean(axis=1),
        "tpr": (y & s).sum(axis=1) / y.sum(axis=1),
        "base_rate": y.mean(axis=1),
        "fpr": (~y & s).sum(axis=1) / (~y).sum(axis=1),
        "fnr": (y & ~s).sum(axis=1) / y.sum(axis=1),
        "calibration": rows["score"].to_numpy()[draws].sum(axis=1) / y.sum(axis=1),
        "ppv": (y & s).sum(axis=1) / s.sum(axis=1),
    }
    for name, measured in group.rates.items():
        assert measured.interval == pytest.approx(np.quantile(bootstrap[name], [0.025, 0.975]), abs=0.01), name


def test_the_counts_of_a_group_give_its_rates_at_any_threshold():
    rows = table(["a", "b"] * 300)
    for k in (20, 100, 151):
        for group in judged(rows, "y", "group", k / 200).groups:
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
    assert sizes(judged(rows, "y", "group", 0.5)) == {"b": 2, "a": 1, "c": 1, NONE: 4}
    assert sizes(judged(rows.slice(1), "y", "group", 0.5)) == {"b": 1, "c": 1, NONE: 4}
    halves = pa.concat_tables([rows.slice(0, 2), rows.slice(2)])
    # As text: from Python 3.13 on, a dataclass with a NaN in it is not equal to itself.
    assert repr(judged(halves, "y", "group", 0.5)) == repr(judged(rows, "y", "group", 0.5))


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


RATES = ("selection", "tpr", "fpr", "fnr", "ppv")


def group(value, rates, too_small=""):
    linearized = {name: Linearized(share, lambda: np.zeros(100)) for name, share in rates.items()}
    return Members(Group(value, 100, too_small, {}, NO_SCORES), np.arange(100), linearized)


def of_each(share):
    return dict.fromkeys(RATES, share)


def gaps_of(*members):
    return {gap.rate: gap for gap in gaps(members, independent(100), 100)}


def test_the_best_is_the_highest_and_for_false_rates_the_lowest():
    found = gaps_of(group("a", of_each(0.2)), group("b", of_each(0.5)), group("c", of_each(0.4)))
    assert tuple(found) == RATES
    for name in ("selection", "tpr", "ppv"):
        assert (found[name].best, found[name].worst) == ("b", "a")
        assert (found[name].difference, found[name].ratio) == pytest.approx((0.3, 0.4))
    for name in ("fpr", "fnr"):
        assert (found[name].best, found[name].worst) == ("a", "b")
        assert (found[name].difference, found[name].ratio) == pytest.approx((0.3, 2.5))


@pytest.mark.parametrize(
    ("name", "shares", "ratio"),
    [
        ("selection", (0.0, 0.0), 1.0),
        ("fpr", (0.0, 0.0), 1.0),
        ("selection", (0.0, 0.5), 0.0),
        ("fpr", (0.0, 0.5), math.inf),
    ],
)
def test_a_rate_of_zero_does_not_divide(name, shares, ratio):
    found = gaps_of(*(group(str(share) * number, of_each(share)) for number, share in enumerate(shares, start=1)))[name]
    assert (found.ratio, found.ratio_interval) == (ratio, None)
    assert found.best != found.worst


def test_groups_without_information_are_left_out_of_gaps():
    able = [group("a", of_each(0.4)), group("b", {**of_each(0.5), "ppv": math.nan})]
    unable = [group("c", of_each(0.9), too_small="only 2 rows"), group(OTHER, of_each(0.0))]
    found = gaps_of(*able, *unable)
    assert list(found) == ["selection", "tpr", "fpr", "fnr"]
    assert {gap.best for gap in found.values()} | {gap.worst for gap in found.values()} == {"a", "b"}
    assert gaps_of(group("a", of_each(0.4)), *unable) == {}
    assert gaps_of() == {}


def draw_groups(random, users=None):
    """Rows of two groups with selection rates of 0.3 and 0.4; with ``users``, a user decides in both groups alike."""
    count = 1200
    code = np.arange(count) if users is None else np.arange(count) % users
    chance = random.random(code.max() + 1)[code]
    group = np.where(random.random(count) < 0.5, "a", "b")
    score = np.where(chance < np.where(group == "a", 0.3, 0.4), 0.9, 0.1)
    rows = pa.table({"group": group, "y": random.integers(0, 2, count), "score": score})
    return rows, independent(count) if users is None else Units(code, users)


@pytest.mark.parametrize("users", [None, 150])
def test_intervals_of_gaps_cover_the_true_gap(users):
    random, held = np.random.default_rng(0), []
    for _ in range(300):
        rows, units = draw_groups(random, users)
        gap = judged(rows, "y", "group", 0.5, units).gaps[0]
        sign = 1 if gap.best == "b" else -1
        (low, high), (least, most) = gap.difference_interval, gap.ratio_interval
        held.append((low <= sign * 0.1 <= high, least <= 0.75**sign <= most))
    share = np.mean(held, axis=0)
    assert (share > 0.92).all()
    assert (share < 0.985).all()


def test_a_gap_knows_that_users_have_rows_in_both_groups():
    rows, units = draw_groups(np.random.default_rng(0), 150)
    as_two = Units(units.code + 150 * (rows["group"].to_numpy() == "a"), 300)
    paired, apart = (judged(rows, "y", "group", 0.5, of).gaps[0] for of in (units, as_two))
    width, unpaired = (np.diff(gap.difference_interval)[0] for gap in (paired, apart))
    assert width < 0.8 * unpaired
    wide = judged(rows, "y", "group", 0.5, units).groups[0].rates["selection"].interval
    narrow = judged(rows, "y", "group", 0.5).groups[0].rates["selection"].interval
    assert wide[1] - wide[0] > 1.5 * (narrow[1] - narrow[0])


def test_groups_of_few_users_are_too_small():
    rows = table(["a", "b"] * 300)
    units = Units(np.where(np.arange(600) % 2, np.arange(600) // 2 % 10, 10 + np.arange(600) // 2), 310)
    found = judged(rows, "y", "group", 0.5, units)
    assert {one.value: (one.units, one.too_small) for one in found.groups} == {
        "a": (300, ""),
        "b": (10, "only 10 units"),
    }
    assert found.gaps == ()


def test_the_values_of_the_baseline_are_beside():
    rows = table(["a", "b"] * 300)
    other = table(["a", "b"] * 300, seed=1)["score"]
    found = judged(rows.append_column("baseline_score", other), "y", "group", 0.5)
    alone = judged(rows.set_column(2, "score", other), "y", "group", 0.5)
    for one, expected in zip(found.groups, alone.groups, strict=True):
        assert one.baseline == {name: rate.value for name, rate in expected.rates.items()}
    for gap in found.gaps:
        of = {one.value: one.baseline[gap.rate] for one in found.groups}
        assert gap.baseline_difference == abs(of[gap.best] - of[gap.worst])
        assert gap.baseline_ratio == divided(of[gap.worst], of[gap.best])
    assert judged(rows, "y", "group", 0.5).gaps[0].baseline_ratio is None


def test_a_group_may_have_a_threshold_of_its_own():
    rows = table(["a", "b"] * 300)
    own = {one.value: one for one in judged(rows, "y", "group", 0.5, b=0.3).groups}
    usual, lower = ({one.value: one for one in judged(rows, "y", "group", at).groups} for at in (0.5, 0.3))
    assert own["a"] == usual["a"]
    assert own["b"].rates == lower["b"].rates
    assert (own["a"].threshold, own["b"].threshold) == (None, 0.3)


def test_a_threshold_of_an_unknown_group_is_refused():
    with pytest.raises(DataError, match=r"report.group_thresholds.group: no such group") as caught:
        judged(table(["a", "b"] * 300), "y", "group", 0.5, c=0.3)
    assert "a, b" in str(caught.value)


@pytest.mark.parametrize(
    ("rate", "ratio", "interval", "adverse"),
    [
        ("selection", 0.63, (0.5, 0.8), True),
        ("selection", 0.63, (0.4, 1.01), False),
        ("selection", 0.81, (0.75, 0.9), False),
        ("selection", 0.63, None, False),
        ("tpr", 0.63, (0.5, 0.8), False),
    ],
)
def test_a_ratio_below_four_fifths_is_adverse_if_its_interval_excludes_one(rate, ratio, interval, adverse):
    assert Gap(rate, "a", "b", 0.1, ratio, ratio_interval=interval).adverse == adverse


@pytest.mark.parametrize(("ends", "adverse"), [((0.456, 0.544), True), ((-0.01, 0.2), False), (None, False)])
def test_a_ratio_of_zero_is_judged_by_the_difference(ends, adverse):
    assert Gap("selection", "a", "b", 0.5, 0.0, ends).adverse == adverse


def test_a_group_of_which_no_row_is_selected_is_adverse():
    score = np.where(np.arange(1000) % 4 == 0, 0.9, 0.1)
    rows = table(["a", "b"] * 500, score=pa.array(score))
    gap = judged(rows, "y", "group", 0.5).gaps[0]
    assert (gap.rate, gap.worst, gap.ratio, gap.ratio_interval, gap.adverse) == ("selection", "b", 0.0, None, True)
    assert gap.difference_interval == pytest.approx((0.456, 0.544), abs=0.001)


@pytest.mark.parametrize("rate", [0.03, 0.2])
@pytest.mark.parametrize("number", [2, 5, 10])
def test_equal_rates_are_rarely_called_adverse(number, rate):
    random, flagged, each, draws = np.random.default_rng(0), 0, 200, 300
    groups = np.repeat([f"v{k}" for k in range(number)], each)
    for _ in range(draws):
        score = np.where(random.random(number * each) < rate, 0.9, 0.1)
        rows = pa.table({"group": groups, "y": np.arange(number * each) % 2, "score": score})
        gap = judged(rows, "y", "group", 0.5).gaps[0]
        assert gap.compared == number
        flagged += gap.adverse
    # Of 300 draws, 5 % and two standard errors.
    assert flagged / draws <= 0.075 if number == 2 else flagged / draws <= 0.05


def test_gaps_are_between_groups_with_enough_rows():
    found = measure(["a", "b"] * 200 + ["c"] * 5)
    assert found.groups[-1].too_small == "only 5 rows"
    assert len(found.gaps) == 5
    for gap in found.gaps:
        share = {item.value: item.rates[gap.rate].value for item in found.groups}
        assert {gap.best, gap.worst} == {"a", "b"}
        assert gap.difference == pytest.approx(abs(share["a"] - share["b"]))
        assert gap.ratio == share[gap.worst] / share[gap.best]


def test_no_rows_have_no_groups():
    found = judged(table([], pa.string()), "y", "group", 0.5)
    assert (found.feature, found.groups, found.gaps) == ("group", (), ())
    without_chunks = table(["a"]).schema.empty_table()
    assert judged(without_chunks, "y", "group", 0.5) == found
    assert judged(table([], pa.list_(pa.string())), "y", "group", 0.5) == found


@pytest.mark.parametrize(("label", "undefined"), [(0, {"tpr", "fnr", "calibration"}), (1, {"fpr"})])
def test_one_label_only_leaves_a_rate_without_value(label, undefined):
    rows = table(["a"] * 60, y=pa.array([label] * 60))
    (only,) = judged(rows, "y", "group", 0.5).groups
    assert {name for name, rate in only.rates.items() if math.isnan(rate.value)} == undefined
    assert {name for name, rate in only.rates.items() if rate.interval is None} == undefined
    assert only.too_small == f"no rows with label {1 - label}"


def test_one_row():
    (only,) = measure(["a"]).groups
    assert (only.rows, only.too_small) == (1, "only 1 row")


def test_what_cannot_be_judged_is_refused():
    rows = table(["a"] * 3)
    with pytest.raises(DataError, match="no such column") as caught:
        judged(rows, "y", "sex", 0.5)
    assert "group" in str(caught.value)
    for labels in ([0, 1, None], [0, 1, 2]):
        with pytest.raises(DataError, match="neither 0 nor 1"):
            judged(table(["a"] * 3, y=pa.array(labels)), "y", "group", 0.5)
    with pytest.raises(MainlineError, match="not finite"):
        judged(table(["a"] * 2, score=pa.array([0.1, math.nan])), "y", "group", 0.5)
