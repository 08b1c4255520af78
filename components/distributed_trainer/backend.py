"""The interface between the supervisor and whatever runs the tasks: this machine, or Kubernetes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from components.distributed_trainer.cluster import Cluster, Task


class RunningTasks(Protocol):
    """The tasks of one attempt, which were started together.

    The exit code of a task is 0 for success, and negative for the signal that killed it.
    """

    @property
    def attempt(self) -> int:
        """The number that ``start`` was given."""

    def exit_codes(self) -> Mapping[Task, int | None]:
        """Return the exit code of each task, None before it has ended.

        Raises:
            MainlineError: a task cannot be started, and waiting would not help.
        """

    def reason(self, task: Task) -> str:
        """Return what the backend knows about the end of a task, or about why it does not start; may be empty."""

    def restart(self, task: Task) -> None:
        """Restart one replaceable task at the same address."""

    def cancel(self) -> None:
        """Stop all tasks and wait until none is left."""


class Backend(Protocol):
    """Starts the tasks of a cluster; each runs ``components.distributed_trainer.worker`` on a shared folder.

    The output of the tasks is copied to that of the launcher, each line after the name of its task.
    """

    def adopt(self, cluster: Cluster, folder: Path) -> RunningTasks | None:
        """Take over tasks that an earlier launcher started for the same folder, and stop its other leftovers.

        Returns:
            The tasks, or None if there are none.
        """

    def start(self, cluster: Cluster, folder: Path, attempt: int) -> RunningTasks:
        """Start all tasks of a cluster.

        Args:
            cluster: the tasks.
            folder: the shared folder, which every task can read and write.
            attempt: counts from 0; the files of a task are in ``<folder>/<attempt>/<task>``.
        """
