"""What two sides are measured on: the taxi rows that ship with TFX, and the rows of our workloads.

Both sides read the same files. Ids get a letter in front: stock CsvExampleGen takes a column of digits for numbers,
whatever the schema says.
"""

import argparse
import csv
import importlib.util
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from data.fetch import DEFAULT_CACHE
from data.folders import building, locked
from data.prepare import prepare
from data.shop import World
from data.spans import SPLITS
from data.synthetic import synthesize
from pipeline.config import Config, load_config
from pipeline.errors import InputError

TAXI, TAXI_SPLITS = "taxi", ("train", "eval")
TAXI_SCHEMA = Path(__file__).parent / "taxi.pbtxt"
TAXI_CSV = ("examples", "chicago_taxi_pipeline", "data", "simple", "data.csv")
TAXI_LABEL = "big_tipper"
INTERVALS = "+intervals"
ID_COLUMNS = ("user_id", "item_id")
# Every model is trained for all its epochs and pushed: what is measured is the way there.
SAME_WORK = (
    "evaluation.bounds=[{metric: AUC, lower: 0.01}]",
    "evaluation.changes=[]",
    "training.early_stopping_patience=1000",
)


@dataclass(frozen=True)
class Case:
    """A name, and a size: copies of the taxi rows, or the number of impressions; 0 where there is one size only.

    ``intervals`` says whether the Evaluator of a workload computes them, as ours does by default and TFMA does not.
    """

    name: str
    size: int = 0
    intervals: bool = False

    @property
    def text(self) -> str:
        """As a command line has it.

        >>> Case("taxi", 14).text, Case("recommender", intervals=True).text
        ('taxi:14', 'recommender+intervals')
        """
        return f"{self.rows}{INTERVALS if self.intervals else ''}"

    @property
    def rows(self) -> str:
        """What its rows are called."""
        return f"{self.name}:{self.size}" if self.size else self.name

    @property
    def splits(self) -> tuple[str, ...]:
        """The folders of the rows."""
        return TAXI_SPLITS if self.name == TAXI else SPLITS


def parse_case(text: str) -> Case:
    """A case as a command line has it.

    >>> parse_case("impressions:20000"), parse_case("recommender+intervals")
    (Case(name='impressions', size=20000, intervals=False), Case(name='recommender', size=0, intervals=True))

    Raises:
        InputError: another name, or a size where there is none, or none where there must be one.
    """
    found = re.fullmatch(r"(taxi|impressions):([1-9]\d*)(\+intervals)?|(recommender)(\+intervals)?", text)
    if found is None or (text.startswith(TAXI) and found[3]):
        expected = "taxi:COPIES, impressions:ROWS, recommender; of the last two with +intervals or without"
        raise InputError("case", "no such case", expected=expected, received=text)
    return Case(found[1] or found[4], int(found[2] or 0), bool(found[3] or found[5]))


def parse_side() -> tuple[Case, Path, Path]:
    """The command line of both sides."""
    parser = argparse.ArgumentParser(description="Runs the graph of one side once.")
    parser.add_argument("case", type=parse_case, help="as of benchmarks.pipeline")
    parser.add_argument("rows", type=Path, help="the folder of the rows")
    parser.add_argument("root", type=Path, help="where artifacts go")
    options = parser.parse_args()
    return options.case, options.rows.resolve(), options.root.resolve()


def config_of(case: Case, rows: Path) -> Config:
    """The config of a workload's case, for both sides."""
    return load_config(case.name, overrides_of(case, rows))


def overrides_of(case: Case, rows: Path) -> tuple[str, ...]:
    """What a case changes in a config."""
    intervals = f"evaluation.confidence_intervals={str(case.intervals).lower()}"
    return ("data.dataset=null", f"data.path={rows}", intervals, *SAME_WORK)


def rows_of(case: Case, cache: Path = DEFAULT_CACHE) -> Path:
    """The folder of the rows, made if it is not there."""
    target = cache.resolve() / "benchmarks" / case.rows.replace(":", "-")
    with locked(target):
        if not target.is_dir():
            with building(target) as folder:
                fill(folder, case, cache)
    return target


def fill(folder: Path, case: Case, cache: Path) -> None:
    """Writes the rows of a case."""
    if case.name == TAXI:
        write_taxi(folder, case.size)
    else:
        write_named_ids(source_of(case, cache), folder)


def source_of(case: Case, cache: Path = DEFAULT_CACHE) -> Path:
    """The rows of a workload as they come."""
    if case.name == "recommender":
        return prepare("recommender", "time", 0, cache).path
    return synthesize(World(case.size), cache / "synthetic" / f"{case.size}-seed-0-drift-0-csv").path


def write_taxi(folder: Path, copies: int) -> None:
    """The taxi rows, so many times, with the template's label as a column; two thirds train, one third eval.

    Copies of a row are all in one split, as they are when stock ExampleGen splits.
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
    """The file in the installed package, which is found without an import of it."""
    found = importlib.util.find_spec("tfx")
    if found is None or not found.submodule_search_locations:
        raise InputError("tfx", "is not installed")
    return Path(found.submodule_search_locations[0]).joinpath(*TAXI_CSV)


def with_label(lines: Iterable[str]) -> Iterator[str]:
    """Lines of CSV with one more column, as the template's ``preprocessing_fn`` computes it.

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
    """The split of a row, by a hash of its text: two thirds are train."""
    return TAXI_SPLITS[zlib.crc32(row.encode()) % 3 // 2]


def write_named_ids(source: Path, folder: Path) -> None:
    """The files of each split, with a letter before every id."""
    for path in (path for split in SPLITS for path in sorted((source / split).glob("*.csv"))):
        copy = folder / path.relative_to(source)
        copy.parent.mkdir(exist_ok=True)
        with path.open(encoding="utf-8", newline="") as before, copy.open("w", encoding="utf-8", newline="") as after:
            rows = csv.reader(before)
            header = next(rows)
            places = [header.index(name) for name in ID_COLUMNS]
            writer = csv.writer(after, lineterminator="\n")
            writer.writerow(header)
            writer.writerows(named_ids(row, places) for row in rows)


def named_ids(row: list[str], places: Iterable[int]) -> list[str]:
    """A row with a letter before every id.

    >>> named_ids(["7", "12", "3.5"], [0, 1])
    ['n7', 'n12', '3.5']
    """
    places = set(places)
    return [f"n{cell}" if place in places else cell for place, cell in enumerate(row)]
