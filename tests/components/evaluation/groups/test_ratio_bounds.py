import math
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from components.evaluation.groups.bounds import RatioBounds, check_ratios, read_checks, write_checks
from components.evaluation.units import independent, units_of
from pipeline.criteria import RatioBound
from pipeline.errors import DataError
from pipeline.label import Label

SELECTION = RatioBound("group", "selection", 0.8)


def rows(shares, each=500, seed=0):
    """Predictions in which the groups a, b, c, ... have these shares of scores above 0.5."""
    generator = np.random.default_rng(seed)
    score = np.concatenate([np.where(np.arange(each) < share * each, 0.8, 0.2) for share in shares])
    label = (generator.random(len(score)) < score).astype(np.int64)
    group = np.repeat([chr(ord("a") + number) for number in range(len(shares))], each)
    return pa.table({"y": label, "score": score.astype(np.float32), "group": group, "user": np.arange(len(score)) // 4})


def check(table, bound=SELECTION, units=None, **asked):
    (found,) = check_ratios(table, Label("y"), RatioBounds((bound,), **asked), units or independent(table.num_rows))
    return found


def test_the_lowest_rate_is_divided_by_the_highest():
    found = check(rows((0.4, 0.2, 0.3)))
    assert (found.metric, found.slice, found.bound) == ("selection ratio", "group: b ÷ a", "≥ 0.8")
    assert found.value == pytest.approx(0.5)
    assert (found.state, found.missed_by) == ("missed", pytest.approx(0.3))
    assert found.interval[0] < 0.5 < found.interval[1] < 0.8


@pytest.mark.parametrize(
    ("shares", "state"), [((0.5, 0.5), "too close"), ((0.42, 0.5), "too close"), ((0.3, 0.5), "missed")]
)
def test_a_ratio_is_kept_missed_or_too_close(shares, state):
    assert check(rows(shares, each=100)).state == state
    assert check(rows((0.5, 0.5), each=20_000)).state == "kept"


@pytest.mark.parametrize("rate", ["tpr", "fpr", "fnr", "ppv"])
def test_each_rate_is_that_of_its_rows(rate):
    table = rows((0.6, 0.3))
    found = check(table, replace(SELECTION, rate=rate))
    label, decided = table["y"].to_numpy() == 1, table["score"].to_numpy() > 0.5
    of = {"tpr": label, "fpr": ~label, "fnr": label, "ppv": decided}[rate]
    counted = {"tpr": decided, "fpr": decided, "fnr": ~decided, "ppv": label}[rate]
    parts = [np.arange(500), np.arange(500, 1000)]
    rates = [counted[part][of[part]].mean() for part in parts]
    assert found.value == pytest.approx(min(rates) / max(rates))


def test_a_group_may_have_its_own_threshold():
    table = rows((0.6, 0.3))
    assert check(table, group_thresholds={"group": {"b": 0.1}}).value == pytest.approx(0.6)
    assert check(table, decision_threshold=0.1).value == 1.0


def test_the_rows_of_a_user_are_one_unit():
    table = rows((0.4, 0.3))
    copies = table.take(np.repeat(np.arange(table.num_rows), 10))
    once, again = (check(of, units=units_of(of, ["user"])) for of in (table, copies))
    assert np.ptp(again.interval) == pytest.approx(np.ptp(once.interval), rel=0.02)
    assert np.ptp(check(copies).interval) < np.ptp(once.interval) / 2


def test_groups_that_are_too_small_are_left_out_and_a_single_one_cannot_be_judged():
    table = pa.concat_tables([rows((0.4, 0.3)), rows((0.0,), each=5).set_column(2, "group", pa.array(["z"] * 5))])
    assert check(table).slice == "group: b ÷ a"
    alone = check(rows((0.4,)))
    assert (alone.value, alone.why, alone.passed) == (None, "fewer than two groups have enough rows", False)


def test_where_nobody_is_selected_groups_are_equal():
    found = check(rows((0.0, 0.0)))
    assert (found.value, found.state, found.interval) == (1.0, "kept", None)


def test_a_ratio_of_zero_misses_its_bound_without_an_interval():
    found = check(rows((0.5, 0.0)))
    assert (found.slice, found.value, found.state, found.missed_by) == ("group: b ÷ a", 0.0, "missed", 0.8)
    assert (found.interval, found.risk, found.why) == (None, None, "")


def test_interval_and_risk_hold_for_all_pairs_of_groups():
    two, ten = check(rows((0.5, 0.45))), check(rows((0.5, 0.45, *[0.47] * 8)))
    assert two.value == ten.value
    width = [np.ptp(np.log(found.interval)) for found in (two, ten)]
    # Quantiles of Student's t: 1 - 0.025 and 1 - 0.025 / 45.
    assert width[1] / width[0] == pytest.approx(3.28 / 1.965, rel=0.005)
    assert ten.risk == pytest.approx(min(45 * two.risk, 1))


def test_equal_rates_of_ten_groups_rarely_have_an_interval_below_one():
    generator, below, draws, each = np.random.default_rng(1), 0, 300, 200
    label, group = np.arange(10 * each) % 2, np.repeat(list("abcdefghij"), each)
    for _ in range(draws):
        score = np.where(generator.random(10 * each) < 0.2, 0.8, 0.2)
        found = check(pa.table({"y": label, "score": score, "group": group}))
        below += found.interval[1] < 1
    assert below / draws <= 0.05


def test_a_column_that_is_not_there_is_named():
    with pytest.raises(DataError, match="no such column") as caught:
        check(rows((0.4, 0.3)), RatioBound("city", "selection", 0.8))
    assert caught.value.received == "city"


def test_checks_are_read_as_they_were_written(tmp_path):
    found = (check(rows((0.4, 0.2))), check(rows((0.4,))))
    write_checks(str(tmp_path), found)
    assert read_checks(str(tmp_path)) == found
    assert read_checks(str(tmp_path / "elsewhere")) == ()
    assert not any(math.isnan(one.value or 0) for one in found)
