"""The metrics of a part of the rows minus those of all others, for many parts of the same rows."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.evaluation.groups.sizes import too_few_units, too_small
from components.evaluation.influence import StandardError, Values, error_of, total
from components.evaluation.metrics import Metric, Rows, decided
from components.evaluation.ranked.areas import roc_influences, roc_of_counts
from components.evaluation.tasks.registry import scale_of
from components.evaluation.verdict import Measurement, difference_of, measure

Floats = NDArray[np.float64]
Index = NDArray[Any]
# Scores are put into so many bins of about equally many rows, and are tied within a bin: exact for fewer distinct
# scores, and otherwise off by about the square of the width of a bin.
BINS = 16_384


class PartAndRest:
    """Rows, prepared so that comparing a part with the others takes one pass.

    AUC, recall and calibration are compared, which do not depend on the share of positives. Other metrics differ
    wherever that share does.
    """

    def __init__(self, rows: Rows, metric: Metric) -> None:
        positive = rows.label == 1
        self.units = rows.units
        self.cell = (bins_of(rows.ranks[metric.thresholds]) * 2 + positive).astype(np.int32)
        self.cells = np.bincount(self.cell, minlength=2 * (int(self.cell.max(initial=0)) // 2 + 1)).reshape(-1, 2)
        self.by_unit = self.rows_by_unit(np.arange(len(self.cell)))
        self.ratios: Mapping[str, tuple[Values, Values]] = {
            "recall": (decided(rows, metric) & positive, positive),
            "calibration": (rows.score, positive),
        }

    def differences(self, index: Index) -> dict[str, Measurement]:
        """Return each metric of the rows at ``index`` minus that of all others.

        Empty if one side lacks a label, or if the others are too few to conclude from.
        """
        part = np.bincount(self.cell[index], minlength=self.cells.size).reshape(-1, 2)
        rest = self.cells - part
        if not (part.sum(axis=0) * rest.sum(axis=0)).all():
            return {}
        inside = self.rows_by_unit(index)
        negatives, positives = rest.sum(axis=0)
        if too_small(int(positives), int(negatives)) or self.too_few_outside(inside):
            return {}
        fewest = self.fewest(inside)
        found = {"auc": self.auc(index, part, rest)}
        found |= {name: self.ratio(index, *pair) for name, pair in self.ratios.items()}
        return {name: measure(value, self.error(influence, fewest), difference_of(scale_of(name)))
                for name, (value, influence) in found.items()}  # fmt: skip

    def auc(self, index: Index, part: NDArray[np.int64], rest: NDArray[np.int64]) -> tuple[float, Floats]:
        """Return the difference, and the influence of each row on it, (rows,)."""
        values = [roc_of_counts(counts) for counts in (part, rest)]
        of_part, of_rest = (
            np.stack(roc_influences(counts, value), axis=1).ravel()
            for counts, value in zip((part, rest), values, strict=True)
        )
        influence = -of_rest[self.cell]
        influence[index] = of_part[self.cell[index]]
        return values[0] - values[1], influence

    def ratio(self, index: Index, numerator: Values, denominator: Values) -> tuple[float, Floats]:
        """Return the difference of two ratios of sums, and the influence of each row on it, (rows,)."""
        above, below = numerator[index], denominator[index]
        sum_above, sum_below = total(above), total(below)
        rest_below = total(denominator) - sum_below
        of_part, of_rest = sum_above / sum_below, (total(numerator) - sum_above) / rest_below
        influence = (denominator * of_rest - numerator) / rest_below
        influence[index] = (above - of_part * below) / sum_below
        return of_part - of_rest, influence

    def rows_by_unit(self, index: Index) -> NDArray[np.int64]:
        """Count the rows at ``index`` by label and unit, (2, units); by label, (2, 1), where each row is a unit."""
        positive = self.cell[index] % 2
        if self.units.code is None:
            return np.bincount(positive, minlength=2).reshape(2, 1)
        count = self.units.count
        return np.bincount(positive * count + self.units.code[index], minlength=2 * count).reshape(2, count)

    def too_few_outside(self, inside: NDArray[np.int64]) -> bool:
        """Return True if the other rows are of too few units."""
        if self.units.code is None:
            return False
        return bool(too_few_units(int(np.count_nonzero((self.by_unit - inside).sum(axis=0)))))

    def fewest(self, inside: NDArray[np.int64]) -> int:
        """Return the least number of units that have rows of one label on one side, given the counts of the part."""
        sides = (inside, self.by_unit - inside)
        if self.units.code is None:
            return int(min(side.min() for side in sides))
        return int(min(np.count_nonzero(side, axis=1).min() for side in sides))

    def error(self, influence: Floats, fewest: int) -> StandardError | None:
        """Return the standard error of a difference; None if it rests on fewer than two units."""
        return error_of(self.units.total(influence), fewest) if fewest > 1 else None


def bins_of(ranks: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return a bin for each rank, (rows,), in their order; at most 16,384.

    >>> bins_of(np.array([5, -3, 5, 9], np.int32)).tolist()
    [1, 0, 1, 2]
    """
    edges = np.unique(ranks)
    if len(edges) > BINS:
        ordered = np.sort(ranks)
        edges = np.unique(ordered[np.linspace(0, len(ordered) - 1, BINS).astype(np.int64)])
    return np.searchsorted(edges, ranks, side="right") - 1
