"""Download one pinned wheel with whichever pip this machine has, under the user's own pip configuration."""

import shutil
import subprocess
import sys
from pathlib import Path

from pipeline.errors import MachineError

# Without --no-input, an index that wants a password would wait for it, unseen.
_OPTIONS = ("--no-deps", "--only-binary=:all:", "--no-input", "--disable-pip-version-check", "--progress-bar=off")


def download(requirement: str, folder: Path, *, reason: str) -> None:
    """Put the wheel of ``requirement`` (``name==version``) into ``folder``.

    ``reason`` says why it is needed, for the message. Raises MachineError when there is no pip or when pip
    fails, as of a network that is down: another try may do.
    """
    finished = _run([*find_pip(), "download", *_OPTIONS, "--dest", str(folder), requirement])
    if finished.returncode != 0:
        raise MachineError(
            requirement,
            f"pip could not download it ({reason})",
            received=last_meaningful_line(finished.stderr or finished.stdout),
            next_step="Check the network and pip's configuration, or pass the wheel itself with --wheel FILE.",
        )


def find_pip() -> list[str]:
    """Return the command of the first pip that answers; raise MachineError when none does."""
    for command in pip_candidates():
        if _answers(command):
            return command
    raise MachineError(
        "pip",
        "no pip on this machine answers",
        expected="; ".join(" ".join(command) for command in pip_candidates()),
        next_step="Install pip (python -m ensurepip), or pass the wheel itself with --wheel FILE.",
    )


def pip_candidates() -> list[list[str]]:
    """Return the commands to try, best first: this environment, the Python it was made from, the PATH."""
    # An environment made by uv has no pip of its own; the interpreter below it nearly always has.
    base = getattr(sys, "_base_executable", sys.executable)
    interpreters = dict.fromkeys([sys.executable, str(base)])
    on_path = shutil.which("pip3")
    return [[python, "-m", "pip"] for python in interpreters] + ([[on_path]] if on_path else [])


def last_meaningful_line(output: str) -> str:
    """Return the line of pip's output that says why it failed.

    >>> last_meaningful_line("WARNING: slow\\nERROR: No matching distribution\\n\\n[notice] A new release of pip")
    'ERROR: No matching distribution'
    """
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")]
    return (errors or lines or ["(pip printed nothing)"])[-1]


def _answers(command: list[str]) -> bool:
    try:
        return _run([*command, "--version"]).returncode == 0
    except OSError:
        return False


def _run(command: list[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, check=False)
