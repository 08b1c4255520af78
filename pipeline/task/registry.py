"""The training side of every task."""

from collections.abc import Callable, Mapping

from pipeline.label import Binary, Label, Task
from pipeline.task.binary import BinaryTraining
from pipeline.task.protocol import TrainingTask

TRAINING: Mapping[type[Task], Callable[[Label], TrainingTask]] = {Binary: BinaryTraining}


def training_of(label: Label) -> TrainingTask:
    """Return how the task of a label is trained and served."""
    return TRAINING[type(label.task)](label)
