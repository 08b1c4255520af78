"""Writes measurements: all runs as JSON, a table as a section of results.md."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.measurement.runs import GraphRun

RESULTS = Path(__file__).parent.parent / "results.md"
# With fewer repeats, results.md stays as it is.
MIN_PUBLISHED_REPEATS = 3


def ratio(part: float, whole: float) -> str:
    """Format the ratio of two values; a dash where the second is too small to divide by.

    >>> ratio(12.0, 2.0), ratio(1.0, 0.01)
    ('6.0×', '–')
    """
    return f"{part / whole:.1f}×" if whole >= 0.05 else "–"


def write_runs(path: Path, runs: Sequence[GraphRun], medians: Mapping[Any, Any], **facts: Any) -> None:
    """Write all runs and their medians as JSON."""
    whole = {**facts, "runs": [asdict(run) for run in runs], "medians": medians}
    path.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")


def publish(title: str, lines: Sequence[str], how: str, repeats: int) -> None:
    """Print the lines, and write them to results.md if there were enough repeats."""
    print("\n".join(lines), flush=True)
    if repeats >= MIN_PUBLISHED_REPEATS:
        write_section(title, lines, how)


def write_section(title: str, lines: Sequence[str], how: str) -> None:
    """Replace one section of results.md; ``how`` names the command and the kind of average."""
    before = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else "# Results\n"
    parts = before.split("\n## ")
    when = time.strftime(f"Measured on %Y-%m-%d by {how}.")
    made = "\n".join([title, "", when, "", *lines]) + "\n"
    at = next((index for index, part in enumerate(parts) if part.startswith(f"{title}\n")), len(parts))
    parts[at : at + 1] = [made]
    RESULTS.write_text("\n## ".join(part.rstrip("\n") + "\n" for part in parts), encoding="utf-8")
