"""Run a command in a process of its own and measure its wall time, CPU time and peak memory.

Memory is sampled while the command runs. The peak that wait4 returns would not do: it covers only the largest process,
not the sum of several, and a child starts with the peak of its parent.
"""

import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import MainlineError

SAMPLE_EVERY_S = 0.2


@dataclass(frozen=True)
class Usage:
    """Wall time, CPU time of all cores, and peak memory of a process and its children.

    ``peak_mb`` is the largest sum of resident memory seen in five samples a second, or the peak of the largest process
    (VmHWM of proc(5)), whichever is more.
    """

    wall_s: float
    cpu_s: float
    peak_mb: float


def run_fresh(command: Sequence[str], log: Path) -> Usage:
    """Run a command and measure it.

    Raises:
        MainlineError: the command failed; the message has the end of its log.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        started_s = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        with sampling_memory(process.pid) as samples_mb:
            _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - started_s
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        tail = log.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise MainlineError(" ".join(command), f"ended with {process.returncode}", received=tail)
    return Usage(round(wall_s, 3), round(usage.ru_utime + usage.ru_stime, 3), round(max(samples_mb), 1))


@contextlib.contextmanager
def sampling_memory(session: int) -> Iterator[list[float]]:
    """Sample the memory of all processes of a session, in megabytes, while the block runs."""
    samples_mb, done = [0.0], threading.Event()

    def sample() -> None:
        while not done.wait(SAMPLE_EVERY_S):
            samples_mb.append(memory_mb(session))

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield samples_mb
    finally:
        done.set()
        thread.join()


def memory_mb(session: int) -> float:
    """Return the memory of all processes of a session, or the peak of the largest one if that is more, in megabytes.

    Pages shared by two processes count twice.
    """
    now, peak = 0.0, 0.0
    for folder in Path("/proc").glob("[0-9]*"):
        # A process may end between the listing and the reading.
        with contextlib.suppress(OSError, KeyError):
            if os.getsid(int(folder.name)) == session:
                status = (folder / "status").read_text(encoding="utf-8")
                fields = dict(line.split(":", 1) for line in status.splitlines())
                now += kilobytes(fields["VmRSS"]) / 1000
                peak = max(peak, kilobytes(fields["VmHWM"]) / 1000)
    return max(now, peak)


def kilobytes(text: str) -> float:
    """Convert a size of proc(5), in units of 1,024 bytes, to kilobytes of 1,000 bytes.

    >>> kilobytes("   1000 kB")
    1024.0
    """
    return int(text.split()[0]) * 1.024
