"""Facts about the model: comparisons, slices, weak segments, rates by group, importances.

All shares, rates and scores are in [0, 1]; every interval is a 95 % interval. A float may be nan or infinite.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from components.evaluation.verdict import Measurement
from pipeline.criteria import SliceKey

BINS = 200
FOUR_FIFTHS = 0.8


@dataclass(frozen=True)
class ScoreCounts:
    """Rows by score, on a grid of ``BINS`` equal bins, from which any curve can be drawn.

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
    """One metric on all test rows: of the model, of the baseline, and of always predicting the base rate.

    ``better`` is ``higher``, ``lower``, ``one`` (closer to 1 is better) or empty.
    """

    metric: str
    better: str
    candidate: Measurement
    baseline: Measurement | None
    trivial: Measurement | None
    to_baseline: Measurement | None
    to_trivial: Measurement | None


@dataclass(frozen=True)
class Importance:
    """The increase in mean log loss when a column is shuffled (Breiman 2001).

    It is measured on ``rows`` test rows, a sample of ``drawn_from``, which is None in reports of earlier releases.
    """

    scope: str
    rows: int
    columns: tuple[tuple[str, Measurement], ...]
    drawn_from: int | None = None


@dataclass(frozen=True)
class Slice:
    """The metrics of the rows in which some features have given values; without features, of all rows.

    Attributes:
        metrics: by TFMA's name of the metric, such as ``auc``.
        to_baseline: candidate minus baseline.
        to_rest: this slice minus all other rows, of metrics that do not depend on the share of positives.
        differs: the metrics of ``to_rest`` that differ, at a false discovery rate of 5 % over all slices.
        regressed: the metrics of ``to_baseline`` that are worse, likewise.
        units: the number of units, such as users, that have rows here; None if each row is one.
        too_small: why the rows are too few to conclude from; empty if they are enough.
        missing_intervals: why there are no intervals; empty if there are.
    """

    features: SliceKey
    rows: int
    share: float
    metrics: Mapping[str, Measurement]
    to_baseline: Mapping[str, Measurement] = field(default_factory=dict)
    to_rest: Mapping[str, Measurement] = field(default_factory=dict)
    differs: tuple[str, ...] = ()
    regressed: tuple[str, ...] = ()
    units: int | None = None
    too_small: str = ""
    missing_intervals: str = ""
    scores: ScoreCounts | None = None

    @property
    def name(self) -> str:
        """The features as text: ``sex=Female, race=Black``."""
        return ", ".join(f"{name}={value}" for name, value in self.features) or "overall"


@dataclass(frozen=True)
class Segment:
    """Rows on which the model has less skill than on the others, by values or ranges of one or two features.

    ``rows``, ``share`` and ``units`` are of all test rows. Other numbers are of those that were not searched, but
    ``p_adjusted``, which is of the search and for all segments tried.

    Attributes:
        log_loss: the mean in the segment; ``log_loss_elsewhere`` of all other rows.
        entropy: the log loss of always predicting the segment's own base rate, nan in reports of earlier releases;
            ``entropy_elsewhere`` of the other rows.
        excess: the log loss beyond what the skill elsewhere leaves of the entropy.
        units: the number of units; None if each row is one.
        similar: the number of segments found that have nearly the same rows.
        to_baseline: the log loss minus that of the baseline; None without one.
    """

    features: SliceKey
    rows: int
    share: float
    log_loss: float
    log_loss_elsewhere: float
    p_adjusted: float
    entropy: float = math.nan
    entropy_elsewhere: float = math.nan
    excess: Measurement = field(default_factory=lambda: Measurement(math.nan))
    units: int | None = None
    similar: int = 0
    to_baseline: Measurement | None = None

    @property
    def cost(self) -> float:
        """Rows times excess loss; 0 if the excess is unknown."""
        return 0.0 if math.isnan(self.excess.value) else self.rows * self.excess.value


@dataclass(frozen=True)
class RankedGroups:
    """The groups within which rows are ranked, and how many of them the metrics of groups are the mean over.

    ``by`` names their columns, ``top`` is the number of the first rows of a group that count, but for GroupAUC.
    ``with_both_labels`` of the ``groups`` count for GroupAUC; for the others ``with_a_positive``, of several rows.
    """

    by: tuple[str, ...]
    top: int
    groups: int
    with_both_labels: int
    with_a_positive: int


@dataclass(frozen=True)
class WeakSegments:
    """The result of the search for weak segments.

    Attributes:
        tried: the number of segments.
        level: the false discovery rate.
        min_rows: what a segment needs of the rows searched.
        found: those reported, by rows times excess loss.
        total: the number of segments found, None in reports of earlier releases.
        min_units: what a segment needs of the units searched; None if each row is a unit.
        searched: the number of rows searched.
    """

    tried: int
    level: float
    min_rows: int
    found: tuple[Segment, ...]
    total: int | None = None
    min_units: int | None = None
    searched: int | None = None


@dataclass(frozen=True)
class Group:
    """One value of a sensitive feature.

    Attributes:
        rates: ``base_rate``, ``selection``, ``tpr``, ``fpr``, ``fnr``, ``ppv`` at the threshold, and ``calibration``,
            the sum of scores over that of labels; reports of earlier releases lack some.
        units: the number of units; None if each row is one.
        threshold: the decision threshold, if the group has one of its own.
        baseline: the values of the baseline by rate; empty without one.
    """

    value: str
    rows: int
    too_small: str
    rates: Mapping[str, Measurement]
    scores: ScoreCounts
    units: int | None = None
    threshold: float | None = None
    baseline: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Gap:
    """The best and the worst group by a rate; the best rate is the highest, for ``fpr`` and ``fnr`` the lowest.

    ``ratio`` is worst divided by best. Intervals are paired: they know the units with rows in both groups. They hold
    for all pairs of the groups ``compared`` at once, as best and worst are chosen among them; in reports of earlier
    releases that is None, and the intervals do not account for the choice. The baseline's values are of the same two
    groups.
    """

    rate: str
    best: str
    worst: str
    difference: float
    ratio: float
    difference_interval: tuple[float, float] | None = None
    ratio_interval: tuple[float, float] | None = None
    baseline_difference: float | None = None
    baseline_ratio: float | None = None
    compared: int | None = None

    @property
    def apart(self) -> bool | None:
        """Whether the interval of the ratio is below 1; None without an interval.

        A ratio of 0 has no interval, and is judged by whether that of the difference is above 0.
        """
        if self.ratio == 0:
            return None if self.difference_interval is None else self.difference_interval[0] > 0
        return None if self.ratio_interval is None else self.ratio_interval[1] < 1

    @property
    def adverse(self) -> bool:
        """Whether a ratio of selection rates is below four fifths and the rates are apart.

        By the four-fifths rule this is evidence of adverse impact (29 CFR 1607.4 D,
        https://www.ecfr.gov/current/title-29/section-1607.4).
        """
        return self.rate == "selection" and self.ratio < FOUR_FIFTHS and self.apart is True


@dataclass(frozen=True)
class Sensitive:
    """Rates by group for a sensitive feature; groups that are too small are left out of the gaps."""

    feature: str
    groups: tuple[Group, ...]
    gaps: tuple[Gap, ...]
