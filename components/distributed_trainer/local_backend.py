"""Tasks as processes on this machine, which die with the process that started them."""

import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from components.distributed_trainer.cluster import Cluster, Task, tf_config
from components.support.child_processes import Child, environment

Command = Callable[[Path, int, Task], list[str]]
Ports = Callable[[int], Sequence[int]]


def worker_command(folder: Path, attempt: int, task: Task) -> list[str]:
    """How a task is started."""
    return [sys.executable, "-m", "components.distributed_trainer.worker", str(folder), str(attempt), task.name]


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that nobody listens on, all different."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for opened in sockets:
            opened.bind(("127.0.0.1", 0))
        return [int(opened.getsockname()[1]) for opened in sockets]


class LocalTasks:
    """Processes of one attempt."""

    def __init__(self, cluster: Cluster, attempt: int, start: Callable[[Task], Child]) -> None:
        self.attempt = attempt
        self._start = start
        self._children: dict[Task, Child] = {}
        try:
            for task in cluster.tasks:
                self.restart(task)
        except BaseException:
            self.cancel()
            raise

    @property
    def pids(self) -> dict[Task, int]:
        """The process ids, for whoever wants to look."""
        return {task: child.pid for task, child in self._children.items()}

    def exit_codes(self) -> Mapping[Task, int | None]:
        """How each process ended, None while it runs."""
        return {task: child.poll() for task, child in self._children.items()}

    def why(self, task: Task) -> str:
        """Nothing: a process has its exit code, and no more."""
        return ""

    def restart(self, task: Task) -> None:
        """Starts a process, in place of an earlier one of the same task."""
        self._children[task] = self._start(task)

    def cancel(self) -> None:
        """Kills all, then waits for each."""
        for child in self._children.values():
            child.kill()
        for child in self._children.values():
            child.wait()


class LocalBackend:
    """Processes on this machine, connected over loopback.

    Args:
        command: the words that start a task.
        ports: gives as many free ports as there are tasks.
    """

    def __init__(self, command: Command = worker_command, ports: Ports = free_ports) -> None:
        self._command = command
        self._ports = ports

    def adopt(self, cluster: Cluster, folder: Path) -> LocalTasks | None:
        """Nothing: processes here do not outlive the one that started them."""
        return None

    def start(self, cluster: Cluster, folder: Path, attempt: int) -> LocalTasks:
        """Starts a process for each task, on ports that are free now."""
        ports = self._ports(len(cluster.tasks))
        addresses = {task: f"127.0.0.1:{port}" for task, port in zip(cluster.tasks, ports, strict=True)}

        def start(task: Task) -> Child:
            own = environment(len(cluster.tasks)) | {"TF_CONFIG": tf_config(task, addresses)}
            return Child(task.name, self._command(folder, attempt, task), own)

        return LocalTasks(cluster, attempt, start)
