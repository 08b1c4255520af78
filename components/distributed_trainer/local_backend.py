"""Runs tasks as processes on this machine, which end with the process that started them."""

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
    """Return the command line of a task."""
    return [sys.executable, "-m", "components.distributed_trainer.worker", str(folder), str(attempt), task.name]


def free_ports(count: int) -> list[int]:
    """Return different free ports of the loopback interface."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for opened in sockets:
            opened.bind(("127.0.0.1", 0))
        return [int(opened.getsockname()[1]) for opened in sockets]


class LocalTasks:
    """The processes of one attempt."""

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
        """The process ids."""
        return {task: child.pid for task, child in self._children.items()}

    def exit_codes(self) -> Mapping[Task, int | None]:
        """Return the exit code of each process, None while it runs."""
        return {task: child.poll() for task, child in self._children.items()}

    def reason(self, task: Task) -> str:
        """Return nothing: an exit code is all that is known of a process."""
        return ""

    def restart(self, task: Task) -> None:
        """Start a process in place of an earlier one of the same task."""
        self._children[task] = self._start(task)

    def cancel(self) -> None:
        """Kill all processes, then wait for each."""
        for child in self._children.values():
            child.kill()
        for child in self._children.values():
            child.wait()


class LocalBackend:
    """Starts processes on this machine, connected over the loopback interface.

    Args:
        command: returns the command line of a task.
        ports: returns as many free ports as asked for.
    """

    def __init__(self, command: Command = worker_command, ports: Ports = free_ports) -> None:
        self._command = command
        self._ports = ports

    def adopt(self, cluster: Cluster, folder: Path) -> LocalTasks | None:
        """Return None: local processes do not outlive the one that started them."""
        return None

    def start(self, cluster: Cluster, folder: Path, attempt: int) -> LocalTasks:
        """Start a process for each task, on free ports."""
        ports = self._ports(len(cluster.tasks))
        addresses = {task: f"127.0.0.1:{port}" for task, port in zip(cluster.tasks, ports, strict=True)}

        def start(task: Task) -> Child:
            variables = environment(len(cluster.tasks)) | {"TF_CONFIG": tf_config(task, addresses)}
            return Child(task.name, self._command(folder, attempt, task), variables)

        return LocalTasks(cluster, attempt, start)
