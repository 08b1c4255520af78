"""The report on rows that were set aside: ``quarantine/`` in the artifact, beside its splits.

For each file of CSV or JSON Lines, or range of a big one, ``<split>-<number>.json`` has the counts. If there is a bad
row, ``<split>-<number>.jsonl`` has an object for each: file, line, column, reason, value, and the row itself.
"""

import json
import logging
from collections import Counter
from dataclasses import asdict, dataclass

from apache_beam.io.filesystems import FileSystems
from tfx.dsl.io import fileio

from components.arrow_example_gen.csv import ranges as csv_ranges
from components.arrow_example_gen.formats.byte_ranges import Range
from components.arrow_example_gen.json_lines import pieces as json_pieces
from components.arrow_example_gen.quarantine.bad_rows import BadRows
from components.support.folders import files_in
from components.support.row_files import kind
from pipeline.errors import DataError

progress = logging.getLogger("mainline.progress")
# How many bad rows an error lists.
LISTED = 5


@dataclass(frozen=True)
class Counts:
    """How many rows of a file or range were written, and how many were set aside, by reason."""

    file: str
    rows: int
    bad: int
    reasons: dict[str, int]


def write_report(bad: BadRows, rows: int, path: str, cut: Range) -> None:
    """Write the bad rows of a range, which has ``rows`` good ones, to ``<path>.jsonl`` and ``<path>.json``."""
    found = bad.all()
    if found:
        before = lines_before(bad.name, cut)
        with fileio.open(f"{path}.jsonl", "w") as out:
            for row in found:
                facts = {"file": bad.name, **asdict(row), "line": before + row.line}
                out.write(json.dumps(facts, ensure_ascii=False) + "\n")
    counts = Counts(bad.name, rows, len(found), dict(Counter(row.reason for row in found)))
    with fileio.open(f"{path}.json", "w") as out:
        out.write(json.dumps(asdict(counts), indent=1))


def lines_before(name: str, cut: Range) -> int:
    """Return the number of lines of a file before a range; in CSV, at least those of the header."""
    with FileSystems.open(name) as file:
        return (json_pieces if kind(name) == ".jsonl" else csv_ranges).lines_before(file, cut)


def check_share(folder: str, split: str, max_share: float) -> None:
    """Compare the share of bad rows in a split with the largest that is allowed.

    Raises:
        DataError: it is larger; the first bad rows are listed.
    """
    counts = [Counts(**json.loads(_read(path))) for path in _parts(folder, split, ".json")]
    bad, rows = sum(file.bad for file in counts), sum(file.rows + file.bad for file in counts)
    if bad > max_share * rows:
        raise DataError(
            f"the {split} split", f"{bad:,} of {rows:,} rows are bad", expected=f"a share of at most {max_share:g}",
            received="".join(f"\n    {row}" for row in _first(folder, split)),
            next_step="Correct the rows, or raise data.max_bad_share.",
        )  # fmt: skip
    if bad:
        progress.info("%s: %d of %d rows were set aside, in %s", split, bad, rows, folder)


def _first(folder: str, split: str) -> list[str]:
    listed: list[str] = []
    for path in _parts(folder, split, ".jsonl"):
        for text in _read(path).splitlines()[: LISTED - len(listed)]:
            row = json.loads(text)
            column = f", column {row['column']}" if row["column"] else ""
            listed.append(f"{row['file']}, line {row['line']}{column}: {row['reason']}: {row['value']!r:.100}")
    return listed


def _parts(folder: str, split: str, suffix: str) -> list[str]:
    return [path for path in files_in(folder) if path.startswith(f"{folder}/{split}-") and path.endswith(suffix)]


def _read(path: str) -> str:
    with fileio.open(path, "r") as file:
        return str(file.read())
