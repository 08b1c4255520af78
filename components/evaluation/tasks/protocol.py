"""What evaluation asks of a task: its metrics, its labels and its predictions; each task is one module here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from components.evaluation.columns import Columns
from components.evaluation.influence import Linearized
from components.evaluation.intervals import Scale
from components.evaluation.metrics import Groups, Metric
from components.evaluation.units import Units

Values: TypeAlias = NDArray[Any]
Floats: TypeAlias = NDArray[np.float64]
Side: TypeAlias = Literal["higher", "lower", "one", ""]


class TaskRows(Protocol):
    """The predictions of one model, with what the metrics of the task need."""

    units: Units

    def part(self, index: NDArray[np.int64]) -> Any:
        """Return the rows at these positions, ascending and each once."""
        ...


@dataclass(frozen=True)
class MetricKind:
    """A metric of a task; kinds and names are unique over all tasks.

    Attributes:
        kind: the class in TFMA's config.
        name: in results.
        formula: from the rows of the task to the metric with the influence of each row.
        better: the side that is better, ``""`` if none is; None leaves it out of comparisons with a baseline.
        scale: of its values, for intervals.
        undefined: why it may have no value.
        arguments: the keys that it accepts in an EvalConfig.
        module: of the class, if it is not TFMA's.
    """

    kind: str
    name: str
    formula: Callable[[Any, Metric], Linearized]
    better: Side | None
    scale: Scale = "share"
    undefined: str = ""
    arguments: tuple[str, ...] = ("name",)
    module: str = ""


class EvaluationTask(Protocol):
    """A task in numpy. Predictions are (rows,), or (rows, width) where the model has several outputs."""

    @property
    def kinds(self) -> tuple[MetricKind, ...]:
        """The metrics in the order of the report."""
        ...

    @property
    def expected(self) -> str:
        """What the outputs of a model must be, in words."""
        ...

    def labels(self, rows: Columns) -> Values:
        """Return the labels, (rows,), as the metrics take them.

        Raises:
            DataError: a row has none that is valid.
        """
        ...

    def labels_or_nan(self, rows: Columns) -> Floats:
        """Return the labels as numbers, (rows,), nan where a row has none."""
        ...

    def predictions(self, rows: Columns, column: str) -> Values:
        """Return what a model predicts.

        Raises:
            MainlineError: a prediction is not usable; the message names the first such row, counted from 1.
        """
        ...

    def losses(self, label: Values, prediction: Values) -> Floats:
        """Return the loss of each row, (rows,)."""
        ...

    def make_rows(
        self, label: Values, prediction: Values, metrics: Mapping[Any, Metric], units: Units, groups: Groups
    ) -> TaskRows:
        """Return the rows of one model."""
        ...
