"""What a report says, as typed rows: the schema of ``report.json``, which the page is drawn from and from nothing else.

All shares, rates and scores are in [0, 1]; every interval is a 95 % one. A float may be nan or infinite.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from components.slice_report.checks import Measured, Verdict

SCHEMA_VERSION = 1
BINS = 200
# The values of a column that are too many to name, as one.
OTHER = "(other values)"
Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Missing:
    """A part of the report that could not be made, why, and what would make it."""

    part: str
    why: str
    next_step: str = ""


@dataclass(frozen=True)
class Run:
    """Which run the report is about; ``failed_at`` names the node that failed, if one did, and ``error`` says how."""

    pipeline: str
    run: str
    workload: str
    label: str
    baseline_run: str | None = None
    failed_at: str = ""
    error: str = ""


@dataclass(frozen=True)
class ScoreCounts:
    """Rows by score on the grid of ``BINS`` equal bins, from which any curve can be drawn.

    Attributes:
        positives: (BINS,) rows with label 1; bin k holds the scores in (k / BINS, (k + 1) / BINS], bin 0 also 0.0, so
            that "score > k / BINS" is exactly the bins from k on.
        negatives: (BINS,) likewise, with label 0.
        score_sums: (20,) the sum of the scores in each run of BINS / 20 bins, for calibration.
    """

    positives: tuple[int, ...]
    negatives: tuple[int, ...]
    score_sums: tuple[float, ...]


@dataclass(frozen=True)
class Comparison:
    """One metric on all test rows: the model, the last blessed model, and the one that always says the base rate.

    ``better`` is ``higher``, ``lower``, ``one`` (the nearer to 1 the better) or empty.
    """

    metric: str
    better: str
    candidate: Measured
    baseline: Measured | None
    trivial: Measured | None
    to_baseline: Measured | None
    to_trivial: Measured | None


@dataclass(frozen=True)
class Importance:
    """By how much the mean log loss grows when a column is shuffled (Breiman 2001), on ``rows`` sampled test rows."""

    scope: str
    rows: int
    columns: tuple[tuple[str, Measured], ...]


@dataclass(frozen=True)
class Slice:
    """The metrics of the rows where some features have given values; all rows have no features.

    Attributes:
        metrics: by TFMA's name of the metric, such as ``auc``.
        to_baseline: candidate minus baseline.
        excludes_overall: metrics whose interval does not hold the value of all rows.
        too_small: why the rows are too few to say much; empty when they are not.
        missing_intervals: why there are no intervals; empty when there are.
    """

    features: Pairs
    rows: int
    share: float
    metrics: Mapping[str, Measured]
    to_baseline: Mapping[str, Measured] = field(default_factory=dict)
    excludes_overall: tuple[str, ...] = ()
    too_small: str = ""
    missing_intervals: str = ""
    scores: ScoreCounts | None = None

    @property
    def name(self) -> str:
        """In words: ``sex=Female, race=Black``."""
        return ", ".join(f"{name}={value}" for name, value in self.features) or "overall"


@dataclass(frozen=True)
class Segment:
    """Rows where the model is worse than elsewhere though nobody asked: one or two features with values or ranges.

    ``difference``: the log loss of the segment minus that of all other rows; ``p_adjusted`` is for all segments tried.
    """

    features: Pairs
    rows: int
    share: float
    log_loss: float
    log_loss_elsewhere: float
    difference: Measured
    p_adjusted: float


@dataclass(frozen=True)
class WeakSegments:
    """The outcome of the search for weak segments: how many were tried, at which level, and those that passed."""

    tried: int
    level: float
    min_rows: int
    found: tuple[Segment, ...]


@dataclass(frozen=True)
class Group:
    """One value of a sensitive feature; ``rates`` are ``selection``, ``tpr``, ``fpr``, ``ppv`` at the threshold."""

    value: str
    rows: int
    too_small: str
    rates: Mapping[str, Measured]
    scores: ScoreCounts


@dataclass(frozen=True)
class Gap:
    """A rate of the best and of the worst group; best is the highest, and for ``fpr`` the lowest."""

    rate: str
    best: str
    worst: str
    difference: float
    ratio: float


@dataclass(frozen=True)
class Sensitive:
    """Rates by group for a feature that the config calls sensitive; groups that are too small take part in no gap."""

    feature: str
    groups: tuple[Group, ...]
    gaps: tuple[Gap, ...]


@dataclass(frozen=True)
class Bar:
    """A bar of a histogram: its value or range, as text, and its rows."""

    label: str
    rows: float


@dataclass(frozen=True)
class ColumnStats:
    """One column in one split; numbers are None for text, ``distinct`` is None for numbers.

    With ``estimated`` the values were too many to be counted one by one: ``distinct`` and the bars are estimates.
    """

    column: str
    split: str
    type: str
    rows: int
    missing: float
    distinct: int | None
    mean: float | None
    std_dev: float | None
    minimum: float | None
    median: float | None
    maximum: float | None
    zeros: float | None
    histogram: tuple[Bar, ...]
    estimated: bool = False


@dataclass(frozen=True)
class GateEntry:
    """An anomaly and what became of it: ``blocked``, ``accepted`` (with the reason) or ``below level``."""

    outcome: str
    feature: str
    rule: str
    seen: str
    split: str
    severity: str
    reason: str = ""


@dataclass(frozen=True)
class SchemaChange:
    """How the schema of a column differs from that of the last blessed run; empty text where there was none."""

    column: str
    before: str
    after: str


@dataclass(frozen=True)
class Drift:
    """How far a column of this run's training rows is from the baseline's, by ``L-infinity`` or ``Jensen-Shannon``.

    Rows without a value, of which ``missing`` and ``missing_before`` are the shares, count in the distance.
    """

    column: str
    measure: str
    distance: float
    bound: float
    missing: float = math.nan
    missing_before: float = math.nan

    @property
    def exceeded(self) -> bool:
        """Whether the distance is over its bound."""
        return self.distance > self.bound


@dataclass(frozen=True)
class Leak:
    """Whole rows (``what`` is ``rows``), or values of the id column ``what``, of a split that another split has too.

    ``shared`` counts rows of ``split``, ``share`` is their share of it. Ids that repeat are not always a leak: whether
    they are is for the reviewer to judge.
    """

    what: str
    split: str
    also_in: str
    shared: int
    share: float


@dataclass(frozen=True)
class NewCategory:
    """Values of a text column that a later split has and the training rows have not; ``values`` names some."""

    column: str
    split: str
    distinct: int
    rows: int
    values: tuple[str, ...]


@dataclass(frozen=True)
class Data:
    """The rows and their schema; what a first run has nothing to compare with is None."""

    columns: tuple[ColumnStats, ...] = ()
    gate: tuple[GateEntry, ...] = ()
    schema_changes: tuple[SchemaChange, ...] | None = None
    drift: tuple[Drift, ...] | None = None
    leaks: tuple[Leak, ...] = ()
    new_categories: tuple[NewCategory, ...] = ()


@dataclass(frozen=True)
class Training:
    """How the model was fitted.

    ``curves`` holds each metric by epoch, those of the eval split prefixed ``val_``; ``best_epoch`` counts from 1.
    ``warnings`` are what was found wrong with the model, in plain words.
    """

    curves: Mapping[str, tuple[float, ...]]
    best_epoch: int
    steps: int
    steps_per_epoch: int
    examples_per_s: float
    elapsed_s: float
    strategy: str
    workers: int
    settings: Pairs
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class ArtifactFact:
    """An artifact of this run in ML Metadata: ``producer`` is the node that wrote it."""

    id: int
    type: str
    producer: str
    output: str
    uri: str
    digest: str = ""


@dataclass(frozen=True)
class ConfigChange:
    """A key of the config whose value differs from the baseline's; empty text where a key is not there."""

    key: str
    before: str
    after: str


