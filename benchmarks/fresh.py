"""A measured run: a process of its own, its seconds, its memory, and what it left in ML Metadata.

Memory is looked up while the run lasts. The peak that wait4 gives is not used: it is that of the largest process where
several may hold memory at the same time, and a child begins with the peak of the process that started it.
"""

import contextlib
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.quality import write_section
from pipeline.errors import MainlineError

SAMPLE_EVERY_S = 0.2
# Fewer repeats than these are a trial, and leave results.md as it is.
ENOUGH_REPEATS = 3
NODES = """
    select c.name, e.create_time_since_epoch, e.last_update_time_since_epoch
    from Execution e join Association a on a.execution_id = e.id join Context c on c.id = a.context_id
    join Type t on t.id = c.type_id where t.name = 'node' order by e.create_time_since_epoch
"""


@dataclass(frozen=True)
class Usage:
    """What a process took: seconds from its start to its end, of processors, and megabytes at its peak.

    ``peak_mb`` is of the process and all below it, looked at five times a second: the largest sum of their resident
    memory, or the peak of the largest of them (VmHWM of proc(5)), whichever is more.
    """

    wall_s: float
    cpu_s: float
    peak_mb: float


@dataclass(frozen=True)
class Measured:
    """One run of one side.

    ``nodes_s`` is from the start of the first node to the end of the last, without process start and imports;
    ``node_s`` is by node, of ML Metadata's executions; ``rows`` by split; ``metrics`` of all rows of the evaluation.
    """

    side: str
    usage: Usage
    nodes_s: float
    node_s: Mapping[str, float]
    rows: Mapping[str, int]
    metrics: Mapping[str, float]


