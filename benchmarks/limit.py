"""How much does the pipeline cost? ``python -m benchmarks.limit`` runs it and a plain script in turn, on the same rows.

The script is ``benchmarks/plain.py``: the same model, epochs and slices, and nothing of what a pipeline is for.
"""

import argparse
import json
import shutil
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.cases import Case, source_of
from benchmarks.fresh import (
    Measured,
    check_equal_rows,
    check_near_metrics,
    measure,
    median_of,
    publish,
    ratio,
    run_fresh,
    take_turns,
    write_runs,
)

OURS, PLAIN = "ours", "plain"
# The script has an order of rows and an initial draw of its own.
TOLERANCE = 0.02


def run_plain(rows: Path, root: Path) -> Measured:
    """The script; what it left is read and cleared away."""
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    usage = run_fresh([sys.executable, "-m", "benchmarks.plain", str(rows), str(root)], root.with_suffix(".log"))
    left = json.loads((root / "metrics.json").read_text(encoding="utf-8"))
    shutil.rmtree(root)
    print(f"{PLAIN}: {usage.wall_s:.1f} s, {usage.peak_mb:,.0f} MB", file=sys.stderr)
    return Measured(PLAIN, usage, left["seconds"], {}, dict(sorted(left["rows"].items())), left["metrics"][""])


def compare(rows: int, repeats: int, root: Path) -> list[Measured]:
    """Both sides in turn.

    Raises:
        MainlineError: a side failed, or they do not agree on rows.
    """
    case = Case("impressions", rows, intervals=True)
    folder, place = source_of(case).resolve(), root.resolve()
    own = place / OURS / case.name
    command = [sys.executable, "-m", "benchmarks.ours", case.text, str(folder), str(own)]
    runs = [
        measure(OURS, command, own) if side == OURS else run_plain(folder, place / PLAIN)
        for side in take_turns((OURS, PLAIN), repeats)
    ]
    check_equal_rows(runs)
    return runs


def table(runs: Sequence[Measured]) -> Iterator[str]:
    """The medians as Markdown."""
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
    """A value with its unit.

    >>> figure("processor", 61.25), figure("peak memory, MB", 1234.5)
    ('61.2 s', '1,234')
    """
    return f"{value:,.0f}" if name.endswith("MB") else f"{value:.1f} s"


def named(name: str) -> str:
    """What a line is of, where the script has no nodes.

    >>> named("all nodes"), named("processor")
    ('without imports', 'processor')
    """
    return "without imports" if name == "all nodes" else name


def explanation(runs: Sequence[Measured], spread: Mapping[str, float]) -> str:
    """What was equal, and how good the models are."""
    rows = ", ".join(f"{split} {count:,}" for split, count in runs[0].rows.items())
    auc = {side: statistics.median(run.metrics["auc"] for run in runs if run.side == side) for side in (OURS, PLAIN)}
    apart = ", ".join(f"{name} {value:.4f}" for name, value in spread.items())
    return (
        f"Rows of both: {rows}. AUC on test: ours {auc[OURS]:.4f}, the script {auc[PLAIN]:.4f}. Largest difference of "
        f"a metric between any two runs: {apart}. The pipeline's figures hold its report and intervals, which "
        "the script does not make."
    )


def main() -> int:
    """Measures, prints the table, writes JSON and a section of results.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--tolerance", type=float, default=TOLERANCE, help="of metrics; default: %(default)s")
    parser.add_argument("--root", type=Path, default=Path("runs/benchmarks/limit"))
    options = parser.parse_args()
    runs = compare(options.rows, options.repeats, options.root)
    medians = {side: median_of(runs, side) for side in (OURS, PLAIN)}
    write_runs(options.root / f"limit-{options.rows}.json", runs, medians, rows=options.rows, repeats=options.repeats)
    lines = [explanation(runs, check_near_metrics(runs, options.tolerance)), "", *table(runs)]
    how = f"`python -m benchmarks.limit --rows {options.rows}`, medians of {options.repeats}, in turn"
    publish("Against a plain script", lines, how, options.repeats)
    return 0


if __name__ == "__main__":
    sys.exit(main())
