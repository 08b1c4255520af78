"""Processes of this machine that a node starts: they say who they are, share the cores, and end with their parent."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import NoReturn

PR_SET_PDEATHSIG = 1
STOP_TIMEOUT_S = 10.0


class Child:
    """A process in a session of its own; what it prints goes to standard output, its name before every line.

    It ends when this one does, from its first instant on: an interrupt may come before anyone holds the new object.
    """

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            bound(command), env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", start_new_session=True,
        )  # fmt: skip
        self._reader = threading.Thread(target=copy_lines, args=(self._process, name), daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def poll(self) -> int | None:
        """Its exit code, negative for the signal that killed it; None while it runs."""
        return self._process.poll()

    def kill(self) -> None:
        """Kills it and all that it has started: one that waits in C++ answers to nothing less."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)

    def wait(self) -> None:
        """Returns when it is gone and all that it printed is copied."""
        self._process.wait(STOP_TIMEOUT_S)
        self._reader.join(STOP_TIMEOUT_S)


def copy_lines(process: "subprocess.Popen[str]", name: str) -> None:
    """Copies what a process prints to standard output, with a name before every line."""
    assert process.stdout is not None
    with process.stdout as lines:
        for line in lines:
            # A log that is full must not leave the process stuck on a pipe that nobody reads.
            with contextlib.suppress(OSError, ValueError):
                print(f"[{name}] {line.rstrip()}", flush=True)


def environment(processes: int) -> dict[str, str]:
    """What one of several processes finds set: where modules are, and its share of the cores; no cluster."""
    inherited = {name: value for name, value in os.environ.items() if name != "TF_CONFIG"}
    return {
        "TF_NUM_INTRAOP_THREADS": str(max(1, (os.cpu_count() or 1) // processes)),
        **inherited,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "PYTHONUNBUFFERED": "1",
    }


def why_ended(code: int) -> str:
    """An exit code in words.

    >>> why_ended(-9), why_ended(3)
    ('was killed by signal 9', 'ended with exit code 3')
    """
    return f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"


def bound(command: Sequence[str]) -> list[str]:
    """The same command, run by a process that ends with this one: see ``main``."""
    return [sys.executable, "-m", "components.support.child_processes", str(os.getpid()), *command]


def die_with(parent: int) -> None:
    """Makes the kernel kill this process when its parent ends, however that ends; at once, if it has already.

    https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html
    """
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def main(arguments: Sequence[str]) -> NoReturn:
    """``python -m components.support.child_processes PARENT COMMAND …``: become the command, tied to its parent.

    The kernel keeps the wish across ``exec``, so that a command has it before it runs (or imports) anything itself.
    """
    parent, *command = arguments
    die_with(int(parent))
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
