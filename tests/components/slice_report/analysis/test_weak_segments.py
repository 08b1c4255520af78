import itertools
import math
import time

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from components.slice_report.analysis import weak_segments
from components.slice_report.analysis.predicates import NONE, column_predicates, segment_rows
from components.slice_report.analysis.weak_segments import find_weak

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


def losses_of(rows):
    score, truth = rows["score"].to_numpy().astype(np.float64), rows["label"].to_numpy()
    return -np.log(np.where(truth == 1, score, 1 - score))


def by_hand(rows, features, fewest):
    """All segments with their adjusted p and the result of scipy's test against all others, row by row."""
    losses = losses_of(rows)
    singles = {
        (name, str(value)): rows[name].to_numpy() == value for name in features for value in set(rows[name].to_pylist())
    }
    tested = {}
    for size in (1, 2):
        for keys in itertools.combinations(sorted(singles), size):
            mask = np.logical_and.reduce([singles[key] for key in keys])
            rests = [~mask, *(singles[key] & ~mask for key in keys if size == 2)]
            if len({name for name, _ in keys}) == size and min(mask.sum(), *(rest.sum() for rest in rests)) >= fewest:
                results = [
                    stats.ttest_ind(losses[mask], losses[rest], equal_var=False, alternative="greater")
                    for rest in rests
                ]
                tested[keys] = max(result.pvalue for result in results), mask
    ordered = sorted(tested, key=lambda keys: tested[keys][0])
    adjusted, lowest = {}, 1.0
    for rank in range(len(ordered), 0, -1):
        lowest = min(lowest, tested[ordered[rank - 1]][0] * len(ordered) / rank)
        adjusted[ordered[rank - 1]] = lowest, tested[ordered[rank - 1]][1]
    return adjusted


@pytest.mark.parametrize("weak_in", [(), ("city",), ("city", "plan"), ("kind", "plan")])
def test_results_agree_with_scipy_for_each_segment(weak_in):
    rows, _ = three(weak_in=weak_in)
    found, adjusted = find_weak(rows, "label", ()), by_hand(rows, ("city", "kind", "plan"), 30)
    assert (found.tried, found.level, found.min_rows) == (len(adjusted), 0.05, 30)
    assert sorted(names(found)) == sorted(keys for keys, (p, _) in adjusted.items() if p <= 0.05)
    losses = losses_of(rows)
    for segment in found.found:
        p, mask = adjusted[segment.features]
        assert segment.p_adjusted == pytest.approx(p, rel=1e-6)
        assert (segment.rows, segment.share) == (mask.sum(), pytest.approx(mask.mean()))
        assert (segment.log_loss, segment.log_loss_elsewhere) == pytest.approx(
            (losses[mask].mean(), losses[~mask].mean())
        )
        assert segment.difference.value == pytest.approx(segment.log_loss - segment.log_loss_elsewhere)
        # The two-sided interval, from the t and the standard error of scipy's test.
        test = stats.ttest_ind(losses[mask], losses[~mask], equal_var=False)
        error = segment.difference.value / test.statistic
        squares = losses[mask].var(ddof=1) / mask.sum(), losses[~mask].var(ddof=1) / (~mask).sum()
        freedom = sum(squares) ** 2 / (squares[0] ** 2 / (mask.sum() - 1) + squares[1] ** 2 / ((~mask).sum() - 1))
        half = stats.t.ppf(0.975, freedom) * error
        assert segment.difference.interval == pytest.approx(
            (segment.difference.value - half, segment.difference.value + half)
        )


@pytest.mark.parametrize(
    "scores",
    [
        lambda random, rows: random.beta(2, 2, rows),
        lambda random, rows: random.beta(0.1, 2, rows),
        lambda random, rows: random.choice([0.1, 0.5, 0.9], rows),
    ],
)
def test_random_losses_give_false_discoveries_at_most_at_the_level(scores):
    found = [bool(find_weak(noise(seed, 600, scores), "label", ()).found) for seed in range(150)]
    assert np.mean(found) <= 0.05


@pytest.mark.parametrize("seed", range(5))
def test_a_planted_pair_comes_first_with_its_rows(seed):
    rows, mask = three(seed, weak_in=("city", "plan"))
    found = find_weak(rows, "label", ())
    assert found.found[0].features == (("city", "Bern"), ("plan", "free"))
    assert np.array_equal(segment_rows(rows, found.found[0].features), mask)
    values = [segment.difference.value for segment in found.found]
    assert values == sorted(values, reverse=True)
    assert min(values) > 0


def test_a_planted_pair_is_found_among_many_columns():
    rows = noise(3, 5000)
    number = rows["number0"].to_numpy()
    high = number > np.sort(number)[4000 - 1]
    rows = spoil(rows, high & (rows["text1"].to_numpy() == "b"))
    (text, number) = find_weak(rows, "label", ()).found[0].features[::-1]
    assert text == ("text1", "b")
    assert number[0] == "number0"
    assert np.array_equal(segment_rows(rows, (number,)), high)


