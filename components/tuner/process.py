"""The process of a trial, as the search sees it."""

import sys
from collections.abc import Sequence
from pathlib import Path

from components.support.child_processes import Child, environment, why_ended
from components.tuner.spec import Outcome, Spec, read_outcome

COMMAND = (sys.executable, "-m", "components.tuner.trial")


class TrialProcess:
    """A trial that runs in ``folder``; what it prints goes to standard output, with ``name`` before every line."""

    def __init__(self, name: str, spec: Spec, folder: Path, command: Sequence[str] = COMMAND) -> None:
        self._outcome = folder / "outcome.json"
        self._outcome.unlink(missing_ok=True)
        spec.save(folder / "spec.json")
        words = [*command, str(folder / "spec.json")]
        self._child = Child(name, words, environment(spec.settings.parallel))

    def outcome(self) -> Outcome | None:
        """How it ended, None while it runs."""
        code = self._child.poll()
        if code is None:
            return None
        self._child.wait()
        return read_outcome(self._outcome) or Outcome("failed", f"the process {why_ended(code)} without a word")

    def kill(self) -> None:
        """Ends it and all that it has started, and returns when it is gone."""
        self._child.kill()
        self._child.wait()
