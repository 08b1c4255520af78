"""The numbers of rows that each file has, that were written, and that were set aside; they must add up.

The rows of each written file are counted in the same pass.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Literal

import apache_beam as beam
from tfx.dsl.io import fileio

from components.arrow_example_gen.checks.columns import Columns
from components.arrow_example_gen.formats.row_counts import count_rows
from pipeline.errors import DataError

Outcome = Literal["source", "written", "aside"]
# ((file name, outcome), number of rows); SHARD marks a file that was written, the others are of files that were read.
SHARD: Literal["shard"] = "shard"
Count = tuple[tuple[str, Outcome | Literal["shard"]], int]
RowTotals = Mapping[str, Mapping[Outcome, int]]


def count_source(name: str, columns: Columns) -> Count:
    """Count the rows of a file, independently of the readers."""
    return (name, "source"), count_rows(name, columns)


class Write(beam.PTransform):
    """Adds up counts and writes them as one JSON file."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    def expand(self, counts: beam.PCollection) -> beam.PCollection:
        """Sum the counts by file and outcome."""
        return counts | beam.CombinePerKey(sum) | beam.combiners.ToList() | beam.Map(write, self.path)


def write(counts: Iterable[Count], path: str) -> None:
    """Write counts as JSON."""
    with fileio.open(path, "w") as file:
        file.write(json.dumps([[*key, number] for key, number in sorted(counts)], indent=1))


def read(path: str) -> tuple[RowTotals, dict[str, int]]:
    """Read what ``write`` wrote: totals of the files read, where an outcome without rows is 0, and rows by shard."""
    with fileio.open(path, "r") as file:
        rows = json.loads(file.read())
    totals: dict[str, dict[Outcome, int]] = {}
    for name, outcome, number in rows:
        if outcome != SHARD:
            totals.setdefault(name, {"source": 0, "written": 0, "aside": 0})[outcome] = number
    return totals, {name: number for name, outcome, number in rows if outcome == SHARD}


def check(totals: RowTotals) -> None:
    """Check that each row of a file was either written or set aside.

    Raises:
        DataError: rows were lost or duplicated.
    """
    for name, counts in totals.items():
        if counts["source"] != counts["written"] + counts["aside"]:
            raise DataError(
                name, "rows were lost or duplicated while reading",
                expected=f"{counts['source']:,} rows, counted independently",
                received=f"{counts['written']:,} written, {counts['aside']:,} set aside",
                next_step="Check whether the file is still being written.",
            )  # fmt: skip


def by_split(totals: RowTotals, files: Mapping[str, Iterable[str]]) -> dict[str, dict[str, int]]:
    """Return, for each split, the rows that its files have and those of them that were set aside.

    >>> by_split({"a": {"source": 3, "written": 2, "aside": 1}}, {"train": ["a"]})
    {'train': {'source': 3, 'aside': 1}}
    """
    return {
        split: {
            "source": sum(totals[name]["source"] for name in names),
            "aside": sum(totals[name]["aside"] for name in names),
        }
        for split, names in ((split, list(names)) for split, names in files.items())
    }
