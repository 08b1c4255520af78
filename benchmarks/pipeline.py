"""Compare our graph with stock TFX on the same rows, in turn: ``python -m benchmarks.pipeline``.

Seconds by node come from ML Metadata. ``all nodes`` is from the start of the first to the end of the last;
``whole process`` adds the start of Python and the imports. Our side also writes the report.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.cases import Case, parse_case, rows_of
from benchmarks.measurement.report import publish, ratio, write_runs
from benchmarks.measurement.runs import GraphRun, check_equal_rows, check_near_metrics, measure, median_of, take_turns

OURS, STOCK = "ours", "stock"
CASES = ("taxi:14", "taxi:67", "recommender", "impressions:1000000")
# Metrics may differ this much between two trainings that shuffle differently.
TOLERANCE = 0.02


def compare(case: Case, repeats: int, root: Path) -> list[GraphRun]:
    """Run both sides in turn.

    Raises:
        MainlineError: a side failed, or the sides read different rows.
    """
    rows = rows_of(case)
    runs = [run_side(side, case, rows, root) for side in take_turns((OURS, STOCK), repeats)]
    check_equal_rows(runs)
    return runs


def run_side(side: str, case: Case, rows: Path, root: Path) -> GraphRun:
    run_root = root.resolve() / side / case.name
    command = [sys.executable, "-m", f"benchmarks.sides.{side}", case.text, str(rows), str(run_root)]
    return measure(side, command, run_root)


def table(runs: Sequence[GraphRun]) -> Iterator[str]:
    """Format the medians as a Markdown table, one row a node; a node that one side lacks gets a dash."""
    ours, stock = median_of(runs, OURS), median_of(runs, STOCK)
    yield "| | ours | stock | stock / ours |"
    yield "|---|---|---|---|"
    for name in [*(name for name in stock if name not in ours), *ours]:
        if max(ours.get(name, 0.0), stock.get(name, 0.0)) >= 0.05:
            both = ratio(stock[name], ours[name]) if name in ours and name in stock else "–"
            yield f"| {name} | {cell(ours, name)} | {cell(stock, name)} | {both} |"


def cell(medians: dict[str, float], name: str) -> str:
    """Format a median with its unit.

    >>> cell({"Trainer": 9.31}, "Trainer"), cell({"peak memory, MB": 1234.5}, "peak memory, MB"), cell({}, "Tuner")
    ('9.3 s', '1,234', '–')
    """
    if name not in medians:
        return "–"
    return f"{medians[name]:,.0f}" if name.endswith("MB") else f"{medians[name]:.1f} s"


def explanation(runs: Sequence[GraphRun], spread: dict[str, float]) -> str:
    """Describe the rows, and how far the metrics differ."""
    rows = ", ".join(f"{split} {count:,}" for split, count in runs[0].rows.items())
    apart = ", ".join(f"{name} {value:.4f}" for name, value in spread.items())
    return f"Rows of both sides: {rows}. Largest difference of a metric between any two runs: {apart}."


def report(case: Case, runs: Sequence[GraphRun], tolerance: float) -> list[str]:
    """Return the lines of a section of results.md."""
    return [explanation(runs, check_near_metrics(runs, tolerance)), "", *table(runs)]


def main() -> int:
    """Measure, print the tables, and write a JSON file and a section of results.md for each case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--cases",
        nargs="+",
        type=parse_case,
        default=[parse_case(text) for text in CASES],
        help=f"default: {' '.join(CASES)}; a workload with +intervals computes them on both sides",
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--tolerance", type=float, default=TOLERANCE, help="of metrics; default: %(default)s")
    parser.add_argument("--root", type=Path, default=Path("runs/benchmarks/pipeline"))
    options = parser.parse_args()
    for case in options.cases:
        runs = compare(case, options.repeats, options.root)
        medians = {side: median_of(runs, side) for side in (OURS, STOCK)}
        path = options.root / f"{case.text.replace(':', '-')}.json"
        write_runs(path, runs, medians, case=case.text, repeats=options.repeats)
        print(f"## {case.text}\n")
        how = f"`python -m benchmarks.pipeline --cases {case.text}`, medians of {options.repeats}, in turn"
        title = f"Against stock TFX: {case.text}"
        publish(title, report(case, runs, options.tolerance), how, options.repeats)
    return 0


if __name__ == "__main__":
    sys.exit(main())
