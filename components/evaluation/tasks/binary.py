"""Evaluation of a binary task."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.evaluation import metrics
from components.evaluation.columns import Columns, labels, scores, text_labels
from components.evaluation.metrics import Groups, Metric, Rows, log_losses, make_rows
from components.evaluation.tasks.protocol import Floats, MetricKind, Values
from components.evaluation.units import Units
from pipeline.label import Label

ONE_LABEL = "undefined: all rows have the same label"
NO_POSITIVE = "undefined: no row has label 1"
NOTHING_TO_RANK = "undefined: no group of several rows has one with label 1"
AREA, DECIDED = ("name", "num_thresholds"), ("name", "thresholds")
IN_GROUPS = ("name", "group_by", "top_k")


def within(kind: str, name: str, undefined: str, arguments: tuple[str, ...] = IN_GROUPS) -> MetricKind:
    """Return a metric of the order within groups, of which TFMA knows only our class."""
    return MetricKind(
        kind, name, metrics.within_groups, "higher", undefined=undefined, arguments=arguments,
        module="components.evaluation.ranked.tfma_metrics",
    )  # fmt: skip


KINDS = (
    MetricKind("AUC", "auc", metrics.auc, "higher", undefined=ONE_LABEL, arguments=AREA),
    MetricKind(
        "AUCPrecisionRecall", "auc_precision_recall", metrics.auc_precision_recall, "higher", undefined=ONE_LABEL,
        arguments=AREA,
    ),
    within("GroupAUC", "group_auc", "undefined: no group has both labels", ("name", "group_by")),
    within("GroupNDCG", "group_ndcg", NOTHING_TO_RANK),
    within("GroupMAP", "group_map", NOTHING_TO_RANK),
    within("GroupHitRate", "group_hit_rate", NOTHING_TO_RANK),
    MetricKind("BinaryCrossEntropy", "binary_crossentropy", metrics.binary_cross_entropy, "lower", "positive"),
    MetricKind("BinaryAccuracy", "binary_accuracy", metrics.binary_accuracy, "higher", arguments=("name", "threshold")),
    MetricKind(
        "Precision", "precision", metrics.precision, "higher", undefined="undefined: no row is predicted positive",
        arguments=DECIDED,
    ),
    MetricKind("Recall", "recall", metrics.recall, "higher", undefined=NO_POSITIVE, arguments=DECIDED),
    MetricKind("Calibration", "calibration", metrics.calibration, "one", "positive", NO_POSITIVE),
    MetricKind("MeanPrediction", "mean_prediction", metrics.mean_prediction, ""),
    MetricKind("MeanLabel", "mean_label", metrics.mean_label, None),
    MetricKind("ExampleCount", "example_count", metrics.example_count, None),
)  # fmt: skip


@dataclass(frozen=True)
class BinaryEvaluation:
    """Labels are 0 and 1, or two texts that stand for them; a prediction is the probability of 1."""

    label: Label
    kinds: ClassVar[tuple[MetricKind, ...]] = KINDS
    expected: ClassVar[str] = "a number in [0, 1]"

    def labels(self, rows: Columns) -> Values:
        """Return the labels, 0 or 1."""
        if self.label.values:
            return text_labels(rows, self.label.column, self.label.values)
        return labels(rows, self.label.column)

    def labels_or_nan(self, rows: Columns) -> Floats:
        """Return the labels as numbers, nan where a row has none."""
        column = rows[self.label.column]
        if self.label.values:
            column = pc.index_in(column, value_set=pa.array(self.label.values))
        return np.asarray(column.to_numpy(), np.float64)

    def predictions(self, rows: Columns, column: str) -> Values:
        """Return the scores of a model, (rows,), each of which must be in [0, 1]."""
        return scores(rows, column)

    def losses(self, label: Values, prediction: Values) -> Floats:
        """Return the cross-entropy of each row; see ``log_losses``."""
        return log_losses(label, prediction)

    def make_rows(
        self, label: Values, prediction: Values, metrics: Mapping[Any, Metric], units: Units, groups: Groups
    ) -> Rows:
        """Return the rows with the ranks that the metrics need."""
        return make_rows(label, prediction, metrics.values(), units, groups)
