"""``python -m components.distributed_trainer.worker FOLDER ATTEMPT TASK``: one task of a training.

It runs Trainer's own executor, with TF_CONFIG set by whoever started it, and says every second that it lives, and how
far its work has come: that a thread of its own lives proves nothing of the one that trains.
"""

import logging
import os
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tfx.utils import path_utils

from components.compat.tfx import startup
from components.distributed_trainer.task_files import (
    MARKER,
    Call,
    Pulse,
    read_call,
    write_failure,
    write_pulse,
)
from components.support.atomic_files import write_json
from components.support.failure import as_failure
from components.support.heartbeat import beat, snapshot
from pipeline.nodes import TRAINER

PULSE_S = 1.0


class Said(logging.Handler):
    """Remembers the last word on the progress of the training, and prints all of them."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Called by ``mainline.progress``."""
        self.text = record.getMessage()
        print(self.text, flush=True)


def main(arguments: list[str]) -> int:
    """Does a task; gives 0, or 1 with the reason in ``error.json``."""
    folder, attempt, task = Path(arguments[0]), arguments[1], arguments[2]
    beat("starting")
    with pulsing(folder / attempt / task):
        try:
            run(read_call(folder), folder / attempt, task)
        except BaseException as error:
            traceback.print_exc()
            write_failure(folder / attempt / task, as_failure(error, TRAINER))
            return 1
    return 0


@contextmanager
def pulsing(folder: Path) -> Iterator[None]:
    """Writes a sign of life now and every second, from a thread that a stopped process stops too."""
    said, done = Said(), threading.Event()
    progress = logging.getLogger("mainline.progress")
    progress.setLevel(logging.INFO)
    progress.addHandler(said)
    thread = threading.Thread(target=pulse, args=(folder, said, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(PULSE_S)
        progress.removeHandler(said)


def pulse(folder: Path, said: Said, done: threading.Event) -> None:
    """Until done; a full disk, of which the training will speak itself, is no reason to stop."""
    while True:
        try:
            seen = snapshot()
            write_pulse(folder, Pulse(time.time(), seen.phase, said.text, seen.still_s, seen.waits, seen.at))
        except OSError:
            logging.getLogger(__name__).warning("no sign of life could be written", exc_info=True)
        if done.wait(PULSE_S):
            return


def run(call: Call, attempt: Path, task: str) -> None:
    """Runs the executor; what another task than the chief saves goes into its own folder, which does not stay."""
    startup.prepare_process()
    from components.distributed_trainer.trainer_executor import TrainerExecutor

    if task != call.cluster.chief.name:
        call.model.uri = str(attempt / task / "scratch")
        # The executor asks for a model in the end, of which this task may save none.
        os.makedirs(path_utils.serving_model_dir(call.model.uri), exist_ok=True)
    TrainerExecutor().Do(call.inputs, call.outputs, call.properties)
    if task == call.cluster.chief.name:
        write_json(attempt / MARKER, {"model": call.model.uri})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
