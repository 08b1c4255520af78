import functools
import itertools
import math
import time
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from scipy import optimize, stats

from components.evaluation.units import Units, independent
from components.slice_report.analysis import weak_segments
from components.slice_report.analysis.predicates import NONE, column_predicates, segment_rows
from components.slice_report.analysis.skill import Rows, halves
from components.slice_report.analysis.weak_segments import SEED, find_weak
from pipeline.label import Label

ROWS = 3000


def table(seed=0, rows=ROWS, scores=None, **columns):
    """Columns with scores that are the chance of their labels."""
    random = np.random.default_rng(seed)
    score = random.beta(2, 3, rows) if scores is None else scores(random, rows)
    truth = (random.random(rows) < score).astype(np.int64)
    return pa.table({**columns, "label": truth, "score": pa.array(score, pa.float32())})


def noise(seed, rows=1000, scores=None):
    random = np.random.default_rng([seed, 1])
    columns = {f"text{k}": random.choice(list("abcdefgh")[: k + 2], rows) for k in range(4)}
    columns |= {f"number{k}": random.normal(size=rows).astype(np.float32) for k in range(3)}
    return table(seed, rows, scores, **columns)


def spoil(rows, mask, seed=5):
    """The same rows, the labels of some drawn by a coin."""
    labels = rows["label"].to_numpy().copy()
    labels[mask] = np.random.default_rng(seed).integers(0, 2, int(mask.sum()))
    return rows.set_column(rows.column_names.index("label"), "label", pa.array(labels))


def three(seed=0, rows=ROWS, weak_in=()):
    """Rows of three features, spoilt where all those named have their first value."""
    random = np.random.default_rng([seed, 2])
    columns = {
        "city": random.choice(["Bern", "Oslo", "Rome"], rows),
        "kind": random.choice([1, 2, 3, 4], rows),
        "plan": random.choice(["free", "paid"], rows),
    }
    firsts = {"city": "Bern", "kind": 1, "plan": "free"}
    mask = np.logical_and.reduce([columns[name] == firsts[name] for name in weak_in] or [np.zeros(rows, bool)])
    confident = lambda random, rows: random.choice([0.05, 0.1, 0.9, 0.95], rows)  # noqa: E731
    return spoil(table(seed, rows, confident, **columns), mask), mask


def names(found):
    return [segment.features for segment in found.found]


def find(rows, exclude=(), units=None):
    return find_weak(rows, Label("label"), exclude, units or independent(rows.num_rows))


def losses_of(rows):
    score, truth = rows["score"].to_numpy().astype(np.float64), rows["label"].to_numpy()
    return -np.log(np.where(truth == 1, score, 1 - score))


def entropy_of(truth):
    """Entropy of labels that are independent, its derivative by the rate, and its second-order variance."""
    rate, rows = truth.mean(), truth.size - 1
    return stats.entropy([rate, 1 - rate]) + 0.5 / rows, math.log((1 - rate) / rate), 0.5 / rows**2


def excess_by_hand(losses, truth, ones, others):
    """The excess loss, its standard error and degrees of freedom, from the influence of each row."""
    (of_ones, by_rate, second), (of_others, by_rate_there, second_there) = (
        entropy_of(truth[mask]) for mask in (ones, others)
    )
    skill, scale = losses[others].mean() / of_others, of_ones / of_others
    influence = [losses[ones] - skill * by_rate * truth[ones]]
    influence += [(losses[others] - skill * by_rate_there * truth[others]) * scale]
    more = skill**2 * second, (skill * scale) ** 2 * second_there
    squares = [values.var(ddof=1) / values.size + extra for values, extra in zip(influence, more, strict=True)]
    freedom = sum(squares) ** 2 / sum(
        square**2 / (values.size - 1) for square, values in zip(squares, influence, strict=True)
    )
    return losses[ones].mean() - of_ones * skill, math.sqrt(sum(squares)), freedom


