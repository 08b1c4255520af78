"""Adult ("census income"): one row per person, from the 1994 census of the United States."""

from pathlib import Path
from typing import NamedTuple

from data.datasets.splits import random_split
from data.datasets.tables import parse_table

_LABELS = {"<=50K": 0, ">50K": 1}
_MISSING = "?"
_TRAIN_AND_EVAL = (0.9, 0.1, 0.0)


class Person(NamedTuple):
    """One row of the prepared data; the fields are the columns, described with their units in ``data/README.md``."""

    age: int
    workclass: str
    fnlwgt: int
    education: str
    education_num: int
    marital_status: str
    occupation: str
    relationship: str
    race: str
    sex: str
    capital_gain: int
    capital_loss: int
    hours_per_week: int
    native_country: str
    over_50k: int


COLUMNS = Person._fields
_INTEGERS = frozenset(name for name, kind in Person.__annotations__.items() if kind is int)


def rows_by_split(raw: Path, split: str, seed: int) -> dict[str, list[Person]]:
    """Read the files in ``raw`` and return the people of each split, in the order of the source.

    The only ``split`` is 'given': the test file is the test split, and nine tenths of the other file, drawn by
    ``seed``, are train. Raises DataError for a malformed file.
    """
    people = parse_table(raw / "adult.data", parse_person, separator=",", header=0)
    test = parse_table(raw / "adult.test", parse_person, separator=",", header=1)
    names = random_split(len(people), seed, _TRAIN_AND_EVAL)
    drawn = {name: [row for row, of in zip(people, names, strict=True) if of == name] for name in ("train", "eval")}
    return {**drawn, "test": test}


def parse_person(fields: list[str]) -> Person:
    """Return the person in one line; an unknown value becomes an empty string.

    Raises ValueError for a line of another width, a number that is none, or a label other than '<=50K' and '>50K'
    (which the test file ends with a dot).
    """
    *features, label = [field.strip() for field in fields]
    if len(features) != len(COLUMNS) - 1:
        raise ValueError(f"{len(fields)} fields instead of {len(COLUMNS)}")
    named = zip(COLUMNS[:-1], features, strict=True)
    values = [int(cell) if name in _INTEGERS else _known(cell) for name, cell in named]
    return Person._make([*values, parse_label(label)])


def parse_label(text: str) -> int:
    """Return 1 for an income above 50,000 dollars a year, else 0; raise ValueError for any other text.

    >>> parse_label(">50K"), parse_label("<=50K.")
    (1, 0)
    """
    try:
        return _LABELS[text.rstrip(".")]
    except KeyError:
        raise ValueError(f"the label is {text!r}") from None


def _known(text: str) -> str:
    return "" if text == _MISSING else text
