"""Child processes of a node: their output is prefixed, they share the cores, and they end with their parent."""

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
# Loaded here, because a process that has only just forked must not load anything: another thread may hold the lock.
LIBC = ctypes.CDLL(None)


class Child:
    """A process in its own session. Its output is copied to standard output with its name before every line.

    It ends when this process does, even if that happens before the constructor has returned.
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
        return self._process.pid

    def poll(self) -> int | None:
        """Return the exit code, negative for the signal that killed it; None while it runs."""
        return self._process.poll()

    def kill(self) -> None:
        """Kill it and its own children with SIGKILL: a process that waits in C++ handles no other signal."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)

    def wait(self) -> None:
        """Wait until it has ended and its output is copied."""
        self._process.wait(STOP_TIMEOUT_S)
        self._reader.join(STOP_TIMEOUT_S)


def copy_lines(process: "subprocess.Popen[str]", name: str) -> None:
    """Copy the output of a process to standard output, with a name before every line."""
    assert process.stdout is not None
    with process.stdout as lines:
        for line in lines:
            # Keep reading when the log cannot be written: the process would block on a full pipe.
            with contextlib.suppress(OSError, ValueError):
                print(f"[{name}] {line.rstrip()}", flush=True)


def environment(processes: int) -> dict[str, str]:
    """Return environment variables for one of several processes: module path, share of the cores, no TF_CONFIG."""
    inherited = {name: value for name, value in os.environ.items() if name != "TF_CONFIG"}
    return {
        "TF_NUM_INTRAOP_THREADS": str(max(1, (os.cpu_count() or 1) // processes)),
        **inherited,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "PYTHONUNBUFFERED": "1",
    }


def why_ended(code: int) -> str:
    """Describe an exit code.

    >>> why_ended(-9), why_ended(3)
    ('was killed by signal 9', 'ended with exit code 3')
    """
    return f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"


def bound(command: Sequence[str]) -> list[str]:
    """Wrap a command so that it ends with this process: see ``main``."""
    return [sys.executable, "-m", "components.support.child_processes", str(os.getpid()), *command]


def die_with(parent: int, number: int = signal.SIGKILL) -> None:
    """Have the kernel send a signal to this process when its parent ends; exit now if it has ended already.

    https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html
    """
    LIBC.prctl(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os._exit(1)


def main(arguments: Sequence[str]) -> NoReturn:
    """``python -m components.support.child_processes PARENT COMMAND …``: become the command, tied to its parent.

    The setting survives ``exec``, so it holds before the command runs or imports anything.
    """
    parent, *command = arguments
    die_with(int(parent))
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