def by_hand(rows, features, fewest):
    """All segments with their adjusted p, tested segment by segment in the half that is searched."""
    losses, truth = losses_of(rows), rows["label"].to_numpy()
    searched = halves(independent(rows.num_rows), SEED)
    singles = {
        (name, str(value)): rows[name].to_numpy() == value for name in features for value in set(rows[name].to_pylist())
    }
    tested = {}
    for size in (1, 2):
        for keys in itertools.combinations(sorted(singles), size):
            mask = np.logical_and.reduce([singles[key] for key in keys])
            rests = [~mask, *(singles[key] & ~mask for key in keys if size == 2)]
            counts = [(part & searched).sum() for part in (mask, *rests)]
            if len({name for name, _ in keys}) == size and min(counts) >= fewest:
                results = [excess_by_hand(losses, truth, mask & searched, rest & searched) for rest in rests]
                p = max(stats.t.sf(value / error, freedom) for value, error, freedom in results)
                tested[keys] = p, mask
    ordered = sorted(tested, key=lambda keys: tested[keys][0])
    adjusted, lowest = {}, 1.0
    for rank in range(len(ordered), 0, -1):
        lowest = min(lowest, tested[ordered[rank - 1]][0] * len(ordered) / rank)
        adjusted[ordered[rank - 1]] = lowest, tested[ordered[rank - 1]][1]
    return adjusted


