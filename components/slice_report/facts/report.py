"""The report as a whole: the schema of ``report.json``, the only source of the page."""

from dataclasses import dataclass
from typing import Literal

from components.evaluation.verdict import Verdict
from components.slice_report.facts.card import Card
from components.slice_report.facts.data import Data
from components.slice_report.facts.model import Comparison, Importance, RankedGroups, Sensitive, Slice, WeakSegments
from components.slice_report.facts.provenance import Lineage, Training
from components.slice_report.facts.worst_rows import LabelSuspects, WorstRows
from pipeline.label import Label

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Missing:
    """A part that could not be made, the reason, and the remedy."""

    part: str
    why: str
    next_step: str = ""


@dataclass(frozen=True)
class Run:
    """The run; ``failed_at`` names the node that failed, if one did, and ``error`` its error.

    ``label_values`` are the texts that stand for label 0 and label 1; none if the labels are these numbers.
    """

    pipeline: str
    run: str
    workload: str
    label: str
    baseline_run: str | None = None
    failed_at: str = ""
    error: str = ""
    label_values: tuple[str, ...] = ()

    @property
    def target(self) -> Label:
        """The label with its task."""
        return Label(self.label, positive=self.label_values[1] if self.label_values else None, values=self.label_values)


@dataclass(frozen=True)
class Report:
    """The whole report; a part that is None or empty is explained in ``missing``.

    ``areas`` tells how AUC and AUCPrecisionRecall were computed: ``exact``, or ``stock``, over TFMA's fixed thresholds,
    as in releases without this field. ``cluster_by`` holds the columns that name the units of rows for intervals; each
    row is a unit without them. ``ranked`` is None if no metric ranks rows within groups. ``suspects`` is None in
    reports of earlier releases.
    """

    schema_version: int
    run: Run
    missing: tuple[Missing, ...]
    decision_threshold: float
    primary_metric: str
    verdict: Verdict | None = None
    comparisons: tuple[Comparison, ...] = ()
    slices: tuple[Slice, ...] = ()
    weak: WeakSegments | None = None
    fairness: tuple[Sensitive, ...] = ()
    calibration_error: float | None = None
    data: Data | None = None
    training: Training | None = None
    importances: tuple[Importance, ...] = ()
    worst_rows: WorstRows | None = None
    lineage: Lineage | None = None
    card: Card | None = None
    confidence: float = 0.95
    areas: Literal["exact", "stock"] = "stock"
    cluster_by: tuple[str, ...] = ()
    ranked: RankedGroups | None = None
    suspects: LabelSuspects | None = None
