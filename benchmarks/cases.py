"""The data of the comparisons: the taxi rows that ship with TFX, and the rows of our workloads.

Both sides read the same files. Ids get a letter in front, because stock CsvExampleGen reads a column of digits as
numbers, whatever the schema says.
"""

import argparse
import csv
import importlib.util
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from components.support.atomic_files import building, locked
from data.fetch import DEFAULT_CACHE
from data.prepare import prepare
from data.simulation.shop import World
from data.synthetic import synthesize
from pipeline.config.load import load_config
from pipeline.config.root import Config
from pipeline.errors import InputError
from pipeline.splits import SPLITS

TAXI, TAXI_SPLITS = "taxi", ("train", "eval")
TAXI_SCHEMA = Path(__file__).parent / "sides" / "taxi.pbtxt"
TAXI_CSV = ("examples", "chicago_taxi_pipeline", "data", "simple", "data.csv")
TAXI_LABEL = "big_tipper"
INTERVALS = "+intervals"
ID_COLUMNS = ("user_id", "item_id")
# Every model trains for all its epochs and is pushed, so that all runs do the same work.
SAME_WORK = (
    "evaluation.bounds=[{metric: AUC, lower: 0.01}]",
    "evaluation.changes=[]",
    "training.early_stopping_patience=1000",
)


@dataclass(frozen=True)
class Case:
    """A data set and its size: copies of the taxi rows, or number of impressions; 0 if it has one size only.

    ``intervals``: whether Evaluator computes confidence intervals, which ours does by default and TFMA does not.
    """

    name: str
    size: int = 0
    intervals: bool = False

    @property
    def text(self) -> str:
        """Return the case in the notation of the command line.

        >>> Case("taxi", 14).text, Case("recommender", intervals=True).text
        ('taxi:14', 'recommender+intervals')
        """
        return f"{self.rows}{INTERVALS if self.intervals else ''}"

    @property
    def rows(self) -> str:
        """The name of the rows, without the intervals."""
        return f"{self.name}:{self.size}" if self.size else self.name

    @property
    def splits(self) -> tuple[str, ...]:
        """The names of the splits."""
        return TAXI_SPLITS if self.name == TAXI else SPLITS


def parse_case(text: str) -> Case:
    """Parse a case in the notation of the command line.

    >>> parse_case("impressions:20000"), parse_case("recommender+intervals")
    (Case(name='impressions', size=20000, intervals=False), Case(name='recommender', size=0, intervals=True))

    Raises:
        InputError: the name is unknown, the size is missing, or the case takes no size.
    """
    found = re.fullmatch(r"(taxi|impressions):([1-9]\d*)(\+intervals)?|(recommender)(\+intervals)?", text)
    if found is None or (text.startswith(TAXI) and found[3]):
        expected = "taxi:COPIES, impressions:ROWS, recommender; of the last two with +intervals or without"
        raise InputError("case", "no such case", expected=expected, received=text)
    return Case(found[1] or found[4], int(found[2] or 0), bool(found[3] or found[5]))


def parse_side() -> tuple[Case, Path, Path]:
    """Parse the command line of a side."""
    parser = argparse.ArgumentParser(description="Run the graph of one side once.")
    parser.add_argument("case", type=parse_case, help="as for benchmarks.pipeline")
    parser.add_argument("rows", type=Path, help="the folder of the rows")
    parser.add_argument("root", type=Path, help="folder for the artifacts")
    options = parser.parse_args()
    return options.case, options.rows.resolve(), options.root.resolve()


def config_of(case: Case, rows: Path) -> Config:
    """Return the config of a workload, the same for both sides."""
    return load_config(case.name, overrides_of(case, rows))


def overrides_of(case: Case, rows: Path) -> tuple[str, ...]:
    """Return the ``--set`` values of a case."""
    intervals = f"evaluation.confidence_intervals={str(case.intervals).lower()}"
    return ("data.dataset=null", f"data.path={rows}", intervals, *SAME_WORK)


def rows_of(case: Case, cache: Path = DEFAULT_CACHE) -> Path:
    """Return the folder of the rows; create it on the first call."""
    target = cache.resolve() / "benchmarks" / case.rows.replace(":", "-")
    with locked(target):
        if not target.is_dir():
            with building(target) as folder:
                fill(folder, case, cache)
    return target


def fill(folder: Path, case: Case, cache: Path) -> None:
    """Write the rows of a case."""
    if case.name == TAXI:
        write_taxi(folder, case.size)
    else:
        write_named_ids(source_of(case, cache), folder)


def source_of(case: Case, cache: Path = DEFAULT_CACHE) -> Path:
    """Return the original rows of a workload."""
    if case.name == "recommender":
        return prepare("recommender", "time", 0, cache).path
    return synthesize(World(case.size), cache / "synthetic" / f"{case.size}-seed-0-drift-0-csv").path


def write_taxi(folder: Path, copies: int) -> None:
    """Write copies of the taxi rows, with the template's label as a column; two thirds train, one third eval.

    All copies of a row are in the same split, as when stock ExampleGen splits them.
    """
    lines = with_label(taxi_csv().read_text(encoding="utf-8").splitlines())
    header, rows = next(lines), list(lines)
    for split in TAXI_SPLITS:
        (folder / split).mkdir()
        own = "".join(f"{row}\n" for row in rows if split_of(row) == split)
        with (folder / split / "rows.csv").open("w", encoding="utf-8") as file:
            file.write(f"{header}\n")
            file.writelines(own for _ in range(copies))


def taxi_csv() -> Path:
    """Find the CSV file in the installed TFX, without importing it."""
    found = importlib.util.find_spec("tfx")
    if found is None or not found.submodule_search_locations:
        raise InputError("tfx", "is not installed")
    return Path(found.submodule_search_locations[0]).joinpath(*TAXI_CSV)


def with_label(lines: Iterable[str]) -> Iterator[str]:
    """Append the label to lines of CSV, computed as in the template's ``preprocessing_fn``.

    >>> list(with_label(["fare,tips", "10.0,2.5", "10.0,"]))
    ['fare,tips,big_tipper', '10.0,2.5,1', '10.0,,0']
    """
    reader = csv.reader(lines)
    header = next(reader)
    fare, tips = header.index("fare"), header.index("tips")
    yield ",".join([*header, TAXI_LABEL])
    for row in reader:
        yield ",".join([*row, str(int(float(row[tips] or 0) > float(row[fare] or 0) * 0.2))])


def split_of(row: str) -> str:
    """Choose the split of a row by a hash of its text: two thirds train."""
    return TAXI_SPLITS[zlib.crc32(row.encode()) % 3 // 2]


def write_named_ids(source: Path, folder: Path) -> None:
    """Copy the files of each split, with a letter before every id."""
    for path in (path for split in SPLITS for path in sorted((source / split).glob("*.csv"))):
        copy = folder / path.relative_to(source)
        copy.parent.mkdir(exist_ok=True)
        with path.open(encoding="utf-8", newline="") as before, copy.open("w", encoding="utf-8", newline="") as after:
            rows = csv.reader(before)
            header = next(rows)
            positions = [header.index(name) for name in ID_COLUMNS]
            writer = csv.writer(after, lineterminator="\n")
            writer.writerow(header)
            writer.writerows(named_ids(row, positions) for row in rows)


def named_ids(row: list[str], positions: Iterable[int]) -> list[str]:
    """Return a row with a letter before every id.

    >>> named_ids(["7", "12", "3.5"], [0, 1])
    ['n7', 'n12', '3.5']
    """
    positions = set(positions)
    return [f"n{cell}" if position in positions else cell for position, cell in enumerate(row)]
