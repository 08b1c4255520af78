"""Draw impressions of a made-up shop whose click probabilities are known: ``python -m data.synthetic --rows N``."""

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute, parquet

from components.support.atomic_files import building, locked, sha256_of
from data.console import exit_code, say
from data.fetch import DEFAULT_CACHE
from data.simulation.ideal import Tally
from data.simulation.impressions import GRAIN, SCHEMA, VALUES, Impressions, Source
from data.simulation.shop import World
from pipeline.errors import DataError

MANIFEST = "manifest.json"
TRUTH = "truth"
TRUTH_SCHEMA = pa.schema([("click_probability", pa.float32())])
KIND = "synthetic impressions"
SLICES = ("city_tier", "user_segment", "device", "age_band", "membership", "category")
SPLIT_ENDS = {"train": 8, "eval": 9, "test": 10}
FEWEST_ROWS, MOST_ROWS = 100, 1_000_000_000
FILE_ROWS = 250_000
CHUNK_ROWS = 50_000
# A change of these changes rows.
_MODULES = (*(f"simulation/{name}.py" for name in ("draws", "ideal", "impressions", "shop")), "synthetic.py")

Write = Callable[[pa.RecordBatch], Any]


@dataclass(frozen=True)
class Drawn:
    """A folder of impressions: the number of rows of each split, a SHA-256 of all files, the best possible on test."""

    path: Path
    rows: dict[str, int]
    digest: str
    ideal: dict[str, Any]


def synthesize(world: World, target: Path, form: str = "csv", chunk_rows: int = CHUNK_ROWS) -> Drawn:
    """Return the impressions of a world, drawn into ``target`` unless they are there and intact.

    ``form`` is a key of ``FORMATS``. CSV files are the same bytes for any ``chunk_rows``; memory grows with it alone.

    Raises DataError when the world is impossible or ``target`` holds something else; OSError when the disk refuses.
    """
    refuse_impossible(world)
    # A link would be renamed in place of the folder that it names.
    target = target.resolve()
    refuse_foreign(target)
    origin = _origin(world, form)
    with locked(target):
        # Another process may have drawn them while this one waited.
        manifest = intact(target, origin) or _draw(world, target, origin, form, chunk_rows)
    return Drawn(target, manifest["rows"], manifest["digest"], manifest["ideal"]["test"])


def refuse_impossible(world: World) -> None:
    """Raise DataError for a world of too few or too many rows, or with a seed or a drift out of range."""
    if not FEWEST_ROWS <= world.rows <= MOST_ROWS:
        expected = f"{FEWEST_ROWS:,} to {MOST_ROWS:,}"
        raise DataError("--rows", "this number of rows cannot be drawn", expected=expected, received=f"{world.rows:,}")
    if world.seed < 0:
        raise DataError("--seed", "a seed is not negative", expected="0 or more", received=str(world.seed))
    if not 0 <= world.drift <= 1:
        raise DataError("--drift", "out of range", expected="0 (none) to 1", received=str(world.drift))


def refuse_foreign(target: Path) -> None:
    """Raise DataError when ``target`` is there and is neither empty nor a folder of synthetic impressions."""
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    try:
        kind = json.loads((target / MANIFEST).read_text(encoding="utf-8"))["origin"]["kind"]
    except (OSError, ValueError, KeyError, TypeError):
        kind = ""
    if kind != KIND:
        raise DataError(
            str(target), "there is something else, which would be lost", expected="no folder, or one of this command",
            next_step="Choose another --out.",
        )  # fmt: skip


