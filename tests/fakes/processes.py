"""Other processes: fresh interpreters, and forks of one that has imported TensorFlow, and computed nothing.

Importing it takes eight seconds of processor time; a fork takes none.
"""

import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from multiprocessing import forkserver
from pathlib import Path
from typing import Any
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["fakes.small_training"])


class Forked:
    """A process that calls a function of a module; as with ``Popen``, its output is there once it has ended."""

    def __init__(self, function: Callable[..., object], *arguments: Any, tf_config: Mapping | None = None) -> None:
        descriptor, self._log = tempfile.mkstemp(dir=logs().name)
        os.close(descriptor)
        with mock.patch.dict(os.environ, environment()):
            forkserver.ensure_running()
        self._process = CONTEXT.Process(target=call, args=(self._log, tf_config, function, arguments))
        self._process.start()

    @property
    def returncode(self) -> int | None:
        """Its exit code, negative for the signal that killed it; None while it runs."""
        return self._process.exitcode

    def kill(self) -> None:
        """Send it SIGKILL."""
        self._process.kill()

    def communicate(self, timeout: float | None = None) -> tuple[str, None]:
        """Wait for its end and return all that it printed."""
        self._process.join(timeout)
        if self.returncode is None:
            self.kill()
            self._process.join()
            raise TimeoutError(f"killed after {timeout} s: {self._printed()[-4000:]}")
        return self._printed(), None

    def _printed(self) -> str:
        return Path(self._log).read_text(encoding="utf-8", errors="replace")


@cache
def logs() -> tempfile.TemporaryDirectory:
    """Return a folder for what processes print; it is removed when this process ends."""
    return tempfile.TemporaryDirectory()


def environment(tf_config: Mapping | None = None) -> dict[str, str]:
    """Return the environment of a process that trains."""
    path = os.pathsep.join((str(ROOT), str(ROOT / "tests")))
    variables = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    variables.pop("TF_CONFIG", None)
    return {**variables, "TF_CONFIG": json.dumps(tf_config)} if tf_config else variables


def call(log: str, tf_config: Mapping | None, function: Callable[..., object], arguments: tuple) -> None:
    """Call a function, its output in a file."""
    with open(log, "ab") as file:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(file.fileno(), stream.fileno())
    os.environ.pop("TF_CONFIG", None)
    os.environ.update({"TF_CONFIG": json.dumps(tf_config)} if tf_config else {})
    function(*arguments)


def json_from(code: str) -> dict[str, Any]:
    """Run code in a new interpreter and return the JSON on its last line."""
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    return dict(json.loads(found.stdout.splitlines()[-1]))