@dataclass(frozen=True)
class Lineage:
    """Where the model comes from. ``edges`` are (artifact id, node that read it); all pairs are (name, value)."""

    config: Pairs
    config_changes: tuple[ConfigChange, ...] | None
    sources: Pairs
    data: Pairs
    artifacts: tuple[ArtifactFact, ...]
    edges: tuple[tuple[int, str], ...]
    versions: Pairs
    model_digest: str
    signature_digest: str | None = None


@dataclass(frozen=True)
class Card:
    """What the team says of the model, in words (Mitchell et al. 2019, https://doi.org/10.1145/3287560.3287596)."""

    title: str
    summary: str
    intended_use: tuple[str, ...]
    out_of_scope: tuple[str, ...]
    limits: tuple[str, ...]
    ethics: tuple[str, ...]
    owners: tuple[str, ...]
    licence: str


@dataclass(frozen=True)
class Report:
    """The whole report; a part that is None or empty for want of something is explained in ``missing``.

    ``areas`` says how AUC and AUCPrecisionRecall were computed: ``exact``, or ``stock``, over fixed thresholds as TFMA
    does, which is how releases did that did not say.
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
    lineage: Lineage | None = None
    card: Card | None = None
    confidence: float = 0.95
    areas: Literal["exact", "stock"] = "stock"


@dataclass(frozen=True)
class Decision:
    """What a reviewer decided on a report: ``approved`` or ``rejected``; ``decided_at`` is ISO 8601, UTC."""

    decision: str
    by: str
    note: str
    report_digest: str
    decided_at: str