def intact(target: Path, origin: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the manifest of ``target`` when what is there came from ``origin`` and no byte has changed, else None."""
    try:
        manifest = json.loads((target / MANIFEST).read_text(encoding="utf-8"))
        if manifest["origin"] != origin:
            return None
        sound = all(sha256_of(target / name) == sha256 for name, sha256 in manifest["sha256"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return dict(manifest) if sound else None


def _origin(world: World, form: str) -> dict[str, Any]:
    folder = Path(__file__).parent
    code = "".join(f"{name} {sha256_of(folder / name)}\n" for name in _MODULES)
    return {
        "kind": KIND,
        **asdict(world),
        "format": form,
        "code": hashlib.sha256(code.encode()).hexdigest(),
        "packages": {"numpy": np.__version__, "pyarrow": pa.__version__},
    }


def _draw(world: World, target: Path, origin: dict[str, Any], form: str, chunk_rows: int) -> dict[str, Any]:
    source, ideal = Source(world), {}
    bounds = split_bounds(world.rows)
    with building(target) as folder:
        progress = Progress(world.rows)
        for split, (start, stop) in bounds.items():
            tally = Tally(GRAIN, {name: VALUES[name] for name in SLICES})
            for drawn in write_split(folder, split, form, pieces(source, start, stop, chunk_rows)):
                tally.add(drawn.chance, drawn.columns["clicked"], drawn.columns)
                progress.passed(len(drawn.chance))
            ideal[split] = tally.ideal()
        manifest = _manifest(folder, origin, bounds, ideal)
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    say(f"synthetic: {manifest['rows']} rows in {target}")
    return manifest


def split_bounds(rows: int) -> dict[str, tuple[int, int]]:
    """Return the first row of each split and the one after its last.

    >>> split_bounds(101)
    {'train': (0, 80), 'eval': (80, 90), 'test': (90, 101)}
    """
    ends = {name: rows * tenths // 10 for name, tenths in SPLIT_ENDS.items()}
    return {name: (start, end) for (name, end), start in zip(ends.items(), (0, *ends.values()), strict=False)}


def pieces(source: Source, start: int, stop: int, chunk_rows: int) -> Iterator[Iterator[Impressions]]:
    """Yield the chunks of one file after another."""
    for first in range(start, stop, FILE_ROWS):
        last = min(first + FILE_ROWS, stop)
        yield (source.rows(row, min(row + chunk_rows, last)) for row in range(first, last, chunk_rows))


def write_split(folder: Path, split: str, form: str, files: Iterator[Iterator[Impressions]]) -> Iterator[Impressions]:
    """Write the files of a split and its truth, and yield every chunk once it is written."""
    (folder / split).mkdir()
    (folder / TRUTH).mkdir(exist_ok=True)
    with parquet_file(folder / TRUTH / f"{split}.parquet", TRUTH_SCHEMA) as write_truth:
        for number, chunks in enumerate(files):
            with FORMATS[form](folder / split / f"rows-{number:05}.{form}", SCHEMA) as write:
                for drawn in chunks:
                    write(drawn.batch())
                    write_truth(pa.record_batch([pa.array(drawn.probability())], schema=TRUTH_SCHEMA))
                    yield drawn


@contextmanager
def csv_file(path: Path, schema: pa.Schema) -> Iterator[Write]:
    """Open a CSV file with a header line, for batches of rows; null becomes an empty cell."""
    with path.open("wb") as file:
        file.write((",".join(schema.names) + "\n").encode())
        yield lambda batch: file.write(csv_lines(batch))


def csv_lines(batch: pa.RecordBatch) -> bytes:
    """Return rows as lines of CSV, for values that need no quotes, which Arrow's own writer puts around all strings.

    >>> csv_lines(pa.record_batch([pa.array([1, 2]), pa.array(["a", None])], ["x", "y"]))
    b'1,a\\n2,\\n'
    """
    cells = [column.cast(pa.string()) for column in batch.columns]
    lines = compute.binary_join_element_wise(*cells, ",", null_handling="replace", null_replacement="")
    ended = compute.binary_join_element_wise(lines, "", "\n")
    # The texts of an array lie one behind the other.
    return bytes(ended.buffers()[2])


@contextmanager
def parquet_file(path: Path, schema: pa.Schema) -> Iterator[Write]:
    """Open a Parquet file for batches of rows, each a row group."""
    with parquet.ParquetWriter(path, schema) as writer:
        yield writer.write_batch


FORMATS: dict[str, Callable[[Path, pa.Schema], AbstractContextManager[Write]]] = {
    "csv": csv_file,
    "parquet": parquet_file,
}


class Progress:
    """A line on stderr every few seconds, with what is left."""

    EVERY_S = 2.0

    def __init__(self, rows: int) -> None:
        self._rows, self._done = rows, 0
        self._started_s = self._said_s = time.monotonic()

    def passed(self, rows: int) -> None:
        """Count rows that are written, and say so when the last line is some seconds old."""
        self._done += rows
        now_s = time.monotonic()
        if now_s - self._said_s >= self.EVERY_S:
            self._said_s = now_s
            left_s = (now_s - self._started_s) * (self._rows - self._done) / self._done
            say(f"synthetic: {self._done:,} of {self._rows:,} rows, about {left_s:.0f} s left")


def _manifest(
    folder: Path, origin: dict[str, Any], bounds: Mapping[str, tuple[int, int]], ideal: dict[str, Any]
) -> dict[str, Any]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    checksums = {path.relative_to(folder).as_posix(): sha256_of(path) for path in files}
    return {
        "origin": origin,
        "columns": SCHEMA.names,
        "label": "clicked",
        "rows": {name: stop - start for name, (start, stop) in bounds.items()},
        "sha256": checksums,
        "digest": hashlib.sha256(json.dumps(checksums, sort_keys=True).encode()).hexdigest(),
        "ideal": ideal,
    }


def _default_folder(world: World, form: str) -> Path:
    return DEFAULT_CACHE / "synthetic" / f"{world.rows}-seed-{world.seed}-drift-{world.drift:g}-{form}"


def _parser() -> argparse.ArgumentParser:
    description = "Draw impressions of a made-up shop, with the click probabilities beside them."
    parser = argparse.ArgumentParser(prog="python -m data.synthetic", description=description)
    parser.add_argument("--rows", type=int, required=True, metavar="N", help="of all three splits together")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of all draws; default: %(default)s")
    parser.add_argument("--drift", type=float, default=0.0, metavar="X", help="0 (none, the default) to 1")
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: a folder in data/cache/synthetic")
    parser.add_argument("--format", choices=tuple(FORMATS), default="csv", help="default: %(default)s")
    parser.add_argument("--json", action="store_true", help="print path, rows, digest and the best possible on test")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0, or 2 or 1 with the reason on stderr."""
    arguments = _parser().parse_args(argv)
    world = World(arguments.rows, arguments.seed, arguments.drift)

    def run() -> None:
        drawn = synthesize(world, arguments.out or _default_folder(world, arguments.format), arguments.format)
        print(json.dumps({**asdict(drawn), "path": str(drawn.path)}) if arguments.json else drawn.path)

    return exit_code(run)


if __name__ == "__main__":
    sys.exit(main())
