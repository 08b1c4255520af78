"""Tasks as processes on this machine, which die with the process that started them."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from components.distributed_trainer.cluster import Cluster, Task, tf_config

Command = Callable[[Path, int, Task], list[str]]
Ports = Callable[[int], Sequence[int]]
STOP_TIMEOUT_S = 10.0
# A task of this machine ends when the process of this id does.
PARENT_ENV = "MAINLINE_PARENT_PID"


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


def environment(cluster: Cluster, task: Task, addresses: Mapping[Task, str]) -> dict[str, str]:
    """What a task finds set: TF_CONFIG, whose child it is, where modules are, and its share of the cores."""
    threads = max(1, (os.cpu_count() or 1) // len(cluster.tasks))
    return {
        "TF_NUM_INTRAOP_THREADS": str(threads),
        **os.environ,
        "TF_CONFIG": tf_config(task, addresses),
        PARENT_ENV: str(os.getpid()),
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "PYTHONUNBUFFERED": "1",
    }


class LocalTasks:
    """Processes of one attempt, each with a thread that copies its output."""

    def __init__(self, cluster: Cluster, start: Callable[[Task], subprocess.Popen[str]]) -> None:
        self._start = start
        self._processes: dict[Task, subprocess.Popen[str]] = {}
        self._readers: list[threading.Thread] = []
        try:
            for task in cluster.tasks:
                self.restart(task)
        except BaseException:
            self.cancel()
            raise

    @property
    def pids(self) -> dict[Task, int]:
        """The process ids, for whoever wants to look."""
        return {task: process.pid for task, process in self._processes.items()}

    def exit_codes(self) -> Mapping[Task, int | None]:
        """How each process ended, None while it runs."""
        return {task: process.poll() for task, process in self._processes.items()}

    def restart(self, task: Task) -> None:
        """Starts a process, in place of an earlier one of the same task."""
        process = self._processes[task] = self._start(task)
        reader = threading.Thread(target=copy_lines, args=(process, task.name), daemon=True)
        reader.start()
        self._readers.append(reader)

    def cancel(self) -> None:
        """Kills all: a task that waits for a lost one in C++ answers to nothing less."""
        for process in self._processes.values():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
        for process in self._processes.values():
            process.wait(STOP_TIMEOUT_S)
        for reader in self._readers:
            reader.join(STOP_TIMEOUT_S)


def copy_lines(process: subprocess.Popen[str], name: str) -> None:
    """Copies what a process prints to standard output, with its name before every line."""
    assert process.stdout is not None
    with process.stdout as lines:
        for line in lines:
            print(f"[{name}] {line.rstrip()}", flush=True)


class LocalBackend:
    """Processes on this machine, connected over loopback.

    Args:
        command: the words that start a task.
        ports: gives as many free ports as there are tasks.
    """

    def __init__(self, command: Command = worker_command, ports: Ports = free_ports) -> None:
        self._command = command
        self._ports = ports

    def adopt(self, folder: Path) -> LocalTasks | None:
        """Nothing: processes here do not outlive the one that started them."""
        return None

    def start(self, cluster: Cluster, folder: Path, attempt: int) -> LocalTasks:
        """Starts a process for each task, on ports that are free now."""
        ports = self._ports(len(cluster.tasks))
        addresses = {task: f"127.0.0.1:{port}" for task, port in zip(cluster.tasks, ports, strict=True)}

        def start(task: Task) -> subprocess.Popen[str]:
            return subprocess.Popen(
                self._command(folder, attempt, task), env=environment(cluster, task, addresses),
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                text=True, errors="replace", start_new_session=True,
            )  # fmt: skip

        return LocalTasks(cluster, start)
