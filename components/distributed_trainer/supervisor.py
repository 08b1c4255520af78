"""Watches the tasks of a training and restarts all of them from the last checkpoint when one fails.

Restarting only the failed one is not enough: under MultiWorkerMirroredStrategy the others would wait for it forever.
"""

import logging
import shutil
import time
from dataclasses import replace
from pathlib import Path

from components.distributed_trainer.backend import Backend, RunningTasks
from components.distributed_trainer.cluster import Cluster, join_names
from components.distributed_trainer.health import STALE_S, Attempt, TaskFailure
from components.distributed_trainer.task_files import MARKER, read_heartbeat

progress = logging.getLogger("mainline.progress")
POLL_S = 0.2
# How long to wait after a failure for the other tasks to report theirs: the first to die may not be the cause.
SETTLE_S = 1.0


class Supervisor:
    """Runs the tasks of a training until the model is saved.

    Args:
        backend: starts the tasks.
        cluster: the tasks, and the timeouts after which they count as failed.
        folder: of the files described in ``task_files``.
    """

    def __init__(self, backend: Backend, cluster: Cluster, folder: Path) -> None:
        self.backend = backend
        self.cluster = cluster
        self.folder = folder
        self.restarts = 0

    def run(self) -> None:
        """Return when the chief has saved the model.

        Raises:
            MainlineError: a task failed, and no restart is left or a restart would not help.
        """
        adopted = self.backend.adopt(self.cluster, self.folder)
        if adopted is not None:
            self.restarts = adopted.attempt
            progress.info("resuming the tasks that an earlier launcher started")
        elif any(self.folder.glob(f"*/{MARKER}")):
            # An earlier launcher was stopped after the model was complete.
            return
        while True:
            failure = self._run_attempt(adopted)
            adopted = None
            if failure is None:
                return
            if failure.is_permanent or self.restarts >= self.cluster.max_restarts:
                raise failure.as_error(self.restarts)
            self.restarts += 1
            # A warning stays on the terminal, where progress messages replace one another.
            progress.warning(
                "%s %s: restart %d of %d", failure.task.name, failure.reason, self.restarts, self.cluster.max_restarts
            )

    def _run_attempt(self, adopted: RunningTasks | None) -> TaskFailure | None:
        """Start all tasks, or resume the adopted ones, and wait; return None when the model is saved."""
        started_s = time.time()
        running = adopted or self._start()
        try:
            return self._watch(running, Attempt(self.cluster, self.folder / str(running.attempt), started_s))
        finally:
            running.cancel()

    def _start(self) -> RunningTasks:
        """Start all tasks in an empty folder."""
        shutil.rmtree(self.folder / str(self.restarts), ignore_errors=True)
        return self.backend.start(self.cluster, self.folder, self.restarts)

    def _watch(self, running: RunningTasks, attempt: Attempt) -> TaskFailure | None:
        message, polled_s = "", time.time()
        while not attempt.is_complete:
            time.sleep(POLL_S)
            elapsed_s, polled_s = time.time() - polled_s, time.time()
            if elapsed_s > STALE_S:
                # The machine, or this process, was suspended: missing heartbeats prove nothing.
                attempt.resumed_s = polled_s
            failure = attempt.find_failure(running.exit_codes(), time.time())
            if failure is not None and not self._restart_task(failure, running, attempt):
                time.sleep(SETTLE_S)
                failure = attempt.find_failure(running.exit_codes(), time.time()) or failure
                return None if attempt.is_complete else with_backend_reason(failure, running)
            message = self._report_progress(attempt, message)
        return None

    def _restart_task(self, failure: TaskFailure, running: RunningTasks, attempt: Attempt) -> bool:
        """Restart the failed task alone, if the others can go on without it."""
        task = failure.task
        if failure.is_permanent or not self.cluster.is_replaceable(task) or self.restarts >= self.cluster.max_restarts:
            return False
        reason = with_backend_reason(failure, running).reason
        self.restarts += 1
        attempt.restarted_s[task] = time.time()
        (attempt.folder / task.name / "error.json").unlink(missing_ok=True)
        running.restart(task)
        progress.warning("%s %s: restarted, the other tasks go on", task.name, reason)
        return True

    def _report_progress(self, attempt: Attempt, previous: str) -> str:
        """Pass on the progress of the chief; until there is any, say which tasks have not started."""
        heartbeat = read_heartbeat(attempt.folder / self.cluster.chief.name)
        message = (
            heartbeat.progress if heartbeat and heartbeat.progress else startup_status(self.cluster, attempt.folder)
        )
        if message != previous:
            progress.info("%s%s", f"{len(self.cluster.tasks)} tasks: ", message)
        return message


def with_backend_reason(failure: TaskFailure, running: RunningTasks) -> TaskFailure:
    """Add what the backend knows about the failed task."""
    reason = running.reason(failure.task)
    return replace(failure, reason=f"{failure.reason}, {reason}") if reason else failure


def startup_status(cluster: Cluster, folder: Path) -> str:
    """Say which tasks have not sent a heartbeat yet."""
    waiting = [task for task in cluster.tasks if read_heartbeat(folder / task.name) is None]
    return f"waiting for {join_names(waiting)}" if waiting else "all are running"
