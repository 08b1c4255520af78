"""The best that a model can do: AUC and log loss of the true probabilities, overall and by slice, counted exactly."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from data.simulation.draws import Integers

OVERALL = "overall"
MISSING = "missing"


class Tally:
    """Counts of rows and clicks by probability, for all rows and for each value of some columns.

    Probabilities are given as whole numbers below ``grain``, in units of 1 / ``grain``. Memory grows with the grain and
    the number of values, about 1 MB a value for 65,536, and not with the rows.
    """

    def __init__(self, grain: int, values: Mapping[str, Sequence[str | None]]) -> None:
        self._grain, self._values = grain, {OVERALL: (OVERALL,), **values}
        self._counts = {name: np.zeros((len(of), 2, grain), np.int64) for name, of in self._values.items()}

    def add(self, chance: Integers, clicked: Integers, codes: Mapping[str, npt.NDArray[Any]]) -> None:
        """Count some rows; ``codes`` has the place of each row's value among the values of each column."""
        outcome = clicked * self._grain + chance
        for name, counts in self._counts.items():
            cell = outcome if name == OVERALL else codes[name] * (2 * self._grain) + outcome
            counts += np.bincount(cell, minlength=counts.size).reshape(counts.shape)

    def ideal(self) -> dict[str, Any]:
        """Return ``best`` of all rows under 'overall', and by value under the name of each column."""
        best_of = {
            name: {value or MISSING: best(*self._counts[name][place]) for place, value in enumerate(values)}
            for name, values in self._values.items()
        }
        return {**best_of, OVERALL: best_of[OVERALL][OVERALL]}


def best(skipped: Integers, clicked: Integers) -> dict[str, Any]:
    """Return what a model that knows every true probability reaches on rows counted by probability.

    Args:
        skipped: (grain,) rows without a click, by probability in units of 1 / grain.
        clicked: (grain,) rows with a click.

    ``auc`` and ``log_loss`` are of these labels; the expected ones are the means over all labels that the same
    probabilities might have drawn (of the AUC: of the pairs, not of the ratio). None where there is nothing to rank.

    >>> best(np.array([0, 2, 1, 0]), np.array([0, 0, 0, 1]))["auc"]
    1.0
    """
    shown = skipped + clicked
    rows, clicks = int(shown.sum()), int(clicked.sum())
    chance = np.arange(len(shown)) / len(shown)
    would_click = shown * chance
    return {
        "rows": rows,
        "clicks": clicks,
        "click_rate": ratio(clicks, rows),
        "expected_click_rate": ratio(would_click.sum(), rows),
        "auc": ratio(won(skipped, clicked), 2 * clicks * (rows - clicks)),
        "expected_auc": expected_auc(shown, chance),
        "log_loss": ratio(surprise(skipped, clicked, chance), rows),
        "expected_log_loss": ratio(surprise(shown - would_click, would_click, chance), rows),
    }


def won(skipped: npt.NDArray[Any], clicked: npt.NDArray[Any]) -> Any:
    """Return twice the number of pairs in which the click has the higher probability, plus the ties.

    In whole numbers it is exact for up to four billion rows.
    """
    return (clicked * (2 * (np.cumsum(skipped) - skipped) + skipped)).sum()


def expected_auc(shown: Integers, chance: npt.NDArray[np.float64]) -> float | None:
    """Return the expected number of pairs that are ranked right over that of pairs, which are of two different rows."""
    would_click, would_skip = shown * chance, shown * (1 - chance)
    itself = (would_click * (1 - chance)).sum()
    pairs = would_click.sum() * would_skip.sum() - itself
    return ratio(won(would_skip, would_click) - itself, 2 * pairs) if shown.sum() > 1 else None


def surprise(skipped: npt.NDArray[Any], clicked: npt.NDArray[Any], chance: npt.NDArray[np.float64]) -> float:
    """Return the summed log loss, in nats; nothing may be counted at a probability of 0."""
    return float(-(clicked[1:] * np.log(chance[1:]) + skipped[1:] * np.log1p(-chance[1:])).sum())


def ratio(part: Any, whole: Any) -> float | None:
    """Return part over whole, or None when there is no whole."""
    return float(part) / float(whole) if whole else None
