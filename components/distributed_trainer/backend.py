"""Where tasks run: the few things that the supervisor asks of a machine, or of a cluster of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from components.distributed_trainer.cluster import Cluster, Task


class Running(Protocol):
    """The tasks of one attempt, started together.

    A task that has ended has an exit code: 0 for done, negative for the signal that killed it.
    """

    @property
    def attempt(self) -> int:
        """Which one it is, as ``start`` was told."""

    def exit_codes(self) -> Mapping[Task, int | None]:
        """How each task ended, None while it runs, or before.

        Raises:
            MainlineError: a task cannot be started, and to wait would not change that.
        """

    def why(self, task: Task) -> str:
        """What the place knows of a task that ended, or that does not come up; empty where it knows nothing more."""

    def restart(self, task: Task) -> None:
        """Starts one task again, at the same address; for a task that the others do not wait for."""

    def cancel(self) -> None:
        """Stops all tasks, and returns when none is left."""


class Backend(Protocol):
    """Starts the tasks of a cluster; each runs ``components.distributed_trainer.worker`` on the folder of the call.

    What tasks print goes where the launcher's own output goes, a line with the name of its task before it.
    """

    def adopt(self, cluster: Cluster, folder: Path) -> Running | None:
        """Tasks that an earlier launcher, now gone, has started for the same call; None where there are none.

        What else it has left is stopped.
        """

    def start(self, cluster: Cluster, folder: Path, attempt: int) -> Running:
        """Starts all tasks of a cluster.

        Args:
            cluster: which tasks.
            folder: of the call, which every task can read and write.
            attempt: counts from 0; the files of a task are in ``<folder>/<attempt>/<task>``.
        """
