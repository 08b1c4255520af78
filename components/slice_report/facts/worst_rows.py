"""Facts about single test rows: those on which the model is most wrong."""

from dataclasses import dataclass


@dataclass(frozen=True)
class WorstRow:
    """A test row with a high log loss.

    Attributes:
        number: its position among the test rows, counted from 1.
        label: 0 or 1.
        score: of the model.
        loss: log loss of the row, natural logarithm.
        values: its values as text, one for each of ``WorstRows.columns``.
        contributions: for each of ``WorstRows.features``, the score minus the mean score with values of other rows in
            that column; empty if it was not computed.
    """

    number: int
    label: int
    score: float
    loss: float
    values: tuple[str, ...]
    contributions: tuple[float, ...] = ()


@dataclass(frozen=True)
class Scope:
    """A slice or a weak segment by name, and its worst rows, the worst first, as positions in ``WorstRows.rows``."""

    name: str
    rows: tuple[int, ...]


@dataclass(frozen=True)
class WorstRows:
    """The rows with the highest loss, each once, and where they are the worst."""

    columns: tuple[str, ...]
    features: tuple[str, ...]
    rows: tuple[WorstRow, ...]
    scopes: tuple[Scope, ...]
