"""Watches the tasks of a training; when one is lost, all start again from the last checkpoint.

Restarting the lost one alone does not do: under MultiWorkerMirroredStrategy the others would wait for it for ever.
"""

import logging
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from components.distributed_trainer.backend import Backend, Running
from components.distributed_trainer.call import MARKER, Pulse, read_failure, read_pulse
from components.distributed_trainer.cluster import Cluster, Task, names
from components.failure import Failure
from components.processes import why_ended
from pipeline.errors import MainlineError

progress = logging.getLogger("mainline.progress")
POLL_S = 0.2
# How long to wait, when a task is lost, for others to say what they died of: the first to die may not be the culprit.
SETTLE_S = 1.0


@dataclass(frozen=True)
class Lost:
    """A task that is gone, and why; ``failure`` is what it said itself."""

    task: Task
    why: str
    failure: Failure | None = None

    @property
    def is_final(self) -> bool:
        """Whether to start again would change nothing."""
        return self.failure is not None and self.failure.is_ours

    def as_error(self, restarts: int) -> MainlineError:
        """The end of the training: the task's own words first."""
        if self.failure is not None and self.failure.is_ours:
            return self.failure.as_error()
        said = self.failure.problem if self.failure else self.why
        return MainlineError(
            f"Trainer, {self.task.name}", said, received=f"{self.why}, after {restarts} restarts",
            next_step="The log of the run has what every worker printed. A checkpoint is kept: run again to go on.",
        )  # fmt: skip


@dataclass
class Attempt:
    """What is known of the tasks since they were started together."""

    cluster: Cluster
    folder: Path
    started_s: float
    restarted_s: dict[Task, float] = field(default_factory=dict)

    def lost(self, codes: Mapping[Task, int | None], now_s: float) -> Lost | None:
        """The task that is to blame, if one is lost; what its own error says goes before what others saw."""
        gone = [lost for task, code in codes.items() if (lost := self._judge(task, code, now_s)) is not None]
        return min(gone, key=blame, default=None)

    def _judge(self, task: Task, code: int | None, now_s: float) -> Lost | None:
        if code == 0:
            is_short = task == self.cluster.chief and not (self.folder / MARKER).is_file()
            return Lost(task, "ended without a model") if is_short else None
        failure = read_failure(self.folder / task.name)
        if code is not None:
            return Lost(task, why_ended(code), failure)
        return self._silent(task, read_pulse(self.folder / task.name), now_s)

    def _silent(self, task: Task, pulse: Pulse | None, now_s: float) -> Lost | None:
        since_s = max(self.started_s, self.restarted_s.get(task, 0.0))
        if pulse is None or pulse.at_s < since_s:
            late = now_s - since_s > self.cluster.startup_timeout_s
            return Lost(task, f"did not come up within {self.cluster.startup_timeout_s:.0f} s") if late else None
        silent_s = now_s - pulse.at_s
        if silent_s > self.cluster.hang_timeout_s:
            return Lost(task, f"gave no sign of life for {silent_s:.0f} s")
        return None


def blame(lost: Lost) -> tuple[int, float]:
    """Who is to blame first: an error of ours, then a death without a word, then the earliest error of a library.

    A worker whose peer is gone dies of that, with an error that says so: it is not the cause.
    """
    if lost.failure is None:
        return 1, 0.0
    return (0 if lost.is_final else 2), lost.failure.at_s


def explained(lost: Lost, running: Running) -> Lost:
    """The same, with what the place that the task runs in knows of it."""
    more = running.why(lost.task)
    return replace(lost, why=f"{lost.why}, {more}") if more else lost


class Supervisor:
    """Runs the tasks of a call to their end.

    Args:
        backend: starts them.
        cluster: which they are, and when they count as lost.
        folder: of the call.
    """

    def __init__(self, backend: Backend, cluster: Cluster, folder: Path) -> None:
        self.backend = backend
        self.cluster = cluster
        self.folder = folder
        self.restarts = 0

    def run(self) -> None:
        """Returns when the chief has saved the model.

        Raises:
            MainlineError: what a task failed of, once there are no restarts left or none would help.
        """
        adopted = self.backend.adopt(self.cluster, self.folder)
        if adopted is not None:
            self.restarts = adopted.attempt
            progress.info("the tasks that an earlier launcher has started go on")
        elif any(self.folder.glob(f"*/{MARKER}")):
            # An earlier launcher was stopped when the model was whole and its tasks were gone.
            return
        while True:
            lost = self._attempt(adopted)
            adopted = None
            if lost is None:
                return
            if lost.is_final or self.restarts >= self.cluster.max_restarts:
                raise lost.as_error(self.restarts)
            self.restarts += 1
            progress.info("%s %s: restart %d of %d", lost.task.name, lost.why, self.restarts, self.cluster.max_restarts)

    def _attempt(self, adopted: Running | None) -> Lost | None:
        """Starts all tasks, or goes on with those that are there, and waits; None when the model is saved."""
        started_s = time.time()
        running = adopted or self._start()
        try:
            return self._watch(running, Attempt(self.cluster, self.folder / str(running.attempt), started_s))
        finally:
            running.cancel()

    def _start(self) -> Running:
        """Starts all tasks, in a folder where none has said anything yet."""
        shutil.rmtree(self.folder / str(self.restarts), ignore_errors=True)
        return self.backend.start(self.cluster, self.folder, self.restarts)

    def _watch(self, running: Running, attempt: Attempt) -> Lost | None:
        said = ""
        while not (attempt.folder / MARKER).is_file():
            time.sleep(POLL_S)
            lost = attempt.lost(running.exit_codes(), time.time())
            if lost is not None and not self._replaced(lost, running, attempt):
                time.sleep(SETTLE_S)
                return explained(attempt.lost(running.exit_codes(), time.time()) or lost, running)
            said = self._tell(attempt, said)
        return None

    def _replaced(self, lost: Lost, running: Running, attempt: Attempt) -> bool:
        """Starts one task again where the others go on without it."""
        if lost.is_final or not self.cluster.survives(lost.task) or self.restarts >= self.cluster.max_restarts:
            return False
        why = explained(lost, running).why
        self.restarts += 1
        attempt.restarted_s[lost.task] = time.time()
        (attempt.folder / lost.task.name / "error.json").unlink(missing_ok=True)
        running.restart(lost.task)
        progress.info("%s %s: it was started again, the others went on", lost.task.name, why)
        return True

    def _tell(self, attempt: Attempt, said: str) -> str:
        """Passes on what the chief says of its progress; before it says anything, who is still awaited."""
        pulse = read_pulse(attempt.folder / self.cluster.chief.name)
        text = pulse.said if pulse and pulse.said else waiting_for(self.cluster, attempt.folder)
        if text != said:
            progress.info("%s%s", f"{len(self.cluster.tasks)} tasks: ", text)
        return text


def waiting_for(cluster: Cluster, folder: Path) -> str:
    """Which tasks have not come up yet."""
    awaited = [task for task in cluster.tasks if read_pulse(folder / task.name) is None]
    return f"waiting for {names(awaited)}" if awaited else "all are up"
