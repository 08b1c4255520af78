"""How much sooner than stock TFX? ``python -m benchmarks.pipeline`` runs both graphs in turn, on the same rows.

Per node by ML Metadata; ``all nodes`` from the start of the first to the end of the last; ``whole process`` with the
start of Python and its imports. Ours writes a report of a workload's model, which the peer does not.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.cases import Case, parse_case, rows_of
from benchmarks.fresh import (
    Measured,
    check_equal_rows,
    check_near_metrics,
    measure,
    median_of,
    publish,
    ratio,
    take_turns,
    write_runs,
)

OURS, STOCK = "ours", "stock"
CASES = ("taxi:14", "taxi:67", "recommender", "impressions:1000000")
# Between trainings that differ in the order of their rows.
TOLERANCE = 0.02


def compare(case: Case, repeats: int, root: Path) -> list[Measured]:
    """Both sides in turn.

    Raises:
        MainlineError: a side failed, or they do not agree on rows or metrics.
    """
    rows = rows_of(case)
    runs = [run_side(side, case, rows, root) for side in take_turns((OURS, STOCK), repeats)]
    check_equal_rows(runs)
    return runs


def run_side(side: str, case: Case, rows: Path, root: Path) -> Measured:
    """One run of one side."""
    place = root.resolve() / side / case.name
    command = [sys.executable, "-m", f"benchmarks.{side}", case.text, str(rows), str(place)]
    return measure(side, command, place)


def table(runs: Sequence[Measured]) -> Iterator[str]:
    """The medians as Markdown, in the order of the nodes; a node that one side lacks has a dash."""
    ours, stock = median_of(runs, OURS), median_of(runs, STOCK)
    yield "| | ours | stock | stock / ours |"
    yield "|---|---|---|---|"
    for name in [*(name for name in stock if name not in ours), *ours]:
        if max(ours.get(name, 0.0), stock.get(name, 0.0)) >= 0.05:
            both = ratio(stock[name], ours[name]) if name in ours and name in stock else "–"
            yield f"| {name} | {cell(ours, name)} | {cell(stock, name)} | {both} |"


def cell(medians: dict[str, float], name: str) -> str:
    """A figure with its unit.

    >>> cell({"Trainer": 9.31}, "Trainer"), cell({"peak memory, MB": 1234.5}, "peak memory, MB"), cell({}, "Tuner")
    ('9.3 s', '1,234', '–')
    """
    if name not in medians:
        return "–"
    return f"{medians[name]:,.0f}" if name.endswith("MB") else f"{medians[name]:.1f} s"


def explanation(runs: Sequence[Measured], spread: dict[str, float]) -> str:
    """What was equal."""
    rows = ", ".join(f"{split} {count:,}" for split, count in runs[0].rows.items())
    apart = ", ".join(f"{name} {value:.4f}" for name, value in spread.items())
    return f"Rows of both sides: {rows}. Largest difference of a metric between any two runs: {apart}."


def report(case: Case, runs: Sequence[Measured], tolerance: float) -> list[str]:
    """The section of a case."""
    return [explanation(runs, check_near_metrics(runs, tolerance)), "", *table(runs)]


def main() -> int:
    """Measures, prints the tables, writes JSON and a section of results.md for each case."""
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
