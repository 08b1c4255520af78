"""``python -m components.distributed_trainer.worker FOLDER ATTEMPT TASK``: run one task of a training.

It runs Trainer's executor with the TF_CONFIG that its launcher set. Every second it writes a heartbeat that holds the
progress of the main thread, since a live heartbeat thread proves nothing about the one that trains.
"""

import importlib
import logging
import os
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from components.compat.tfx import startup
from components.distributed_trainer.task_files import (
    MARKER,
    Heartbeat,
    TrainerCall,
    read_call,
    write_failure,
    write_heartbeat,
)
from components.support.atomic_files import write_json
from components.support.failure import as_failure
from components.support.heartbeat import beat, snapshot
from pipeline.nodes import TRAINER

HEARTBEAT_S = 1.0


class ProgressHandler(logging.Handler):
    """Keeps the latest progress message of the training, and prints all of them."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Handle a message of the logger ``mainline.progress``."""
        self.text = record.getMessage()
        print(self.text, flush=True)


def main(arguments: list[str]) -> int:
    """Run a task; return 0, or 1 with the error in ``error.json``."""
    folder, attempt, task = Path(arguments[0]), arguments[1], arguments[2]
    startup.prepare_process()
    # Before the first heartbeat: while libraries are loaded, no other thread may run for seconds.
    importlib.import_module("tfx.types.artifact_utils")
    beat("starting")
    with heartbeats(folder / attempt / task):
        try:
            run(read_call(folder), folder / attempt, task)
        except BaseException as error:
            traceback.print_exc()
            write_failure(folder / attempt / task, as_failure(error, TRAINER))
            return 1
    return 0


@contextmanager
def heartbeats(folder: Path) -> Iterator[None]:
    """Write a heartbeat now and every second, from a thread that stops when the process is stopped."""
    handler, done = ProgressHandler(), threading.Event()
    progress = logging.getLogger("mainline.progress")
    progress.setLevel(logging.INFO)
    progress.addHandler(handler)
    thread = threading.Thread(target=write_heartbeats, args=(folder, handler, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(HEARTBEAT_S)
        progress.removeHandler(handler)


def write_heartbeats(folder: Path, handler: ProgressHandler, done: threading.Event) -> None:
    """Write heartbeats until done; a full disk is no reason to stop, the training will report it itself."""
    while True:
        try:
            seen = snapshot()
            heartbeat = Heartbeat(time.time(), seen.phase, handler.text, seen.still_s, seen.waits, seen.at)
            write_heartbeat(folder, heartbeat)
        except OSError:
            logging.getLogger(__name__).warning("the heartbeat could not be written", exc_info=True)
        if done.wait(HEARTBEAT_S):
            return


def run(call: TrainerCall, attempt: Path, task: str) -> None:
    """Run the executor; every task but the chief saves its model to a temporary folder of its own."""
    from tfx.utils import path_utils

    from components.distributed_trainer.trainer_executor import TrainerExecutor

    if task != call.cluster.chief.name:
        call.model.uri = str(attempt / task / "scratch")
        # The executor checks that there is a model, which this task need not save.
        os.makedirs(path_utils.serving_model_dir(call.model.uri), exist_ok=True)
    TrainerExecutor().Do(call.inputs, call.outputs, call.properties)
    if task == call.cluster.chief.name:
        write_json(attempt / MARKER, {"model": call.model.uri})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
