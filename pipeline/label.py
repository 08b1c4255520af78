"""What a workload predicts, as data: the label's column and its task. What follows from a task is one module of it.

For training and serving that is a module of ``pipeline.task``, for metrics and the report one of
``components.evaluation.tasks``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeAlias


@dataclass(frozen=True)
class Binary:
    """Whether something is so: the labels are 0 and 1, or two texts, and the model returns the probability of 1.

    Attributes:
        name: in messages and files.
        dtype: of the label in transformed rows.
        width: the number of outputs of the model for a row.
        prediction_key: the name of what the model's signature returns.
    """

    name: ClassVar[str] = "binary"
    dtype: ClassVar[Literal["int64", "float32"]] = "int64"
    width: ClassVar[int] = 1
    prediction_key: ClassVar[str] = "score"


Task: TypeAlias = Binary
TASKS: Mapping[str, type[Task]] = {task.name: task for task in (Binary,)}


@dataclass(frozen=True)
class Label:
    """The column of the label, and the task.

    ``positive`` is the text that counts as 1 in a column of two texts; the other one is found in the schema, after
    which ``values`` are the texts that stand for 0 and for 1.

    >>> Label("late").as_data(), Label("churned", positive="yes").is_plain
    ('late', False)
    """

    column: str
    task: Task = field(default_factory=Binary)
    positive: str | None = None
    values: tuple[str, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether the name of the column says all: its labels are 0 and 1."""
        return self == Label(self.column)

    def as_data(self) -> str | dict[str, Any]:
        """Return the label for JSON: the name of the column if it is all that there is to say, else everything."""
        if self.is_plain:
            return self.column
        return {
            "column": self.column, "task": self.task.name, "positive": self.positive, "values": list(self.values)
        }  # fmt: skip


def label_of(data: str | Mapping[str, Any]) -> Label:
    """Return the label that ``as_data`` gave.

    >>> label_of(Label("churned", positive="yes", values=("no", "yes")).as_data()).values
    ('no', 'yes')
    """
    if isinstance(data, str):
        return Label(data)
    return Label(data["column"], TASKS[data["task"]](), data["positive"], tuple(data["values"]))