@pytest.mark.parametrize("seed", range(5))
def test_pairs_within_a_weak_part_are_not_reported_again(seed):
    rows, _ = three(seed, weak_in=("city",))
    assert names(find_weak(rows, "label", ())) == [(("city", "Bern"),)]


def test_segments_with_a_lower_loss_are_not_found():
    sure = np.arange(ROWS) % 10 == 0
    scores = lambda random, rows: np.where(sure, 0.999, random.beta(5, 5, rows))  # noqa: E731
    rows = table(0, ROWS, scores, sure=pa.array(np.where(sure, "yes", None).tolist(), pa.string()))
    assert names(find_weak(rows, "label", ())) == [(("sure", NONE),)]


def test_label_scores_and_ids_are_not_features():
    rows, _ = three(weak_in=("city",))
    rows = rows.append_column("baseline_score", rows["score"]).append_column("user", rows["city"])
    assert find_weak(rows, "label", ("user", "kind")).tried == find_weak(rows.drop(["kind", "user"]), "label", ()).tried
    assert find_weak(rows.drop(["kind", "city", "user", "plan"]), "label", ()).tried == 0


def test_segments_with_the_same_rows_are_reported_once():
    rows, _ = three(weak_in=("city",))
    copied = rows.append_column("code", pa.array([{"Bern": 7}.get(city, 8) for city in rows["city"].to_pylist()]))
    assert names(find_weak(copied, "label", ())) == [(("city", "Bern"),)]


def test_a_segment_and_its_complement_need_30_rows_and_1_percent():
    for rows, fewest in ((1000, 30), (3001, 31)):
        for inside in (fewest - 1, fewest, rows - fewest, rows - fewest + 1):
            city = pa.array(["Bern"] * inside + [None] * (rows - inside))
            found = find_weak(table(0, rows, city=city), "label", ())
            both = fewest <= inside <= rows - fewest
            assert (found.min_rows, found.tried) == (fewest, 2 * both)


def test_at_most_twenty_are_reported():
    random = np.random.default_rng(0)
    columns = {f"flag{k}": random.choice(["no", "yes"], 20_000, p=[0.98, 0.02]) for k in range(25)}
    mask = np.logical_or.reduce([column == "yes" for column in columns.values()])
    confident = lambda random, rows: random.choice([0.02, 0.98], rows)  # noqa: E731
    found = find_weak(spoil(table(0, 20_000, confident, **columns), mask), "label", ())
    assert len(found.found) == 20
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
    assert names(find_weak(spoil(rows, has_b), "label", ()))[0] == (("tags", "b"),)


def test_rows_without_a_score_or_a_label_are_left_out():
    rows, _ = three(weak_in=("city",))
    score = rows["score"].to_numpy().copy()
    score[::7] = math.nan
    labels = [None if row % 5 == 0 else label for row, label in enumerate(rows["label"].to_pylist())]
    broken = (
        rows.drop(["label", "score"]).append_column("label", pa.array(labels)).append_column("score", pa.array(score))
    )
    whole = rows.filter(pa.array([row % 5 != 0 and row % 7 != 0 for row in range(ROWS)]))
    assert find_weak(broken, "label", ()) == find_weak(whole, "label", ())


def test_scores_of_zero_and_one_have_a_finite_loss():
    wrong = np.arange(ROWS) % 3 == 0
    rows = table(0, ROWS, lambda random, rows: np.ones(rows), third=np.where(wrong, "yes", "no"))
    (segment,) = find_weak(spoil(rows, wrong), "label", ()).found
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
    found = find_weak(rows, "label", ())
    assert found.found == ()
    assert found.min_rows == max(30, rows.num_rows // 100)


def test_an_unknown_value_has_no_rows():
    with pytest.raises(ValueError, match="Lima"):
        segment_rows(three()[0], (("city", "Lima"),))


def test_the_result_does_not_depend_on_chunks(monkeypatch):
    rows, _ = three(weak_in=("city", "plan"))
    whole = find_weak(rows, "label", ())
    assert find_weak(pa.concat_tables([rows.slice(0, 100), rows.slice(100)]), "label", ()) == whole
    monkeypatch.setattr(weak_segments, "CHUNK_ROWS", 8)
    in_parts = find_weak(rows, "label", ())
    assert names(in_parts) == names(whole)
    assert in_parts.found[0].difference.value == pytest.approx(whole.found[0].difference.value)


def test_twenty_thousand_rows_of_twenty_columns_take_less_than_two_seconds():
    random = np.random.default_rng(0)
    columns = {f"text{k}": random.choice([f"v{v}" for v in range(9)], 20_000) for k in range(15)}
    columns |= {f"number{k}": random.normal(size=20_000) for k in range(5)}
    rows = table(0, 20_000, None, **columns)
    started_s = time.monotonic()
    assert find_weak(rows, "label", ()).tried > 10_000
    assert time.monotonic() - started_s < 2
