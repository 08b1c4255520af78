"""The features that look back are checked against a brute-force count over the raw file."""

import csv
from collections import Counter, defaultdict
from random import Random

import pytest

from data.datasets.movielens import (
    COLUMNS,
    Interaction,
    Item,
    User,
    age_band,
    events,
    labels_by_column,
    parse_interaction,
    parse_item,
    parse_user,
)
from data.datasets.tables import parse_table
from pipeline.errors import DataError
from pipeline.splits import SPLITS

USERS = {"u": User(30, "F", "writer", "10001"), "v": User(60, "M", "other", "?")}
ITEMS = {"a": Item(1995, ("Comedy", "Drama")), "b": Item(None, ("Comedy",)), "c": Item(1990, ())}
TIERS = {"10001": "tier 1", "?": "unknown"}


def rows_of(*interactions):
    return list(events([Interaction(*each) for each in interactions], USERS, ITEMS, TIERS))


@pytest.fixture(scope="module")
def rows(recommender):
    everything = []
    for split in SPLITS:
        with (recommender.path / split / "rows.csv").open(encoding="utf-8", newline="") as file:
            everything.extend(csv.DictReader(file))
    return everything


@pytest.fixture(scope="module")
def ratings(movielens_raw):
    return parse_table(movielens_raw / "ml-100k.inter", parse_interaction, separator="\t", header=1)


@pytest.fixture(scope="module")
def items(movielens_raw):
    return dict(parse_table(movielens_raw / "ml-100k.item", parse_item, separator="\t", header=1))


def test_every_rating_is_in_exactly_one_row(rows, ratings):
    found = Counter((row["user_id"], row["item_id"], row["event_time_s"], row["liked"]) for row in rows)
    labels = ((each, str(int(each.rating >= 4))) for each in ratings)
    assert found == Counter((each.user_id, each.item_id, str(each.time_s), label) for each, label in labels)
    assert max(found.values()) == 1


def test_the_like_rate_and_the_segments_are_the_known_ones(rows):
    assert sum(int(row["liked"]) for row in rows) == 55_375
    assert Counter(row["user_segment"] for row in rows) == {"new": 9_430, "returning": 90_570}
    assert {row["metro_tier"] for row in rows} == {"tier 1", "tier 2", "tier 3", "unknown"}


def test_neither_the_rating_nor_the_title_is_a_column(rows):
    assert tuple(rows[0]) == COLUMNS
    assert not {"rating", "movie_title"} & set(COLUMNS)


def brute_force(row, ratings, items):
    """Count anew, from the raw ratings, what had been rated before the second of this row."""
    by_user, by_item = (
        [each for each in ratings[key, row[key]] if each.time_s < int(row["event_time_s"])]
        for key in ("user_id", "item_id")
    )
    by_genre = [each for each in by_user if items[each.item_id].primary_genre == row["primary_genre"]]
    groups = {"user": by_user, "item": by_item}
    first = min((each.time_s for each in by_user), default=int(row["event_time_s"]))
    return {
        **{f"{name}_prior_events": len(group) for name, group in groups.items()},
        **{f"{name}_prior_mean_rating": mean(each.rating for each in group) for name, group in groups.items()},
        **{f"{name}_prior_like_rate": mean(each.rating >= 4 for each in group) for name, group in groups.items()},
        "user_genre_prior_mean_rating": mean(each.rating for each in by_genre),
        "days_since_first_event": (int(row["event_time_s"]) - first) / 86_400,
    }


def mean(values):
    numbers = list(values)
    return sum(numbers) / len(numbers) if numbers else None


def test_no_row_knows_more_than_the_seconds_before_it(rows, ratings, items):
    grouped = defaultdict(list)
    for each in ratings:
        grouped["user_id", each.user_id].append(each)
        grouped["item_id", each.item_id].append(each)
    busy_seconds = Counter((row["user_id"], row["event_time_s"]) for row in rows)
    crowded = [row for row in rows if busy_seconds[row["user_id"], row["event_time_s"]] > 1]
    draw = Random(0)
    for row in [*draw.sample(rows, 1_000), *draw.sample(crowded, 500)]:
        for column, expected in brute_force(row, grouped, items).items():
            received = float(row[column]) if row[column] else None
            assert received == (None if expected is None else pytest.approx(expected, abs=1e-6)), (column, row)


