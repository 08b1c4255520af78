"""Decides from exit codes, error files and heartbeats whether a task of a training has failed, and which one."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from components.distributed_trainer.cluster import Cluster, Task
from components.distributed_trainer.task_files import MARKER, Heartbeat, read_failure, read_heartbeat
from components.support.child_processes import why_ended
from components.support.failure import Failure
from pipeline.errors import MainlineError

# Heartbeats come every second. Once some task has failed, one that has been silent for this long is a suspect.
STALE_S = 5.0


@dataclass(frozen=True)
class TaskFailure:
    """A task that failed, or that counts as failed.

    Attributes:
        reason: what was observed.
        reported: the error that the task itself reported, if it did.
        in_runtime: whether it is alive inside TensorFlow, and may only be waiting for another task.
    """

    task: Task
    reason: str
    reported: Failure | None = None
    in_runtime: bool = False

    @property
    def is_permanent(self) -> bool:
        """Whether a restart would fail in the same way."""
        return self.reported is not None and self.reported.is_ours

    def as_error(self, restarts: int) -> MainlineError:
        """Return the error that ends the training; the message of the task comes first."""
        if self.reported is not None and self.reported.is_ours:
            return self.reported.as_error()
        problem = self.reported.problem if self.reported else self.reason
        return MainlineError(
            f"Trainer, {self.task.name}", problem, received=f"{self.reason}, after {restarts} restarts",
            next_step="The log of the run has the output of every worker. Run again to resume from the checkpoint.",
        )  # fmt: skip


@dataclass
class Attempt:
    """The tasks of one attempt and when each was started.

    ``resumed_s`` is when the machine last woke from a pause; silence before that does not count.
    """

    cluster: Cluster
    folder: Path
    started_s: float
    restarted_s: dict[Task, float] = field(default_factory=dict)
    resumed_s: float = 0.0

    def find_failure(self, codes: Mapping[Task, int | None], now_s: float) -> TaskFailure | None:
        """Return the task that caused the failure, if any has failed.

        Args:
            codes: exit code by task, None while it runs.
            now_s: in seconds since 1970.
        """
        if self.is_complete:
            return None
        failures = [found for task, code in codes.items() if (found := self._check_task(task, code, now_s)) is not None]
        alive = {task: beat for task, code in codes.items() if code is None and (beat := self._heartbeat(task))}
        all_report = len(alive) == sum(code is None for code in codes.values())
        failures += find_stalled(self.cluster, alive, all_report)
        # A stopped process makes its peers fail before its own timeout ends, so a silent task is a suspect early.
        silent_s = {task: self._silent_s(heartbeat, now_s) for task, heartbeat in alive.items()}
        silent = [silent_task(task, seconds) for task, seconds in silent_s.items() if seconds > STALE_S]
        return min([*failures, *silent], key=blame_order) if failures else None

    @property
    def is_complete(self) -> bool:
        """Whether the model is saved; how the tasks end after that does not matter."""
        return (self.folder / MARKER).is_file()

    def _heartbeat(self, task: Task) -> Heartbeat | None:
        """Return the latest heartbeat since the task was started."""
        heartbeat = read_heartbeat(self.folder / task.name)
        return heartbeat if heartbeat and heartbeat.time_s >= self._started_s(task) else None

    def _started_s(self, task: Task) -> float:
        return max(self.started_s, self.restarted_s.get(task, 0.0))

    def _silent_s(self, heartbeat: Heartbeat, now_s: float) -> float:
        return now_s - max(heartbeat.time_s, self.resumed_s)

    def _check_task(self, task: Task, code: int | None, now_s: float) -> TaskFailure | None:
        if code == 0:
            return TaskFailure(task, "ended without a model") if task == self.cluster.chief else None
        if code is not None:
            return TaskFailure(task, why_ended(code), read_failure(self.folder / task.name))
        return self._check_heartbeat(task, self._heartbeat(task), now_s)

    def _check_heartbeat(self, task: Task, heartbeat: Heartbeat | None, now_s: float) -> TaskFailure | None:
        if heartbeat is None:
            timeout_s = self.cluster.startup_timeout_s
            late = now_s - max(self._started_s(task), self.resumed_s) > timeout_s
            return TaskFailure(task, f"did not start within {timeout_s:.0f} s") if late else None
        silent_s = self._silent_s(heartbeat, now_s)
        return silent_task(task, silent_s) if silent_s > self.cluster.hang_timeout_s else None


def silent_task(task: Task, silent_s: float) -> TaskFailure:
    """Return the failure of a task that runs but sends no heartbeats."""
    return TaskFailure(task, f"sent no heartbeat for {silent_s:.0f} s")


def find_stalled(cluster: Cluster, heartbeats: Mapping[Task, Heartbeat], all_report: bool) -> list[TaskFailure]:
    """Find the task that sends heartbeats but makes no progress, if there is one.

    A task inside TensorFlow may be waiting for another task: it is blamed only when all tasks are stalled. A task in
    Python code keeps the others waiting, and is blamed at once.

    Args:
        cluster: gives the timeout of each phase.
        heartbeats: the latest of each running task.
        all_report: whether every running task has sent one.
    """
    limited = {task: beat for task, beat in heartbeats.items() if cluster.stall_timeout_s(beat.phase) < math.inf}
    stalled = {task: beat for task, beat in limited.items() if beat.stalled_s > cluster.stall_timeout_s(beat.phase)}
    in_python = {task: beat for task, beat in stalled.items() if not beat.in_runtime}
    suspects = in_python or (stalled if all_report and len(stalled) == len(limited) else {})
    if not suspects:
        return []
    task = max(suspects, key=lambda suspect: suspects[suspect].stalled_s)
    heartbeat = suspects[task]
    where = f" ({heartbeat.line})" if heartbeat.line else ""
    others = "" if in_python else ", and so have all other tasks"
    reason = f"has made no progress for {heartbeat.stalled_s:.0f} s while {heartbeat.phase}{where}{others}"
    return [TaskFailure(task, reason, in_runtime=not in_python)]


def blame_order(failure: TaskFailure) -> tuple[int, float]:
    """Sort key that puts the cause first: our own errors, then deaths without a report, then the earliest other error.

    A worker whose peer is gone fails with an error about that peer, or waits for it: that is a consequence.
    """
    if failure.reported is None:
        return (3 if failure.in_runtime else 1), 0.0
    return (0 if failure.is_permanent else 2), failure.reported.at_s
