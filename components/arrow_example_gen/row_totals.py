"""The rows that the files have, by ``source_rows``, against those that were written and put aside."""

import json
from collections.abc import Iterable, Mapping
from typing import Literal

import apache_beam as beam
from tfx.dsl.io import fileio

from components.arrow_example_gen.checks.columns import Columns
from components.arrow_example_gen.formats.row_counts import count_rows
from pipeline.errors import DataError

# What a number of rows is of: a file's own, those written of it, those put aside.
Of = Literal["source", "written", "aside"]
Count = tuple[tuple[str, Of], int]
Tally = Mapping[str, Mapping[Of, int]]


def in_source(name: str, columns: Columns) -> Count:
    """The rows of a file."""
    return (name, "source"), count_rows(name, columns)


class Write(beam.PTransform):
    """Adds up counts, and writes them as JSON to a path."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    def expand(self, counts: beam.PCollection) -> beam.PCollection:
        """One file, wherever the counts come from."""
        return counts | beam.CombinePerKey(sum) | beam.combiners.ToList() | beam.Map(write, self.path)


def write(counts: Iterable[Count], path: str) -> None:
    """Writes the sums."""
    with fileio.open(path, "w") as file:
        file.write(json.dumps([[*key, number] for key, number in sorted(counts)], indent=1))


def read(path: str) -> Tally:
    """The counts of each file."""
    with fileio.open(path, "r") as file:
        rows = json.loads(file.read())
    found: dict[str, dict[Of, int]] = {}
    for name, of, number in rows:
        found.setdefault(name, {"source": 0, "written": 0, "aside": 0})[of] = number
    return found


def check(tally: Tally) -> None:
    """Compares both sides of each file.

    Raises:
        DataError: rows were lost or doubled on the way.
    """
    for name, counts in tally.items():
        if counts["source"] != counts["written"] + counts["aside"]:
            raise DataError(
                name, "the rows that were read are not those that the file has",
                expected=f"{counts['source']:,} rows, counted apart",
                received=f"{counts['written']:,} written, {counts['aside']:,} put aside",
                next_step="Look whether the file is still being written, and for what does not belong into it.",
            )  # fmt: skip


def of_splits(tally: Tally, files: Mapping[str, Iterable[str]]) -> dict[str, dict[str, int]]:
    """The sums of what each split's files have and of what was put aside of them.

    >>> of_splits({"a": {"source": 3, "written": 2, "aside": 1}}, {"train": ["a"]})
    {'train': {'source': 3, 'aside': 1}}
    """
    return {
        split: {
            "source": sum(tally[name]["source"] for name in names),
            "aside": sum(tally[name]["aside"] for name in names),
        }
        for split, names in ((split, list(names)) for split, names in files.items())
    }
