"""MovieLens-100k: one row per rating, with nothing in it that was not known in the second before.

The features that look back (``*_prior_*``) are running totals. All ratings of one second are described before any of
them is counted, so that they do not see each other: users of MovieLens rate whole pages of films in one second.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from data.datasets.metro import metro_tiers
from data.datasets.splits import Names, random_split, time_split
from data.datasets.tables import parse_table
from pipeline.errors import DataError
from pipeline.splits import SPLITS

LIKED_FROM = 4
NEW_USER_EVENTS = 10
UNKNOWN_GENRE = "unknown"

_AGE_BANDS = ((18, "under 18"), (25, "18-24"), (35, "25-34"), (45, "35-44"), (50, "45-49"), (56, "50-55"))
_OLDEST_BAND = "56+"
_SECONDS_PER_HOUR, _SECONDS_PER_DAY = 3_600, 86_400
_DECIMALS = 6


class Interaction(NamedTuple):
    """A rating from 1 to 5, given at ``time_s`` seconds since 1970 (UTC)."""

    user_id: str
    item_id: str
    rating: int
    time_s: int


class User(NamedTuple):
    """A user; ``age`` is in years."""

    age: int
    gender: str
    occupation: str
    zip_code: str


class Item(NamedTuple):
    """A film; ``release_year`` is None where the source has no number."""

    release_year: int | None
    genres: tuple[str, ...]

    @property
    def primary_genre(self) -> str:
        """The genre that is listed first.

        >>> Item(1995, ("Comedy", "Drama")).primary_genre, Item(1995, ()).primary_genre
        ('Comedy', 'unknown')
        """
        return self.genres[0] if self.genres else UNKNOWN_GENRE


class Event(NamedTuple):
    """One row of the prepared data; the fields are the columns, described with their units in ``data/README.md``."""

    user_id: str
    item_id: str
    user_age: int
    age_band: str
    user_gender: str
    user_occupation: str
    metro_tier: str
    release_year: int | None
    genres: str
    primary_genre: str
    event_time_s: int
    hour: int
    weekday: int
    user_prior_events: int
    user_prior_mean_rating: float | None
    user_prior_like_rate: float | None
    item_prior_events: int
    item_prior_mean_rating: float | None
    item_prior_like_rate: float | None
    user_genre_prior_mean_rating: float | None
    days_since_first_event: float
    user_segment: str
    liked: int


COLUMNS = Event._fields


class Tally:
    """The running totals of some ratings."""

    def __init__(self) -> None:
        self.count = 0
        self._sum = 0
        self._likes = 0

    def add(self, rating: int) -> None:
        """Count one more rating."""
        self.count += 1
        self._sum += rating
        self._likes += is_liked(rating)

    def mean(self) -> float | None:
        """Return the mean rating to six decimals, or None when nothing was counted."""
        return round(self._sum / self.count, _DECIMALS) if self.count else None

    def like_rate(self) -> float | None:
        """Return the share of ratings of 4 and 5 to six decimals, or None when nothing was counted."""
        return round(self._likes / self.count, _DECIMALS) if self.count else None


class History:
    """Everything that was rated so far."""

    def __init__(self) -> None:
        self.users: defaultdict[str, Tally] = defaultdict(Tally)
        self.items: defaultdict[str, Tally] = defaultdict(Tally)
        self.user_genres: defaultdict[tuple[str, str], Tally] = defaultdict(Tally)
        self.first_event_s: dict[str, int] = {}

    def add(self, interaction: Interaction, genre: str) -> None:
        """Count a rating of a film whose primary genre is ``genre``."""
        user = interaction.user_id
        self.first_event_s.setdefault(user, interaction.time_s)
        for tally in (self.users[user], self.items[interaction.item_id], self.user_genres[user, genre]):
            tally.add(interaction.rating)


def rows_by_split(raw: Path, split: str, seed: int) -> dict[str, list[Event]]:
    """Read the files in ``raw`` and return the events of each split, in the order of time.

    ``split`` is 'random' or 'time'; ``seed`` counts for 'random' only. Raises DataError for a malformed file.
    """
    users = dict(parse_table(raw / "ml-100k.user", parse_user, separator="\t", header=1))
    items = dict(parse_table(raw / "ml-100k.item", parse_item, separator="\t", header=1))
    interactions = parse_table(raw / "ml-100k.inter", parse_interaction, separator="\t", header=1)
    tiers = metro_tiers({user.zip_code for user in users.values()})
    rows = list(events(interactions, users, items, tiers))
    names = _split_names(rows, split, seed)
    return {name: [row for row, of in zip(rows, names, strict=True) if of == name] for name in SPLITS}


def labels_by_column(raw: Path) -> dict[str, dict[str, str]]:
    """Return what a person calls the values of a column: the title of each ``item_id``. They are no part of the rows.

    Raises DataError for a malformed file.
    """
    return {"item_id": dict(parse_table(raw / "ml-100k.item", parse_title, separator="\t", header=1))}


def _split_names(rows: Sequence[Event], split: str, seed: int) -> Names:
    if split == "time":
        return time_split([row.event_time_s for row in rows])
    return random_split(len(rows), seed)


def events(
    interactions: Iterable[Interaction], users: Mapping[str, User], items: Mapping[str, Item], tiers: Mapping[str, str]
) -> Iterator[Event]:
    """Yield one event per interaction, by time and then by original order; ``tiers`` is keyed by zip code.

    Raises DataError when an interaction names a user or an item that is not there.
    """
    ordered = sorted(interactions, key=lambda interaction: interaction.time_s)
    _check_known(ordered, users, items)
    history, ranks = History(), Counter[str]()
    for _, group in groupby(ordered, key=lambda interaction: interaction.time_s):
        moment = list(group)
        for interaction in moment:
            user = users[interaction.user_id]
            segment = user_segment(ranks[interaction.user_id])
            yield describe(interaction, user, items[interaction.item_id], tiers[user.zip_code], segment, history)
            ranks[interaction.user_id] += 1
        for interaction in moment:
            history.add(interaction, items[interaction.item_id].primary_genre)


def describe(
    interaction: Interaction, user: User, item: Item, metro_tier: str, segment: str, history: History
) -> Event:
    """Return the row of one interaction, given what was rated before it."""
    by_user, by_item = history.users[interaction.user_id], history.items[interaction.item_id]
    by_genre = history.user_genres[interaction.user_id, item.primary_genre]
    time_s = interaction.time_s
    first_s = history.first_event_s.get(interaction.user_id, time_s)
    return Event(
        user_id=interaction.user_id,
        item_id=interaction.item_id,
        user_age=user.age,
        age_band=age_band(user.age),
        user_gender=user.gender,
        user_occupation=user.occupation,
        metro_tier=metro_tier,
        release_year=item.release_year,
        genres="|".join(item.genres),
        primary_genre=item.primary_genre,
        event_time_s=time_s,
        hour=hour_utc(time_s),
        weekday=weekday(time_s),
        user_prior_events=by_user.count,
        user_prior_mean_rating=by_user.mean(),
        user_prior_like_rate=by_user.like_rate(),
        item_prior_events=by_item.count,
        item_prior_mean_rating=by_item.mean(),
        item_prior_like_rate=by_item.like_rate(),
        user_genre_prior_mean_rating=by_genre.mean(),
        days_since_first_event=round((time_s - first_s) / _SECONDS_PER_DAY, _DECIMALS),
        user_segment=segment,
        liked=is_liked(interaction.rating),
    )


@cache
def age_band(age: int) -> str:
    """Return the band of an age in years, with the borders of MovieLens-1M.

    >>> age_band(17), age_band(18), age_band(56)
    ('under 18', '18-24', '56+')
    """
    return next((band for below, band in _AGE_BANDS if age < below), _OLDEST_BAND)


def hour_utc(time_s: int) -> int:
    """Return the hour of the day in UTC, 0 to 23.

    >>> hour_utc(881250949)
    15
    """
    return time_s // _SECONDS_PER_HOUR % 24


def weekday(time_s: int) -> int:
    """Return the day of the week in UTC, 0 for Monday to 6 for Sunday.

    >>> weekday(881250949)
    3
    """
    # 1970-01-01 was a Thursday.
    return (time_s // _SECONDS_PER_DAY + 3) % 7


def user_segment(rank: int) -> str:
    """Return 'new' for the first ten events of a user (``rank`` 0 to 9), 'returning' for the rest.

    >>> user_segment(9), user_segment(10)
    ('new', 'returning')
    """
    return "new" if rank < NEW_USER_EVENTS else "returning"


def is_liked(rating: int) -> int:
    """Return the label: 1 for a rating of 4 or 5, else 0."""
    return int(rating >= LIKED_FROM)


def parse_interaction(fields: list[str]) -> Interaction:
    """Return the interaction in one line of ``ml-100k.inter``; raise ValueError for a malformed one."""
    user_id, item_id, rating, time_s = fields
    return Interaction(user_id, item_id, int(rating), int(time_s))


def parse_user(fields: list[str]) -> tuple[str, User]:
    """Return the id and the user in one line of ``ml-100k.user``; raise ValueError for a malformed one."""
    user_id, age, gender, occupation, zip_code = fields
    return user_id, User(int(age), gender, occupation, zip_code)


def parse_item(fields: list[str]) -> tuple[str, Item]:
    """Return the id and the film in one line of ``ml-100k.item``; raise ValueError for a malformed one.

    >>> parse_item(["1", "Toy Story", "1995", "Animation Children's Comedy"])
    ('1', Item(release_year=1995, genres=('Animation', "Children's", 'Comedy')))
    """
    item_id, _, year, genres = fields
    # Two films have letters where the year belongs.
    return item_id, Item(int(year) if year.isdigit() else None, tuple(genres.split()))


def parse_title(fields: list[str]) -> tuple[str, str]:
    """Return the id and the title in one line of ``ml-100k.item``; raise ValueError for a malformed one.

    >>> parse_title(["1", "Toy Story", "1995", "Animation Children's Comedy"])
    ('1', 'Toy Story')
    """
    item_id, title, _, _ = fields
    return item_id, title


def _check_known(interactions: Iterable[Interaction], users: Mapping[str, User], items: Mapping[str, Item]) -> None:
    for interaction in interactions:
        if interaction.user_id not in users:
            raise DataError("ml-100k.inter", "unknown user", received=interaction.user_id)
        if interaction.item_id not in items:
            raise DataError("ml-100k.inter", "unknown item", received=interaction.item_id)
