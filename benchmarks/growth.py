"""Measure time and memory of ``impressions`` by number of rows: ``python -m benchmarks.growth``."""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.cases import Case, source_of
from benchmarks.measurement.report import publish, ratio, write_runs
from benchmarks.measurement.runs import GraphRun, measure, median_of, take_turns
from pipeline.errors import MainlineError

ROWS = (200_000, 1_000_000, 5_000_000, 10_000_000)
BASE_ROWS = 1_000_000
MEMORY = "peak memory, MB"


def run_size(size: str, root: Path) -> GraphRun:
    """Run one size, and check that no row was lost.

    Raises:
        MainlineError: rows were lost.
    """
    case = Case("impressions", int(size), intervals=True)
    run_root = root.resolve() / size / case.name
    command = [sys.executable, "-m", "benchmarks.sides.ours", case.text, str(source_of(case).resolve()), str(run_root)]
    run = measure(size, command, run_root)
    if sum(run.rows.values()) != case.size:
        raise MainlineError(case.text, "rows were lost", expected=f"{case.size:,}", received=str(run.rows))
    return run


def table(medians: Mapping[int, Mapping[str, float]], base: int) -> Iterator[str]:
    """Format the medians by size as a Markdown table, with the ratio of the largest size to the base.

    >>> small, large = {"Trainer": 1.0, "peak memory, MB": 900.0}, {"Trainer": 8.0, "peak memory, MB": 990.0}
    >>> for line in table({10: small, 100: large}, 10):
    ...     print(line)
    | rows | 10 | 100 | 100 / 10 |
    |---|---|---|---|
    | Trainer | 1.0 s | 8.0 s | 8.0× |
    | peak memory, MB | 900 | 990 | 1.1× |
    """
    most = max(medians)
    yield f"| rows | {' | '.join(f'{rows:,}' for rows in medians)} | {most:,} / {base:,} |"
    yield f"|{'---|' * (len(medians) + 2)}"
    for name in medians[most]:
        values = [of[name] for of in medians.values()]
        if max(values) >= 0.05:
            cells = (f"{value:,.0f}" if name == MEMORY else f"{value:,.1f} s" for value in values)
            yield f"| {name} | {' | '.join(cells)} | {ratio(medians[most][name], medians[base][name])} |"


def base_of(rows: Sequence[int]) -> int:
    """Return the size to compare the largest with: a million rows, or the smallest if a million was not measured.

    >>> base_of([200_000, 1_000_000, 10_000_000]), base_of([20_000, 40_000])
    (1000000, 20000)
    """
    return BASE_ROWS if BASE_ROWS in rows else min(rows)


def main() -> int:
    """Measure, print the table, and write the JSON file and the section of results.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=list(ROWS))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--root", type=Path, default=Path("runs/benchmarks/growth"))
    options = parser.parse_args()
    sizes = [str(rows) for rows in sorted(set(options.rows))]
    runs = [run_size(size, options.root) for size in take_turns(sizes, options.repeats)]
    medians = {int(size): median_of(runs, size) for size in sizes}
    write_runs(options.root / "growth.json", runs, medians, repeats=options.repeats)
    lines = list(table(medians, base_of([int(size) for size in sizes])))
    how = f"`python -m benchmarks.growth --rows {' '.join(sizes)}`, medians of {options.repeats}"
    publish("Growth", lines, how, options.repeats)
    return 0


if __name__ == "__main__":
    sys.exit(main())
