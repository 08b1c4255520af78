"""Fixtures that many tests share; the expensive one is a whole run, made once."""

import gc
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import harness

from components.support import garbage_collection

# Collecting tests imports all of TensorFlow and TFX.
garbage_collection.collect_rarely()
garbage_collection.skip_final_collection()

# A shell that runs the tests in the background has SIGINT ignored, and so would every process that a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first, so that in the end no process waits for another one's."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="module", autouse=True)
def frozen_modules() -> None:
    """Freeze the million objects of imported modules; a run in this process ends with ``gc.unfreeze()``.

    Each look for garbage among them would take half a second. Asking ``gc.get_freeze_count()`` first would, too: it
    counts them one by one.
    """
    gc.collect()
    gc.freeze()


@dataclass(frozen=True)
class Finished:
    """A finished run: the rows it had, its root, and how it ended."""

    rows: Path
    root: Path
    outcome: harness.Outcome


@pytest.fixture(scope="session")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A whole run of census over a few rows, by the local orchestrator, and a copy of what it left."""
    folder = tmp_path_factory.mktemp("finished")
    rows = harness.tiny_rows(folder / "rows")
    run = Finished(rows, folder / "runs", harness.run_here(rows, folder / "runs"))
    harness.keep_copy(run.root)
    return run


@pytest.fixture(scope="module")
def finished(first_run: Finished) -> Finished:
    """That run, as it ended, whatever the tests of other modules did in its root."""
    harness.put_back(first_run.root)
    return first_run
