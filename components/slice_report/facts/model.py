"""Facts about the model: comparisons, slices, weak segments, rates by group, importances.

All shares, rates and scores are in [0, 1]; every interval is a 95 % one. A float may be nan or infinite.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from components.evaluation.verdict import Measured
from pipeline.criteria import SliceKey

BINS = 200


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

    features: SliceKey
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

    features: SliceKey
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
