"""The process of a trial, as the search sees it."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from components.tuner.spec import Outcome, Spec, read_outcome

COMMAND = (sys.executable, "-m", "components.tuner.trial")
STOP_TIMEOUT_S = 10.0


class TrialProcess:
    """A trial that runs in ``folder``; what it prints goes to standard output, with ``name`` before every line."""

    def __init__(self, name: str, spec: Spec, folder: Path, command: Sequence[str] = COMMAND) -> None:
        self._outcome = folder / "outcome.json"
        self._outcome.unlink(missing_ok=True)
        spec.save(folder / "spec.json")
        self._process = subprocess.Popen(
            [*command, str(folder / "spec.json")], env=environment(spec.settings.parallel),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", start_new_session=True,
        )  # fmt: skip
        self._reader = threading.Thread(target=copy_lines, args=(self._process, name), daemon=True)
        self._reader.start()

    def outcome(self) -> Outcome | None:
        """How it ended, None while it runs."""
        code = self._process.poll()
        if code is None:
            return None
        self._reader.join(STOP_TIMEOUT_S)
        why = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return read_outcome(self._outcome) or Outcome("failed", f"the process {why} without a word")

    def kill(self) -> None:
        """Ends it and all that it has started, and returns when it is gone."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(STOP_TIMEOUT_S)
        self._reader.join(STOP_TIMEOUT_S)


def environment(parallel: int) -> dict[str, str]:
    """What a trial finds set: where modules are, and its share of the cores; it is no part of a cluster."""
    inherited = {name: value for name, value in os.environ.items() if name != "TF_CONFIG"}
    return {
        "TF_NUM_INTRAOP_THREADS": str(max(1, (os.cpu_count() or 1) // parallel)),
        **inherited,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "PYTHONUNBUFFERED": "1",
    }


def copy_lines(process: "subprocess.Popen[str]", name: str) -> None:
    """Copies what a process prints to standard output, with a name before every line."""
    assert process.stdout is not None
    with process.stdout as lines:
        for line in lines:
            print(f"[{name}] {line.rstrip()}", flush=True)
