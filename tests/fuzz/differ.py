"""Our readers against others on files drawn at random: whole, by small ranges and blocks, with bad rows put aside."""

import faulthandler
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import csv_files
import json_files
import record_files
from drawn import COLUMNS, Drawn, Row

from components.arrow_example_gen import file_formats
from components.arrow_example_gen.csv import blocks
from components.arrow_example_gen.formats import byte_ranges, parquet
from components.arrow_example_gen.formats.row_counts import count_rows
from components.arrow_example_gen.json_lines import reader
from components.arrow_example_gen.quarantine.bad_rows import BadRows
from components.arrow_example_gen.quarantine.report import lines_before
from pipeline.errors import DataError

# One whole file takes some milliseconds.
LIMIT_S = 60
KINDS: dict[str, Callable[[Random], Drawn]] = {
    ".csv": csv_files.draw,
    ".jsonl": json_files.draw,
    ".parquet": record_files.draw_parquet,
    ".tfrecord": record_files.draw_records,
    ".tfrecord.gz": record_files.draw_gzipped,
}
# How many of 40 files are of each kind; one of TFRecord takes as long as ten others.
SHARES = {".csv": 12, ".jsonl": 11, ".parquet": 15, ".tfrecord": 1, ".tfrecord.gz": 1}


def differences(kind: str, seed: str, folder: Path) -> list[str]:
    """Compare our readers with another one on a drawn file; end the process if one hangs."""
    random = Random(seed)
    drawn = KINDS[kind](random)
    path = folder / f"rows{kind}"
    path.write_bytes(drawn.content)
    faulthandler.dump_traceback_later(LIMIT_S, exit=True)
    with sizes(random):
        found = list(_differences(str(path), kind, drawn))
    faulthandler.cancel_dump_traceback_later()
    return found


@contextmanager
def sizes(random: Random) -> Iterator[None]:
    """Small blocks and ranges, so that every place of a file is at the border of one."""
    places = [(blocks, "BLOCK_BYTES"), (reader, "BLOCK_BYTES"), (byte_ranges, "SCAN_BYTES")]
    places += [(byte_ranges, "RANGE_BYTES"), (parquet, "PIECE_BYTES"), (parquet, "ROWS_PER_BATCH")]
    before = [getattr(module, name) for module, name in places]
    for module, name in places:
        setattr(module, name, random.randrange(60, 300))
    yield
    for (module, name), size in zip(places, before, strict=True):
        setattr(module, name, size)


def _differences(name: str, kind: str, drawn: Drawn) -> Iterator[str]:
    pieces = file_formats.pieces(name)
    whole = [tuple(group for piece in pieces for group in piece)] if kind == ".parquet" else [()]
    counted = count_rows(name, COLUMNS)
    if counted != len(drawn.rows) + len(drawn.bad):
        yield f"counted: {counted}, not {len(drawn.rows)} and {len(drawn.bad)} bad ones"
    for way, parts in (("whole", whole), ("by ranges", pieces)):
        if kind in file_formats.QUARANTINES:
            yield from _quarantined(name, way, parts, drawn)
        yield from _strict(name, way, parts, drawn)


def _quarantined(name: str, way: str, parts: list[file_formats.Piece], drawn: Drawn) -> Iterator[str]:
    rows, lines = list[Row](), list[int]()
    for part in parts:
        bad = BadRows(name)
        rows += rows_of(file_formats.read_good(name, COLUMNS, part, bad))
        lines += [lines_before(name, part) + row.line for row in bad.all()]
    if (rows, lines) != (drawn.rows, drawn.bad):
        yield f"{way}, with quarantine: {rows}, bad: {lines}, not {drawn.rows}, bad: {drawn.bad}"


def _strict(name: str, way: str, parts: list[file_formats.Piece], drawn: Drawn) -> Iterator[str]:
    try:
        rows = [row for part in parts for row in rows_of(file_formats.read(name, COLUMNS, part))]
    except DataError as error:
        lines = [f"{drawn.unit} {number}" for number in drawn.bad]
        if not any(f"{line}," in f"{error.where}," for line in lines):
            yield f"{way}: {error.where}: {error.problem}, not {lines}"
        return
    if drawn.bad or rows != drawn.rows:
        yield f"{way}: {rows}, not {drawn.rows}, bad: {drawn.bad}"


def rows_of(batches) -> list[Row]:
    """The rows of batches, with null for columns that are not there."""
    return [tuple(_text(row.get(name)) for name in COLUMNS) for batch in batches for row in batch.to_pylist()]


def _text(value):
    return value.decode() if isinstance(value, bytes) else value
