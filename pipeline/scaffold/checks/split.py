"""How the rows are divided into train, eval and test, and why: by time, by group, or stratified by a hash."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import farmhash
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.errors import DataError
from pipeline.scaffold.columns.column import Column
from pipeline.splits import SPLITS

# As ExampleGen counts them: components/arrow_example_gen/splitting/assignment.py.
BUCKETS = 1_000_000
SEPARATOR = "\x1f"


@dataclass(frozen=True)
class Split:
    """A division of the rows.

    Attributes:
        by: what decides: the hash of the rows, a group, or a time.
        index: 0 train, 1 eval, 2 test, for each row.
        why: the reason, for people.
        column: of the group or time; empty for a hash of the rows.
        cuts: where eval and test begin, by time.
    """

    by: Literal["rows", "group", "time"]
    index: NDArray[np.int64]
    shares: tuple[float, float, float]
    why: str
    column: str = ""
    cuts: tuple[int, int] | tuple[str, str] | None = None

    def rows(self, split: int) -> NDArray[np.int64]:
        """Return the numbers of the rows of a split."""
        return np.flatnonzero(self.index == split)

    def sizes(self) -> Mapping[str, int]:
        """Return the number of rows by split."""
        return dict(zip(SPLITS, np.bincount(self.index, minlength=3).tolist(), strict=True))


def shares_for(rows: int) -> tuple[float, float, float]:
    """Return the shares of train, eval and test: the fewer rows there are, the more the test needs of them.

    >>> shares_for(300), shares_for(1_000_000)
    ((0.5, 0.2, 0.3), (0.8, 0.1, 0.1))
    """
    return (0.5, 0.2, 0.3) if rows < 1000 else (0.7, 0.1, 0.2) if rows < 100_000 else (0.8, 0.1, 0.1)


def by_rows(columns: Sequence[Column], ones: NDArray[np.int64]) -> Split:
    """Divide by the hash of the columns, so that equal rows stay together, with the same share of each label."""
    shares = shares_for(len(ones))
    hashes, first, inverse, counts = np.unique(
        row_hashes(columns), return_index=True, return_inverse=True, return_counts=True
    )
    of_hash = np.zeros(len(hashes), np.int64)
    for label in (0, 1):
        chosen = np.flatnonzero(ones[first] == label)
        passed = (np.cumsum(counts[chosen]) - counts[chosen] / 2) / max(counts[chosen].sum(), 1)
        of_hash[chosen] = np.searchsorted([shares[0], shares[0] + shares[1]], passed, side="right")
    why = "by a hash of the row, the same share of each label: no time or group was named"
    return Split("rows", of_hash[inverse], shares, why)


def row_hashes(columns: Sequence[Column]) -> NDArray[np.uint64]:
    """Return a hash of the values of each row, equal for equal rows."""
    texts = [pc.cast(column.values, pa.string()).fill_null("") for column in columns]
    joined = pc.binary_join_element_wise(*texts, SEPARATOR)
    return np.array([farmhash.fingerprint64(text) for text in joined.to_pylist()], np.uint64)


def by_group(column: Column, why: str) -> Split:
    """Divide by the hash of a group, as ExampleGen does with ``split_by.key``, so that no group is in two splits.

    Raises:
        DataError: a row has no group.
    """
    _check_complete(column, "--group")
    shares = shares_for(len(column.values))
    encoded = column.values.cast(pa.string()).dictionary_encode()
    hashed = [farmhash.fingerprint64(text) % BUCKETS for text in encoded.dictionary.to_pylist()]
    buckets = np.array(hashed, np.int64)[encoded.indices.to_numpy()]
    begins = [round(shares[0] * BUCKETS), round((shares[0] + shares[1]) * BUCKETS)]
    index = np.searchsorted(begins, buckets, side="right")
    return Split("group", index, shares, why, column.name)


def by_time(column: Column) -> Split:
    """Divide at two times: the latest rows are the test, as a model meets them.

    Raises:
        DataError: the column holds no times, a row has none, or there are too few different ones.
    """
    _check_complete(column, "--time")
    times = column.numbers()
    shares = shares_for(len(times))
    ordered = np.argsort(times, kind="stable")
    places = [ordered[round(share * len(times))] for share in (shares[0], shares[0] + shares[1])]
    first, second = (column.values[int(place)].as_py() for place in places)
    if not times.min() < times[places[0]] < times[places[1]]:
        raise DataError(f"--time {column.source}", "too few different times to divide the rows",
                        received=f"{len(np.unique(times))} times")  # fmt: skip
    index = np.searchsorted(times[places], times, side="right")
    return Split("time", index, shares, f"by {column.name}: the latest rows are the test", column.name, (first, second))


def _check_complete(column: Column, option: str) -> None:
    if option == "--time" and not column.is_date and not column.is_number:
        raise DataError(f"{option} {column.source}", "the column holds no times",
                        expected="dates, or numbers that rise with time")  # fmt: skip
    if option == "--group" and column.type == "FLOAT":
        raise DataError(f"{option} {column.source}", "a number with decimals names no group",
                        expected="text or whole numbers")  # fmt: skip
    if column.values.null_count:
        raise DataError(
            f"{option} {column.source}", f"{column.values.null_count:,} rows have no value",
            expected="a value in each row", next_step="Fill the column, or leave those rows out.",
        )  # fmt: skip


def check_labels(split: Split, ones: NDArray[np.int64]) -> None:
    """Check that each split has rows of both labels.

    Raises:
        DataError: one has not.
    """
    for number, name in enumerate(SPLITS):
        labels = ones[split.index == number]
        if len(np.unique(labels)) < 2:
            received = f"{len(labels):,} rows, all of label {labels[0]}" if len(labels) else "no row"
            raise DataError(
                f"split {name}", "it has not both labels", expected="rows of 0 and of 1", received=received,
                next_step="Give more rows that differ, or divide them in another way.",
            )  # fmt: skip


def in_several(column: Column, split: Split) -> int:
    """Return how many values of a column, such as ids of customers, are in more than one split."""
    codes = column.values.dictionary_encode().indices
    known = codes.is_valid().to_numpy(zero_copy_only=False)
    pairs = np.unique(np.stack([codes.drop_null().to_numpy(), split.index[known]]), axis=1)
    return int((np.bincount(pairs[0]) > 1).sum()) if pairs.size else 0


def repeated(hashes: NDArray[np.uint64], split: Split) -> tuple[int, int]:
    """Return how many rows are equal to an earlier one, and how many different rows are in more than one split."""
    _, codes = np.unique(hashes, return_inverse=True)
    pairs = np.unique(np.stack([codes, split.index]), axis=1)
    return len(codes) - int(codes.max()) - 1, int((np.bincount(pairs[0]) > 1).sum())
