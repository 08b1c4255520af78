"""Measure what intervals, marks and weak segments cost on 40 slices: ``python -m benchmarks.evidence``.

The same predictions are judged without intervals, with intervals by row, and with intervals by user, in turn.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.measurement.process import Usage, run_fresh
from benchmarks.measurement.report import publish, ratio
from benchmarks.measurement.runs import take_turns

SIDES = ("values", "rows", "users")
MEMORY = "peak memory, MB"


@dataclass(frozen=True)
class Judged:
    """One evaluation of one side: seconds by step."""

    side: str
    step_s: dict[str, float]
    usage: Usage


def judge(side: str, rows: int, root: Path) -> Judged:
    """Judge predictions in a process of its own."""
    root.mkdir(parents=True, exist_ok=True)
    file = root / f"{side}.json"
    command = [sys.executable, "-m", "benchmarks.sides.evidence", side, str(rows), str(file)]
    usage = run_fresh(command, root / f"{side}.log")
    print(f"{side}: {usage.wall_s:.1f} s, {usage.peak_mb:,.0f} MB", file=sys.stderr)
    return Judged(side, json.loads(file.read_text(encoding="utf-8")), usage)


def medians(runs: Sequence[Judged], side: str) -> dict[str, float]:
    """Return the medians of a side: by step, of CPU time and of memory."""
    own = [run for run in runs if run.side == side]
    return {
        **{step: statistics.median(run.step_s[step] for run in own) for step in own[0].step_s},
        "processor, with start": statistics.median(run.usage.cpu_s for run in own),
        MEMORY: statistics.median(run.usage.peak_mb for run in own),
    }


def table(by_side: dict[str, dict[str, float]]) -> Iterator[str]:
    """Format the medians as a Markdown table.

    >>> sides = {"values": {"a": 1.0}, "rows": {"a": 2.0, "b": 3.0}, "users": {"a": 4.0, "b": 5.0}}
    >>> for line in table(sides):
    ...     print(line)
    | | values alone | intervals by row | intervals by user | by row / alone | by user / by row |
    |---|---|---|---|---|---|
    | a | 1.0 s | 2.0 s | 4.0 s | 2.0× | 2.0× |
    | b | – | 3.0 s | 5.0 s | – | 1.7× |
    """
    yield "| | values alone | intervals by row | intervals by user | by row / alone | by user / by row |"
    yield "|---|---|---|---|---|---|"
    values, by_row, by_user = (by_side[side] for side in SIDES)
    for step in by_row:
        cells = [cell(step, of.get(step)) for of in (values, by_row, by_user)]
        ratios = [ratio(by_row[step], values.get(step, 0.0)), ratio(by_user[step], by_row[step])]
        yield f"| {step} | {' | '.join(cells + ratios)} |"


def cell(step: str, value: float | None) -> str:
    """Format a median; a dash for a step that a side does not have."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if step == MEMORY else f"{value:.1f} s"


def main() -> int:
    """Measure, print the table, and write the JSON file and the section of results.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--root", type=Path, default=Path("runs/benchmarks/evidence"))
    options = parser.parse_args()
    runs = [judge(side, options.rows, options.root) for side in take_turns(SIDES, options.repeats)]
    by_side = {side: medians(runs, side) for side in SIDES}
    whole = {"rows": options.rows, "runs": [asdict(run) for run in runs], "medians": by_side}
    (options.root / "evidence.json").write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    how = f"`python -m benchmarks.evidence --rows {options.rows}`, medians of {options.repeats}, in turn"
    publish(f"Intervals on 40 slices: {options.rows:,} rows", list(table(by_side)), how, options.repeats)
    return 0


if __name__ == "__main__":
    sys.exit(main())