def test_inverting_later_ratings_changes_no_earlier_row(ratings, movielens_raw, items):
    users = dict(parse_table(movielens_raw / "ml-100k.user", parse_user, separator="\t", header=1))
    tiers = {user.zip_code: "unknown" for user in users.values()}
    some = [each for each in ratings if int(each.user_id) < 60]
    moment = sorted(each.time_s for each in some)[len(some) // 2]
    turned = [each._replace(rating=6 - each.rating) if each.time_s >= moment else each for each in some]
    pairs = list(zip(events(some, users, items, tiers), events(turned, users, items, tiers), strict=True))
    until_then = [
        (one._replace(liked=0), other._replace(liked=0)) for one, other in pairs if one.event_time_s <= moment
    ]
    assert len(until_then) >= len(some) // 2
    assert all(one == other for one, other in until_then)
    assert any(one._replace(liked=0) != other._replace(liked=0) for one, other in pairs)


def test_rows_of_one_second_do_not_see_each_other():
    first, second, later = rows_of(("u", "a", 5, 100), ("u", "b", 1, 100), ("u", "a", 3, 100 + 86_400))
    assert (first.user_prior_events, second.user_prior_events, later.user_prior_events) == (0, 0, 2)
    assert (second.user_prior_mean_rating, second.user_genre_prior_mean_rating) == (None, None)
    assert (later.user_prior_mean_rating, later.user_prior_like_rate) == (3.0, 0.5)
    assert (later.item_prior_events, later.item_prior_mean_rating) == (1, 5.0)
    assert (first.days_since_first_event, later.days_since_first_event) == (0.0, 1.0)


def test_rows_are_ordered_by_time_and_then_as_given():
    rows = rows_of(("u", "b", 3, 200), ("v", "a", 3, 100), ("u", "a", 3, 100))
    assert [(row.user_id, row.item_id) for row in rows] == [("v", "a"), ("u", "a"), ("u", "b")]


def test_the_first_ten_events_are_new_even_within_one_second():
    rows = rows_of(*(("u", "a", 3, 100) for _ in range(12)))
    assert [row.user_segment for row in rows] == ["new"] * 10 + ["returning"] * 2
    assert {row.user_prior_events for row in rows} == {0}


def test_the_facts_about_user_and_film_are_joined():
    row = rows_of(("u", "a", 4, 881250949))[0]
    assert (row.user_age, row.age_band, row.user_gender, row.metro_tier) == (30, "25-34", "F", "tier 1")
    assert (row.release_year, row.genres, row.primary_genre) == (1995, "Comedy|Drama", "Comedy")
    assert (row.hour, row.weekday, row.liked) == (15, 3, 1)


def test_unknown_year_and_genre():
    year, genre = rows_of(("u", "b", 3, 1), ("u", "c", 3, 2))
    assert year.release_year is None
    assert (genre.genres, genre.primary_genre) == ("", "unknown")


@pytest.mark.parametrize(
    ("age", "band"), [(17, "under 18"), (24, "18-24"), (34, "25-34"), (44, "35-44"), (45, "45-49")]
)
def test_age_bands(age, band):
    assert age_band(age) == band


def test_every_film_has_a_title_which_is_in_no_row(movielens_raw, items, rows):
    titles = labels_by_column(movielens_raw)["item_id"]
    assert titles.keys() == items.keys()
    assert all(titles.values())
    assert (titles["1"], titles["50"]) == ("Toy Story", "Star Wars")
    assert not {"Toy Story", "Star Wars"} & {value for row in rows[:1000] for value in row.values()}


@pytest.mark.parametrize("year", ["V", "unkonwn", ""])
def test_a_year_in_letters_is_unknown(year):
    assert parse_item(["1", "A film", year, "Drama"])[1].release_year is None


@pytest.mark.parametrize(("user", "item", "problem"), [("w", "a", "unknown user"), ("u", "z", "unknown item")])
def test_a_rating_of_nobody_or_nothing_is_refused(user, item, problem):
    with pytest.raises(DataError, match=problem):
        rows_of((user, item, 3, 1))
