"""The columns that the schema declares, and the check of a file's columns against them."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from pipeline.errors import DataError

ARROW_TYPES = {"INT": pa.int64(), "FLOAT": pa.float32(), "BYTES": pa.string()}
# Of a long list of names, a message has only the first.
MOST_SHOWN = 10
NOT_LETTERS = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class ColumnRule:
    """The constraints on one column.

    ``required`` columns must be in every file. Numbers must be greater than ``above``. In a label column every row
    must have one of ``labels``.
    """

    type: Literal["INT", "FLOAT", "BYTES"]
    required: bool
    above: float | None = None
    labels: Sequence[int | str] | None = None


@dataclass(frozen=True)
class Columns(Mapping[str, ColumnRule]):
    """The columns of the schema; ``others`` says whether a file with more columns is refused or read without them."""

    rules: Mapping[str, ColumnRule]
    others: Literal["fail", "ignore"] = "fail"

    def __getitem__(self, name: str) -> ColumnRule:
        return self.rules[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.rules)

    def __len__(self) -> int:
        return len(self.rules)

    def among(self, names: Collection[str]) -> list[str]:
        """Return the columns of a file that are read, in the order of the file."""
        return [name for name in names if name in self.rules]

    def refused(self, names: Collection[str]) -> list[str]:
        """Return the columns of a file that make it invalid."""
        return [] if self.others == "ignore" else [name for name in names if name not in self.rules]

    def respelled(self, names: Collection[str]) -> dict[str, str]:
        """Return by name in a file the column of the schema that it is but for spaces, case and punctuation.

        >>> Columns({"age": ColumnRule("INT", True), "zip": ColumnRule("BYTES", True)}).respelled([" Age", "zip"])
        {' Age': 'age'}
        """
        absent = {_spelling(name): name for name in self.rules if name not in names}
        return {name: absent[_spelling(name)] for name in names if name not in self.rules and _spelling(name) in absent}


def check_names(where: str, names: Sequence[str], columns: Columns) -> None:
    """Compare the column names of a file with the schema.

    Raises:
        DataError: a required column is missing, a column appears twice, one is spelled differently, or one is unknown
            and not ignored.
    """
    respelled = columns.respelled(names)
    paired = {*respelled, *respelled.values()}
    known = columns.among(names)
    missing = [column for column, rule in columns.items() if rule.required and column not in names]
    if not known:
        missing = missing or [*columns]
    extra = columns.refused(names)
    unknown = [column for column in extra if column not in paired]
    # One of the columns that a file may lack may be the unknown one, under another name.
    optional = [column for column in columns if column not in (*names, *missing, *paired)] if unknown else []
    found = {
        "missing": [column for column in missing if column not in paired],
        "not in the schema": unknown,
        "absent, though optional": optional,
        "twice": sorted({column for column in {*known, *extra} if names.count(column) > 1}),
    }
    if respelled or any(found.values()):
        pairs = [f"{name!r} for {column!r}" for name, column in respelled.items()]
        received = {**found, "spelled differently": pairs}
        raise DataError(
            where,
            "its columns are not those of the schema" if known or pairs else "none of its columns is in the schema",
            expected=shown(columns),
            received="; ".join(f"{what}: {shown(some)}" for what, some in received.items() if some),
            next_step=_advice(known, respelled),
        )


def shown(names: Collection[str]) -> str:
    """Return names for a message, at most ``MOST_SHOWN`` of them; those that would not be seen in quotes.

    >>> shown(["age", " score", ""])
    "age, ' score', (a column without a name)"
    """
    texts = [_quoted(name) for name in [*names][:MOST_SHOWN]]
    more = [f"and {len(names) - MOST_SHOWN} more"] if len(names) > MOST_SHOWN else []
    return ", ".join([*texts, *more])


def _quoted(column: str) -> str:
    if not column:
        return "(a column without a name)"
    return column if column == column.strip() else repr(column)


def _spelling(name: str) -> str:
    """Return a name without what is easily mistaken: case, spaces and punctuation; itself if that is all it has."""
    return NOT_LETTERS.sub("", name.casefold()) or name


def _advice(known: Collection[str], respelled: Mapping[str, str]) -> str:
    if respelled:
        return " ".join(
            ["Rename these columns in the file, or in schemas/ and the workload's files.", *_rivals(respelled)]
        )
    if not known:
        return "Check data.path and workload: the rows may be those of another workload, or have no header."
    return "Correct the file, declare the columns in schemas/, or leave others out with data.other_columns."


def _rivals(respelled: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each column of the schema that several columns of a file may be."""
    for column in dict.fromkeys(respelled.values()):
        names = [repr(name) for name, target in respelled.items() if target == column]
        if len(names) > 1:
            yield f"Only one of {' and '.join(names)} can be {column!r}."
