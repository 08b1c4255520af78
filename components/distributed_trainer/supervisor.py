"""Watches the tasks of a training; when one is lost, all start again from the last checkpoint.

Restarting the lost one alone does not do: under MultiWorkerMirroredStrategy the others would wait for it for ever.
"""

import logging
import math
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from components.distributed_trainer.backend import Backend, Running
from components.distributed_trainer.cluster import Cluster, Task, names
from components.distributed_trainer.task_files import MARKER, Pulse, read_failure, read_pulse
from components.support.child_processes import why_ended
from components.support.failure import Failure
from pipeline.errors import MainlineError

progress = logging.getLogger("mainline.progress")
POLL_S = 0.2
# How long to wait, when a task is lost, for others to say what they died of: the first to die may not be the culprit.
SETTLE_S = 1.0
# After how long without a sign of life, which there is every second, a task is one to blame if any is.
STALE_S = 5.0


@dataclass(frozen=True)
class Lost:
    """A task that is gone, and why; ``failure`` is what it said itself, ``waits`` that it may wait for another one."""

    task: Task
    why: str
    failure: Failure | None = None
    waits: bool = False

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
    """What is known of the tasks since they were started together.

    ``woke_s`` is when the machine last went on after a pause, which counts as nobody's silence.
    """

    cluster: Cluster
    folder: Path
    started_s: float
    restarted_s: dict[Task, float] = field(default_factory=dict)
    woke_s: float = 0.0

    def lost(self, codes: Mapping[Task, int | None], now_s: float) -> Lost | None:
        """The task that is to blame, if one is lost; what its own error says goes before what others saw."""
        if self.is_over:
            return None
        gone = [lost for task, code in codes.items() if (lost := self._judge(task, code, now_s)) is not None]
        alive = {task: pulse for task, code in codes.items() if code is None and (pulse := self._pulse(task))}
        all_speak = len(alive) == sum(code is None for code in codes.values())
        found = [*gone, *standing_still(self.cluster, alive, all_speak)]
        # One that has stopped costs its peers their patience first: it is to blame though its own has not run out.
        silent_s = {task: self._silent_s(pulse, now_s) for task, pulse in alive.items()}
        silent = [was_silent(task, seconds) for task, seconds in silent_s.items() if seconds > STALE_S]
        return min([*found, *silent], key=blame) if found else None

    @property
    def is_over(self) -> bool:
        """Whether the model is saved: what becomes of the tasks then is of no account."""
        return (self.folder / MARKER).is_file()

    def _pulse(self, task: Task) -> Pulse | None:
        """What a task has said since it was started."""
        pulse = read_pulse(self.folder / task.name)
        return pulse if pulse and pulse.at_s >= self._started_s(task) else None

    def _started_s(self, task: Task) -> float:
        return max(self.started_s, self.restarted_s.get(task, 0.0))

    def _silent_s(self, pulse: Pulse, now_s: float) -> float:
        return now_s - max(pulse.at_s, self.woke_s)

    def _judge(self, task: Task, code: int | None, now_s: float) -> Lost | None:
        if code == 0:
            return Lost(task, "ended without a model") if task == self.cluster.chief else None
        failure = read_failure(self.folder / task.name)
        if code is not None:
            return Lost(task, why_ended(code), failure)
        return self._silent(task, self._pulse(task), now_s)

    def _silent(self, task: Task, pulse: Pulse | None, now_s: float) -> Lost | None:
        if pulse is None:
            late = now_s - max(self._started_s(task), self.woke_s) > self.cluster.startup_timeout_s
            return Lost(task, f"did not come up within {self.cluster.startup_timeout_s:.0f} s") if late else None
        silent_s = self._silent_s(pulse, now_s)
        return was_silent(task, silent_s) if silent_s > self.cluster.hang_timeout_s else None


def was_silent(task: Task, silent_s: float) -> Lost:
    """A task that lives, as far as its machine knows, and says nothing."""
    return Lost(task, f"gave no sign of life for {silent_s:.0f} s")


def standing_still(cluster: Cluster, pulses: Mapping[Task, Pulse], all_speak: bool) -> list[Lost]:
    """The task whose work has stopped, though it lives, if there is one.

    One that waits in TensorFlow may wait for another one, and is to blame only once all wait, and for too long. One
    that is in Python lets the others wait.
    """
    judged = {task: pulse for task, pulse in pulses.items() if cluster.limit_s(pulse.state) < math.inf}
    still = {task: pulse for task, pulse in judged.items() if pulse.still_s > cluster.limit_s(pulse.state)}
    stuck = {task: pulse for task, pulse in still.items() if not pulse.waits}
    suspects = stuck or (still if all_speak and len(still) == len(judged) else {})
    if not suspects:
        return []
    task = max(suspects, key=lambda suspect: suspects[suspect].still_s)
    pulse = suspects[task]
    where = f" ({pulse.at})" if pulse.at else ""
    waiting = "" if stuck else ", as all others do"
    why = f"has stood still for {pulse.still_s:.0f} s while {pulse.state}{where}{waiting}"
    return [Lost(task, why, waits=not stuck)]


def blame(lost: Lost) -> tuple[int, float]:
    """Who is to blame first: an error of ours, then an end without a word, then the earliest error of a library.

    A worker whose peer is gone dies of that, with an error that says so, or waits for it: it is not the cause.
    """
    if lost.failure is None:
        return (3 if lost.waits else 1), 0.0
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
            # A warning is told on the terminal whatever is said behind it.
            progress.warning(
                "%s %s: restart %d of %d", lost.task.name, lost.why, self.restarts, self.cluster.max_restarts
            )

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
        said, looked_s = "", time.time()
        while not attempt.is_over:
            time.sleep(POLL_S)
            slept_s, looked_s = time.time() - looked_s, time.time()
            if slept_s > STALE_S:
                # The machine was, or this process: nobody could give a sign of life, or have it seen.
                attempt.woke_s = looked_s
            lost = attempt.lost(running.exit_codes(), time.time())
            if lost is not None and not self._replaced(lost, running, attempt):
                time.sleep(SETTLE_S)
                lost = attempt.lost(running.exit_codes(), time.time()) or lost
                return None if attempt.is_over else explained(lost, running)
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
        progress.warning("%s %s: it was started again, the others went on", lost.task.name, why)
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