def run_fresh(command: Sequence[str], log: Path) -> Usage:
    """Runs a command to its end and measures it.

    Raises:
        MainlineError: it failed; the end of its log is in the message.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as said:
        started_s = time.perf_counter()
        process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT, start_new_session=True)
        with watching(process.pid) as seen_mb:
            _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - started_s
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        tail = log.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise MainlineError(" ".join(command), f"ended with {process.returncode}", received=tail)
    return Usage(round(wall_s, 3), round(usage.ru_utime + usage.ru_stime, 3), round(max(seen_mb), 1))


@contextlib.contextmanager
def watching(session: int) -> Iterator[list[float]]:
    """Collects the megabytes of all processes of a session while the block runs."""
    seen_mb, over = [0.0], threading.Event()

    def watch() -> None:
        while not over.wait(SAMPLE_EVERY_S):
            seen_mb.append(memory_mb(session))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield seen_mb
    finally:
        over.set()
        thread.join()


def memory_mb(session: int) -> float:
    """What the processes of a session hold, or the largest of them held at its peak, whichever is more, in megabytes.

    Pages that two processes share count twice.
    """
    now, peak = 0.0, 0.0
    for folder in Path("/proc").glob("[0-9]*"):
        # A process may end while it is looked at, and one that has ended holds nothing.
        with contextlib.suppress(OSError, KeyError):
            if os.getsid(int(folder.name)) == session:
                status = (folder / "status").read_text(encoding="utf-8")
                fields = dict(line.split(":", 1) for line in status.splitlines())
                now += kilobytes(fields["VmRSS"]) / 1000
                peak = max(peak, kilobytes(fields["VmHWM"]) / 1000)
    return max(now, peak)


def kilobytes(text: str) -> float:
    """A field of proc(5), which counts by 1,024 bytes, in kilobytes of 1,000.

    >>> kilobytes("   1000 kB")
    1024.0
    """
    return int(text.split()[0]) * 1.024


def measure(side: str, command: Sequence[str], root: Path, keep: bool = False) -> Measured:
    """Runs a graph below an empty root, reads what it left, and clears it away unless it is to be kept."""
    shutil.rmtree(root, ignore_errors=True)
    log = root.with_suffix(".log")
    usage = run_fresh(command, log)
    nodes_s, node_s = node_times(root / "metadata.db")
    left = read_left(root)
    if not keep:
        shutil.rmtree(root)
    measured = Measured(side, usage, nodes_s, node_s, left["rows"], left["metrics"])
    print(f"{side}: {usage.wall_s:.1f} s, {usage.peak_mb:,.0f} MB, {dict(node_s)}", file=sys.stderr)
    return measured


def node_times(database: Path) -> tuple[float, dict[str, float]]:
    """Seconds over all nodes, and by node."""
    with contextlib.closing(sqlite3.connect(database)) as store:
        found = store.execute(NODES).fetchall()
    first, last = min(start for _, start, _ in found), max(end for _, _, end in found)
    return (last - first) / 1000, {name_of(node): (end - start) / 1000 for node, start, end in found}


def name_of(context: str) -> str:
    """The node of a context of ML Metadata, which has the pipeline's name before it.

    >>> name_of("census.Trainer")
    'Trainer'
    """
    return context.rpartition(".")[2]


def read_left(root: Path) -> dict[str, Any]:
    """Rows by split and metrics, read in a process of its own, since TensorFlow is large."""
    command = [sys.executable, "-m", "benchmarks.left", str(root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MainlineError(str(root), "cannot be read", received=done.stderr[-2000:])
    return dict(json.loads(done.stdout.splitlines()[-1]))


def take_turns(sides: Sequence[str], repeats: int) -> Iterator[str]:
    """The sides in turn, each as often as any other, and none always first.

    >>> list(take_turns(["ours", "stock"], 3))
    ['ours', 'stock', 'stock', 'ours', 'ours', 'stock']
    """
    for repeat in range(repeats):
        yield from sides if repeat % 2 == 0 else reversed(sides)


def median_of(runs: Sequence[Measured], side: str) -> dict[str, float]:
    """The medians of a side: every node, the sum of all, the whole process, processors, memory."""
    own = [run for run in runs if run.side == side]
    names = [name for name in own[0].node_s if all(name in run.node_s for run in own)]
    return {
        **{name: statistics.median(run.node_s[name] for run in own) for name in names},
        "all nodes": statistics.median(run.nodes_s for run in own),
        "whole process": statistics.median(run.usage.wall_s for run in own),
        "processor": statistics.median(run.usage.cpu_s for run in own),
        "peak memory, MB": statistics.median(run.usage.peak_mb for run in own),
    }


def ratio(part: float, whole: float) -> str:
    """How many times as much the first is; none where the second is too small to say.

    >>> ratio(12.0, 2.0), ratio(1.0, 0.01)
    ('6.0×', '–')
    """
    return f"{part / whole:.1f}×" if whole >= 0.05 else "–"


def write_runs(path: Path, runs: Sequence[Measured], medians: Mapping[Any, Any], **facts: Any) -> None:
    """Writes all runs and their medians as JSON."""
    whole = {**facts, "runs": [asdict(run) for run in runs], "medians": medians}
    path.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")


def publish(title: str, lines: Sequence[str], how: str, repeats: int) -> None:
    """Prints the lines, and puts them into results.md unless they are of a trial."""
    print("\n".join(lines), flush=True)
    if repeats >= ENOUGH_REPEATS:
        write_section(title, lines, how)


def check_equal_rows(runs: Sequence[Measured]) -> None:
    """Every run must have had the same rows.

    Raises:
        MainlineError: two runs read different numbers of rows.
    """
    for run in runs:
        if run.rows != runs[0].rows:
            raise MainlineError(
                run.side, "the rows are not those of the other side", expected=str(runs[0].rows), received=str(run.rows)
            )


def check_near_metrics(runs: Sequence[Measured], tolerance: float) -> dict[str, float]:
    """Every metric that two runs share must differ by training's noise alone; gives the largest differences.

    Raises:
        MainlineError: a metric differs by more than ``tolerance``, or the runs share none.
    """
    shared = set.intersection(*(set(run.metrics) for run in runs))
    spread = {name: spread_of([run.metrics[name] for run in runs]) for name in sorted(shared)}
    far = {name: value for name, value in spread.items() if value > tolerance}
    if far or not spread:
        raise MainlineError("metrics", "the sides do not agree", expected=f"within {tolerance}", received=str(far))
    return spread


def spread_of(values: Sequence[float]) -> float:
    """How far apart the values are.

    >>> spread_of([0.75, 0.5, 0.625])
    0.25
    """
    return max(values) - min(values)
