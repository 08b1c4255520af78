"""The process of a trial, as the search controls it."""

import sys
from collections.abc import Sequence
from pathlib import Path

from components.support.child_processes import Child, environment, why_ended
from components.tuner.spec import Outcome, TrialSpec, read_outcome

COMMAND = (sys.executable, "-m", "components.tuner.trial")


class TrialProcess:
    """A trial that runs in ``folder``; its output is copied to standard output, each line after ``name``."""

    def __init__(self, name: str, spec: TrialSpec, folder: Path, command: Sequence[str] = COMMAND) -> None:
        self._outcome = folder / "outcome.json"
        self._outcome.unlink(missing_ok=True)
        spec.save(folder / "spec.json")
        arguments = [*command, str(folder / "spec.json")]
        self._child = Child(name, arguments, environment(spec.settings.parallel))

    def outcome(self) -> Outcome | None:
        """Return how the trial ended, None while it runs."""
        code = self._child.poll()
        if code is None:
            return None
        self._child.wait()
        return read_outcome(self._outcome) or Outcome(
            "failed", f"the process {why_ended(code)} without reporting an error"
        )

    def kill(self) -> None:
        """Kill the process and its children, and wait until it has ended."""
        self._child.kill()
        self._child.wait()