@pytest.mark.parametrize("weak_in", [(), ("city",), ("city", "plan"), ("kind", "plan")])
def test_results_agree_with_tests_of_one_segment_after_another(weak_in):
    rows, _ = three(weak_in=weak_in)
    found, adjusted = find(rows), by_hand(rows, ("city", "kind", "plan"), 30)
    assert (found.tried, found.level, found.min_rows, found.searched) == (len(adjusted), 0.05, 30, ROWS // 2)
    assert sorted(names(found)) == sorted(keys for keys, (p, _) in adjusted.items() if p <= 0.05)
    losses, truth = losses_of(rows), rows["label"].to_numpy()
    untouched = ~halves(independent(ROWS), SEED)
    for segment in found.found:
        p, mask = adjusted[segment.features]
        assert segment.p_adjusted == pytest.approx(p, rel=1e-6)
        assert (segment.rows, segment.share) == (mask.sum(), pytest.approx(mask.mean()))
        ones, others = mask & untouched, ~mask & untouched
        assert (segment.log_loss, segment.log_loss_elsewhere) == pytest.approx(
            (losses[ones].mean(), losses[others].mean())
        )
        assert segment.entropy == pytest.approx(entropy_of(truth[ones])[0])
        value, error, freedom = excess_by_hand(losses, truth, ones, others)
        half = stats.t.ppf(0.975, int(freedom)) * error
        assert segment.excess.value == pytest.approx(value)
        assert segment.excess.interval == pytest.approx((value - half, value + half))


@pytest.mark.parametrize(("users", "mixed"), [(None, False), (300, False), (200, True)])
def test_standard_errors_agree_with_the_jackknife(users, mixed):
    """Also where users have rows both in the segment and elsewhere."""
    random = np.random.default_rng(0)
    rows, members, _ = draw_equal_skill(random, 600 if not mixed else 1600, users)
    if mixed:
        members = random.random(members.size) < 0.4
    count = rows.units.count
    code = np.arange(600) if rows.units.code is None else rows.units.code
    values = []
    for unit in range(count):
        kept = np.flatnonzero(code != unit)
        values.append(rows.at(kept).compare(members[kept]).value[0])
    jackknife = np.var(values, ddof=1) * (count - 1) ** 2 / count
    assert rows.compare(members).variance[0] == pytest.approx(jackknife, rel=0.1)


# A segment with a base rate of 0.2, others with 0.5, and scores that remove the same share of the entropy of both.
RATES = {True: 0.2, False: 0.5}
SKILL = 0.85


@functools.cache
def spread_of(rate):
    """How far two equally frequent scores are from the base rate, so that they leave 85 % of its entropy."""

    def left(spread):
        return np.mean([stats.entropy([p, 1 - p]) for p in (rate - spread, rate + spread)])

    return optimize.brentq(lambda spread: left(spread) / stats.entropy([rate, 1 - rate]) - SKILL, 0, rate - 1e-6)


def draw_equal_skill(random, count, users=None):
    """Rows in which a segment has the skill of the others; with ``users``, errors and segments are those of users."""
    units = independent(count) if users is None else Units(random.permutation(np.arange(count) % users), users)
    of_unit = random.random(units.count) < 0.4
    code = np.arange(count) if units.code is None else units.code
    members = of_unit[code]
    rates = np.where(members, RATES[True], RATES[False])
    spreads = np.where(members, spread_of(RATES[True]), spread_of(RATES[False]))
    up = random.random(units.count)[code] < 0.5
    score = rates + np.where(up, spreads, -spreads)
    # All rows of a user have the same score and, in half of them, the same label.
    drawn = random.random(units.count)[code]
    drawn = np.where(random.random(count) < 0.5, drawn, random.random(count))
    truth = (drawn < score).astype(np.float64)
    return Rows(truth, -np.log(np.where(truth == 1, score, 1 - score)), units), members, code


@pytest.mark.parametrize("users", [None, 150])
def test_p_values_are_uniform_where_skill_is_equal_and_base_rates_differ(users):
    random = np.random.default_rng(1)
    p = [rows.compare(members).p[0] for rows, members, _ in (draw_equal_skill(random, 1500, users) for _ in range(300))]
    assert stats.kstest(p, "uniform").pvalue > 0.01


def test_p_values_by_rows_are_too_low_where_users_differ():
    random = np.random.default_rng(1)
    drawn = (draw_equal_skill(random, 1500, 150) for _ in range(300))
    p = [replace(rows, units=independent(1500)).compare(members).p[0] for rows, members, _ in drawn]
    assert np.mean(np.array(p) < 0.05) > 0.15


@pytest.mark.parametrize(
    "scores",
    [
        lambda random, rows: random.beta(2, 2, rows),
        lambda random, rows: random.beta(0.1, 2, rows),
        lambda random, rows: random.choice([0.1, 0.5, 0.9], rows),
    ],
)
def test_random_losses_give_false_discoveries_at_most_at_the_level(scores):
    found = [bool(find(noise(seed, 600, scores)).found) for seed in range(100)]
    assert np.mean(found) <= 0.05


def of_users(seed, users=100, each=15):
    """Rows of users with features of their own, of whom a fifth is at random hard to predict."""
    random = np.random.default_rng([seed, 3])
    code = np.repeat(np.arange(users), each)
    columns = {f"trait{k}": random.choice(["x", "y", "z"], users)[code] for k in range(6)}
    rows = table(seed, code.size, lambda random, rows: random.choice([0.05, 0.95], rows), **columns)
    return spoil(rows, (random.random(users) < 0.2)[code], seed), Units(code, users)


def test_hard_users_are_no_weak_segments_of_their_traits():
    drawn = [of_users(seed) for seed in range(40)]
    by_rows = [bool(find(rows).found) for rows, _ in drawn]
    by_units = [bool(find(rows, units=units).found) for rows, units in drawn]
    assert np.mean(by_rows) > 0.5
    assert np.mean(by_units) <= 0.1


def test_a_trait_whose_users_are_all_hard_is_found_by_units():
    rows, units = of_users(0, users=200)
    rows = spoil(rows, rows["trait0"].to_numpy() == "x")
    found = find(rows, units=units)
    (worst, *_) = found.found
    assert worst.features == (("trait0", "x"),)
    assert found.min_units == 20
    assert worst.units == worst.rows // 15
    assert worst.excess.interval[0] > 0


def test_segments_of_few_users_are_not_found():
    users = np.arange(3000) // 75
    columns = {"who": np.where(users < 8, "few", "many"), "half": np.where(users % 2, "a", "b")}
    rows = spoil(table(0, 3000, lambda random, rows: random.choice([0.02, 0.98], rows), **columns), users < 8)
    assert names(find(rows)) == [(("who", "few"),)]
    assert find(rows, units=Units(users, 40)).found == ()


def test_a_base_rate_near_one_half_is_not_weak():
    """Where the score is the base rate of its segment, skill is the same, although the loss is not."""
    kind = np.arange(ROWS) % 3 == 0
    rows = table(0, ROWS, lambda random, rows: np.where(kind, 0.5, 0.05), kind=np.where(kind, "half", "rare"))
    losses = losses_of(rows)
    assert losses[kind].mean() > 3 * losses[~kind].mean()
    assert find(rows).found == ()


def test_no_skill_is_weak_although_the_loss_is_low():
    kind = np.arange(ROWS) % 3 == 0
    random = np.random.default_rng(0)
    truth = np.where(kind, random.random(ROWS) < 0.05, random.random(ROWS) < 0.5).astype(np.int64)
    # Elsewhere the score is right in 80 % of the rows.
    score = np.where(kind, 0.05, np.where(random.random(ROWS) < 0.8, 0.6 * truth + 0.2, 0.8 - 0.6 * truth))
    rows = pa.table({"kind": np.where(kind, "rare", "half"), "label": truth, "score": score})
    (segment,) = find(rows).found
    assert segment.features == (("kind", "rare"),)
    assert segment.log_loss < segment.log_loss_elsewhere
    assert segment.excess.interval[0] > 0


def test_segments_are_ordered_by_rows_times_excess():
    random = np.random.default_rng(0)
    many, few = np.arange(20_000) % 3 == 0, np.arange(20_000) % 40 == 1
    truth = random.integers(0, 2, 20_000)
    right = np.where(many, 0.75, np.where(few, 0.5, 0.9))
    score = np.where(random.random(20_000) < right, 0.8 * truth + 0.1, 0.9 - 0.8 * truth)
    rows = pa.table({"many": many.astype(str), "few": few.astype(str), "label": truth, "score": score})
    first, second = find(rows).found
    assert (first.features, second.features) == ((("many", "True"),), (("few", "True"),))
    assert first.excess.value < second.excess.value
    assert first.cost > second.cost


def test_numbers_of_segments_that_luck_has_chosen_are_not_flattered(monkeypatch):
    monkeypatch.setattr(weak_segments, "LEVEL", 1.0)
    values, held = [], []
    for seed in range(40):
        for segment in find(noise(seed, 1000)).found[:5]:
            values.append(segment.excess.value / segment.excess.standard_error)
            held.append(segment.excess.interval[0] <= 0 <= segment.excess.interval[1])
    assert len(values) == 200
    assert np.mean(held) > 0.85


def test_the_difference_to_the_baseline_is_paired():
    rows, mask = three(weak_in=("city",))
    baseline = np.where(mask, 0.5, rows["score"].to_numpy())
    (segment,) = find(rows.append_column("baseline_score", pa.array(baseline))).found
    untouched = mask & ~halves(independent(ROWS), SEED)
    growth = losses_of(rows)[untouched] - math.log(2)
    low, high = stats.t.interval(0.95, growth.size - 1, growth.mean(), stats.sem(growth))
    assert segment.to_baseline.value == pytest.approx(growth.mean())
    assert segment.to_baseline.interval == pytest.approx((low, high))
    assert find(rows).found[0].to_baseline is None


@pytest.mark.parametrize("seed", range(5))
def test_a_planted_pair_is_found_with_its_rows(seed):
    rows, mask = three(seed, weak_in=("city", "plan"))
    found = find(rows)
    worst = max(found.found, key=lambda segment: segment.excess.value)
    assert worst.features == (("city", "Bern"), ("plan", "free"))
    assert np.array_equal(segment_rows(rows, worst.features), mask)
    costs = [segment.rows * segment.excess.value for segment in found.found]
    assert costs == sorted(costs, reverse=True)


def test_a_planted_pair_is_found_among_many_columns():
    rows = noise(3, 5000)
    number = rows["number0"].to_numpy()
    high = number > np.sort(number)[4000 - 1]
    rows = spoil(rows, high & (rows["text1"].to_numpy() == "b"))
    (text, number) = find(rows).found[0].features[::-1]
    assert text == ("text1", "b")
    assert number[0] == "number0"
    assert np.array_equal(segment_rows(rows, (number,)), high)


@pytest.mark.parametrize("seed", range(5))
def test_pairs_within_a_weak_part_are_not_reported_again(seed):
    rows, _ = three(seed, weak_in=("city",))
    assert names(find(rows)) == [(("city", "Bern"),)]


def test_segments_with_a_lower_loss_are_not_found():
    sure = np.arange(ROWS) % 10 == 0
    scores = lambda random, rows: np.where(sure, 0.999, random.beta(5, 5, rows))  # noqa: E731
    rows = table(0, ROWS, scores, sure=pa.array(np.where(sure, "yes", None).tolist(), pa.string()))
    assert names(find(rows)) == [(("sure", NONE),)]


def test_label_scores_and_ids_are_not_features():
    rows, _ = three(weak_in=("city",))
    rows = rows.append_column("baseline_score", rows["score"]).append_column("user", rows["city"])
    assert find(rows, ("user", "kind")).tried == find(rows.drop(["kind", "user"])).tried
    assert find(rows.drop(["kind", "city", "user", "plan"])).tried == 0


def test_segments_with_the_same_rows_are_reported_once():
    rows, _ = three(weak_in=("city",))
    copied = rows.append_column("code", pa.array([{"Bern": 7}.get(city, 8) for city in rows["city"].to_pylist()]))
    assert names(find(copied)) == [(("city", "Bern"),)]


def test_a_segment_and_its_complement_need_30_rows_and_1_percent():
    for rows, fewest in ((1000, 30), (6001, 31)):
        searched = np.flatnonzero(halves(independent(rows), SEED))
        for inside in (fewest - 1, fewest, searched.size - fewest, searched.size - fewest + 1):
            city = np.full(rows, None)
            city[searched[:inside]] = "Bern"
            found = find(table(0, rows, city=pa.array(city, pa.string())))
            both = fewest <= inside <= searched.size - fewest
            assert (found.min_rows, found.tried) == (fewest, 2 * both)


def test_segments_with_nearly_the_same_rows_are_reported_once_and_counted():
    rows, mask = three(weak_in=("city",))
    for name, flipped in (("near", 0.05), ("far", 0.2)):
        other = mask ^ (np.random.default_rng(1).random(ROWS) < flipped / 2)
        rows = rows.append_column(name, pa.array(other.astype(str)))
    found = find(rows)
    of = {segment.features: segment for segment in found.found}
    assert of[(("city", "Bern"),)].similar >= 1
    assert (("near", "True"),) not in of
    assert (("far", "True"),) in of
    assert found.total == len(found.found) + sum(segment.similar for segment in found.found)


def test_at_most_twenty_are_reported():
    random = np.random.default_rng(0)
    columns = {f"flag{k}": random.choice(["no", "yes"], 20_000, p=[0.98, 0.02]) for k in range(25)}
    mask = np.logical_or.reduce([column == "yes" for column in columns.values()])
    confident = lambda random, rows: random.choice([0.02, 0.98], rows)  # noqa: E731
    found = find(spoil(table(0, 20_000, confident, **columns), mask))
    assert len(found.found) == 20
    assert found.total > 20
    assert len(set(names(found))) == 20


def test_a_row_belongs_to_each_of_its_values():
    tags = pa.array([["a", "b", "a"], [], None, ["b", None], ["c"]] * 100)
    found, members = column_predicates(pa.chunked_array([tags]))
    of_row = [{found[part] for part in np.flatnonzero(row)} for row in members.toarray()[:5]]
    assert of_row == [{"a", "b"}, {NONE}, {NONE}, {"b"}, {"c"}]
    assert members.max() == 1
    rows = table(0, 500, lambda random, rows: random.choice([0.02, 0.98], rows), tags=tags, half=["x", "y"] * 250)
    has_b = segment_rows(rows, (("tags", "b"),))
    assert has_b[:5].tolist() == [True, False, False, True, False]
    assert names(find(spoil(rows, has_b)))[0] == (("tags", "b"),)


def test_rows_without_a_score_or_a_label_are_left_out():
    rows, _ = three(weak_in=("city",))
    score = rows["score"].to_numpy().copy()
    score[::7] = math.nan
    labels = [None if row % 5 == 0 else label for row, label in enumerate(rows["label"].to_pylist())]
    broken = (
        rows.drop(["label", "score"]).append_column("label", pa.array(labels)).append_column("score", pa.array(score))
    )
    whole = rows.filter(pa.array([row % 5 != 0 and row % 7 != 0 for row in range(ROWS)]))
    assert find(broken) == find(whole)


def test_scores_of_zero_and_one_have_a_finite_loss():
    wrong = np.arange(ROWS) % 3 == 0
    rows = table(0, ROWS, lambda random, rows: np.ones(rows), third=np.where(wrong, "yes", "no"))
    (segment,) = find(spoil(rows, wrong)).found
    assert segment.features == (("third", "yes"),)
    assert segment.log_loss == pytest.approx(-math.log(1e-7) / 2, rel=0.1)
    assert segment.log_loss_elsewhere == pytest.approx(1e-7)


HOSTILE = {
    "no rows": table(0, 0, a=pa.array([], pa.string()), b=pa.array([], pa.list_(pa.int64()))),
    "no chunks": table(0, 3, a=["x"] * 3).slice(0, 0),
    "one row": table(0, 1, a=["x"], b=[1.0]),
    "no features": table(0, 100),
    "nulls": table(0, 100, a=pa.nulls(100), b=pa.nulls(100, pa.string()), c=pa.nulls(100, pa.float32())),
    "empty lists": table(0, 100, a=pa.array([[]] * 100, pa.list_(pa.string()))),
    "constant": table(0, 100, a=["x"] * 100, b=[1] * 100, c=[math.nan] * 100),
    "distinct": table(0, 10_000, a=[f"user {row}" for row in range(10_000)]),
    "without scores": table(0, 100, lambda random, rows: np.full(rows, math.nan), a=["x", "y"] * 50),
    "one loss": table(0, 100, lambda random, rows: np.full(rows, 0.5), a=["x", "y"] * 50, b=list(range(100))),
}


@pytest.mark.parametrize("rows", HOSTILE.values(), ids=HOSTILE)
def test_no_segments_are_found_without_a_difference(rows):
    found = find(rows)
    assert found.found == ()
    assert found.min_rows == max(30, rows.num_rows // 200)


def test_an_unknown_value_has_no_rows():
    with pytest.raises(ValueError, match="Lima"):
        segment_rows(three()[0], (("city", "Lima"),))


def test_the_result_does_not_depend_on_chunks(monkeypatch):
    rows, _ = three(weak_in=("city", "plan"))
    whole = find(rows)
    assert find(pa.concat_tables([rows.slice(0, 100), rows.slice(100)])) == whole
    monkeypatch.setattr(weak_segments, "CHUNK_ROWS", 8)
    in_parts = find(rows)
    assert names(in_parts) == names(whole)
    assert in_parts.found[0].excess.value == pytest.approx(whole.found[0].excess.value)


def test_twenty_thousand_rows_of_twenty_columns_take_less_than_two_seconds():
    random = np.random.default_rng(0)
    columns = {f"text{k}": random.choice([f"v{v}" for v in range(9)], 20_000) for k in range(15)}
    columns |= {f"number{k}": random.normal(size=20_000) for k in range(5)}
    rows = table(0, 20_000, None, **columns)
    started_s = time.monotonic()
    assert find(rows).tried > 10_000
    assert time.monotonic() - started_s < 2
