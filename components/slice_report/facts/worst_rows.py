"""Facts about single test rows: those on which the model is most wrong, and those whose label may be."""

from dataclasses import dataclass

# The name of the scope of the label suspects; those of slices are ``overall`` or contain ``=``.
SUSPECTS = "label suspects"
# One or two rows are no pattern, however unlikely they are.
FEWEST_SUSPECTS = 3


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
    """A slice, a weak segment or ``SUSPECTS`` by name, and its worst rows as positions in ``WorstRows.rows``."""

    name: str
    rows: tuple[int, ...]


@dataclass(frozen=True)
class WorstRows:
    """The rows with the highest loss, each once, and where they are the worst."""

    columns: tuple[str, ...]
    features: tuple[str, ...]
    rows: tuple[WorstRow, ...]
    scopes: tuple[Scope, ...]


@dataclass(frozen=True)
class LabelTail:
    """The rows with a confident score on one side.

    Attributes:
        label: the label that the model calls unlikely: 1 for low scores, 0 for high ones.
        suspects: the rows that have it; ``expected`` is their number by the scores.
        p_value: of so many suspects if scores are true probabilities, one-sided, by unit.
    """

    label: int
    rows: int
    suspects: int
    expected: float
    p_value: float


@dataclass(frozen=True)
class LabelSuspects:
    """Rows whose label contradicts a confident score.

    Attributes:
        unlikely: the highest probability of a label that counts as contradicted.
        level: the probability that a tail is found although scores are true probabilities, over all tails.
    """

    unlikely: float
    level: float
    tails: tuple[LabelTail, ...]

    @property
    def found(self) -> tuple[LabelTail, ...]:
        """The tails with significantly more suspects than expected, and at least ``FEWEST_SUSPECTS``."""
        enough = (tail for tail in self.tails if tail.suspects >= FEWEST_SUSPECTS)
        return tuple(tail for tail in enough if tail.p_value <= self.level / len(self.tails))
