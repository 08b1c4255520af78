"""Measure the overhead of the pipeline over a plain script: ``python -m benchmarks.overhead``.

Both run on the same rows, in turn. The script, ``benchmarks/sides/plain_script.py``, trains the same model for the same
epochs and computes the same slices, without anything else that a pipeline does.
"""

import argparse
import json
import shutil
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.cases import Case, source_of
from benchmarks.measurement.process import run_fresh
from benchmarks.measurement.report import publish, ratio, write_runs
from benchmarks.measurement.runs import GraphRun, check_equal_rows, check_near_metrics, measure, median_of, take_turns

OURS, PLAIN = "ours", "plain"
# The script shuffles its rows and initializes its weights in its own way.
TOLERANCE = 0.02


def run_plain(rows: Path, root: Path) -> GraphRun:
    """Run the script once, read its metrics and remove its files."""
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    usage = run_fresh(
        [sys.executable, "-m", "benchmarks.sides.plain_script", str(rows), str(root)], root.with_suffix(".log")
    )
    left = json.loads((root / "metrics.json").read_text(encoding="utf-8"))
    shutil.rmtree(root)
    print(f"{PLAIN}: {usage.wall_s:.1f} s, {usage.peak_mb:,.0f} MB", file=sys.stderr)
    return GraphRun(PLAIN, usage, left["seconds"], {}, dict(sorted(left["rows"].items())), left["metrics"][""])


def compare(rows: int, repeats: int, root: Path) -> list[GraphRun]:
    """Run both sides in turn.

    Raises:
        MainlineError: a side failed, or the sides read different rows.
    """
    case = Case("impressions", rows, intervals=True)
    folder, place = source_of(case).resolve(), root.resolve()
    own = place / OURS / case.name
    command = [sys.executable, "-m", "benchmarks.sides.ours", case.text, str(folder), str(own)]
    runs = [
        measure(OURS, command, own) if side == OURS else run_plain(folder, place / PLAIN)
        for side in take_turns((OURS, PLAIN), repeats)
    ]
    check_equal_rows(runs)
    return runs


def table(runs: Sequence[GraphRun]) -> Iterator[str]:
    """Format the medians as a Markdown table."""
    ours, plain = median_of(runs, OURS), median_of(runs, PLAIN)
    yield "| | ours | plain script | ours / plain |"
    yield "|---|---|---|---|"
    for name in plain:
        cells = " | ".join(figure(name, of[name]) for of in (ours, plain))
        yield f"| {named(name)} | {cells} | {ratio(ours[name], plain[name])} |"
    for name, value in ours.items():
        if name not in plain and value >= 0.05:
            yield f"| of it {name} | {value:.1f} s | – | – |"


def figure(name: str, value: float) -> str:
    """Format a value with its unit.

    >>> figure("processor", 61.25), figure("peak memory, MB", 1234.5)
    ('61.2 s', '1,234')
    """
    return f"{value:,.0f}" if name.endswith("MB") else f"{value:.1f} s"


def named(name: str) -> str:
    """Return the label of a row; the script has no nodes, so "all nodes" would be wrong there.

    >>> named("all nodes"), named("processor")
    ('without imports', 'processor')
    """
    return "without imports" if name == "all nodes" else name


def explanation(runs: Sequence[GraphRun], spread: Mapping[str, float]) -> str:
    """Describe the rows, the AUC of both models and how far their metrics differ."""
    rows = ", ".join(f"{split} {count:,}" for split, count in runs[0].rows.items())
    auc = {side: statistics.median(run.metrics["auc"] for run in runs if run.side == side) for side in (OURS, PLAIN)}
    apart = ", ".join(f"{name} {value:.4f}" for name, value in spread.items())
    return (
        f"Rows of both: {rows}. AUC on test: ours {auc[OURS]:.4f}, the script {auc[PLAIN]:.4f}. Largest difference of "
        f"a metric between any two runs: {apart}. The pipeline's figures include the report and the "
        "intervals, which the script does not compute."
    )


def main() -> int:
    """Measure, print the table, and write the JSON file and the section of results.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--tolerance", type=float, default=TOLERANCE, help="of metrics; default: %(default)s")
    parser.add_argument("--root", type=Path, default=Path("runs/benchmarks/overhead"))
    options = parser.parse_args()
    runs = compare(options.rows, options.repeats, options.root)
    medians = {side: median_of(runs, side) for side in (OURS, PLAIN)}
    write_runs(
        options.root / f"overhead-{options.rows}.json", runs, medians, rows=options.rows, repeats=options.repeats
    )
    lines = [explanation(runs, check_near_metrics(runs, options.tolerance)), "", *table(runs)]
    how = f"`python -m benchmarks.overhead --rows {options.rows}`, medians of {options.repeats}, in turn"
    publish("Against a plain script", lines, how, options.repeats)
    return 0


if __name__ == "__main__":
    sys.exit(main())
