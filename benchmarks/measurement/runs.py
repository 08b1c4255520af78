"""GraphRun runs of a graph: seconds by node, rows and metrics, and the comparison of several runs."""

import contextlib
import json
import shutil
import sqlite3
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measurement.process import Usage, run_fresh
from pipeline.errors import MainlineError

NODES = """
    select c.name, e.create_time_since_epoch, e.last_update_time_since_epoch
    from Execution e join Association a on a.execution_id = e.id join Context c on c.id = a.context_id
    join Type t on t.id = c.type_id where t.name = 'node' order by e.create_time_since_epoch
"""


@dataclass(frozen=True)
class GraphRun:
    """One run of one side.

    ``nodes_s``: seconds from the start of the first node to the end of the last, without process start and imports.
    ``node_s``: seconds by node, from the executions in ML Metadata. ``rows``: number of rows by split. ``metrics``: of
    all evaluated rows together.
    """

    side: str
    usage: Usage
    nodes_s: float
    node_s: Mapping[str, float]
    rows: Mapping[str, int]
    metrics: Mapping[str, float]


def measure(side: str, command: Sequence[str], root: Path, keep: bool = False) -> GraphRun:
    """Run a graph in an empty root, read its metrics, and remove the root unless ``keep``."""
    shutil.rmtree(root, ignore_errors=True)
    log = root.with_suffix(".log")
    usage = run_fresh(command, log)
    nodes_s, node_s = node_times(root / "metadata.db")
    outcome = read_outcome(root)
    if not keep:
        shutil.rmtree(root)
    measured = GraphRun(side, usage, nodes_s, node_s, outcome["rows"], outcome["metrics"])
    print(f"{side}: {usage.wall_s:.1f} s, {usage.peak_mb:,.0f} MB, {dict(node_s)}", file=sys.stderr)
    return measured


def node_times(database: Path) -> tuple[float, dict[str, float]]:
    """Return the seconds of all nodes together, and by node."""
    with contextlib.closing(sqlite3.connect(database)) as store:
        found = store.execute(NODES).fetchall()
    first, last = min(start for _, start, _ in found), max(end for _, _, end in found)
    return (last - first) / 1000, {name_of(node): (end - start) / 1000 for node, start, end in found}


def name_of(context: str) -> str:
    """Return the node id from the name of an ML Metadata context, which starts with the pipeline.

    >>> name_of("census.Trainer")
    'Trainer'
    """
    return context.rpartition(".")[2]


def read_outcome(root: Path) -> dict[str, Any]:
    """Read rows by split and metrics in a process of its own, which keeps TensorFlow out of this one."""
    command = [sys.executable, "-m", "benchmarks.measurement.artifacts", str(root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MainlineError(str(root), "cannot be read", received=done.stderr[-2000:])
    return dict(json.loads(done.stdout.splitlines()[-1]))


def take_turns(sides: Sequence[str], repeats: int) -> Iterator[str]:
    """Yield the sides in turn, in alternating order, so that none always goes first.

    >>> list(take_turns(["ours", "stock"], 3))
    ['ours', 'stock', 'stock', 'ours', 'ours', 'stock']
    """
    for repeat in range(repeats):
        yield from sides if repeat % 2 == 0 else reversed(sides)


def median_of(runs: Sequence[GraphRun], side: str) -> dict[str, float]:
    """Return the medians of a side: by node, of all nodes, of the whole process, of CPU time and of memory."""
    own = [run for run in runs if run.side == side]
    names = [name for name in own[0].node_s if all(name in run.node_s for run in own)]
    return {
        **{name: statistics.median(run.node_s[name] for run in own) for name in names},
        "all nodes": statistics.median(run.nodes_s for run in own),
        "whole process": statistics.median(run.usage.wall_s for run in own),
        "processor": statistics.median(run.usage.cpu_s for run in own),
        "peak memory, MB": statistics.median(run.usage.peak_mb for run in own),
    }


def check_equal_rows(runs: Sequence[GraphRun]) -> None:
    """Check that all runs read the same number of rows.

    Raises:
        MainlineError: a run read more or fewer rows than the first.
    """
    for run in runs:
        if run.rows != runs[0].rows:
            raise MainlineError(
                run.side, "the rows are not those of the other side", expected=str(runs[0].rows), received=str(run.rows)
            )


def check_near_metrics(runs: Sequence[GraphRun], tolerance: float) -> dict[str, float]:
    """Check that the metrics that all runs have differ by at most ``tolerance``; return the largest differences.

    Raises:
        MainlineError: a metric differs by more, or the runs have no metric in common.
    """
    shared = set.intersection(*(set(run.metrics) for run in runs))
    spread = {name: spread_of([run.metrics[name] for run in runs]) for name in sorted(shared)}
    far = {name: value for name, value in spread.items() if value > tolerance}
    if far or not spread:
        raise MainlineError("metrics", "the sides do not agree", expected=f"within {tolerance}", received=str(far))
    return spread


def spread_of(values: Sequence[float]) -> float:
    """Return the difference between the largest and the smallest value.

    >>> spread_of([0.75, 0.5, 0.625])
    0.25
    """
    return max(values) - min(values)
