"""What a reviewer should look at first, from all facts of a report."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from components.evaluation.changes.significance import sure_direction
from components.evaluation.tasks.registry import METRICS
from components.evaluation.verdict import Check
from components.slice_report.analysis.statistics import expected_count, readable
from components.slice_report.facts import Comparison, Data, Leak, Report, Segment

# The lines of the box, and the weak segments among them.
MOST, MOST_SEGMENTS = 7, 2


class Severity(IntEnum):
    """How urgent a line is; higher comes first."""

    NOTABLE = 1
    SERIOUS = 2
    BLOCKING = 3


@dataclass(frozen=True)
class Attention:
    """A line of the box.

    Attributes:
        kind: what was found, such as ``missed bound``.
        text: the finding in words of ours.
        anchor: the id of the element on the page that shows it.
        subject: what the text is about, in words of the data, such as a slice; may be empty.
    """

    kind: str
    text: str
    anchor: str
    severity: Severity
    subject: str = ""


def attention(report: Report) -> tuple[Attention, ...]:
    """Return all that needs attention, the most severe first, and those of one severity in the order of ``FINDERS``."""
    found = (line for find in FINDERS for line in find(report))
    return tuple(sorted(found, key=lambda line: -line.severity))


def split(lines: Sequence[Attention]) -> tuple[Sequence[Attention], Sequence[Attention]]:
    """Return the lines to show, and those that are only counted, in the last of the seven lines."""
    shown = len(lines) if len(lines) <= MOST else MOST - 1
    return lines[:shown], lines[shown:]


def failed_run(report: Report) -> Iterator[Attention]:
    """Yield the failure of the run."""
    if report.run.failed_at:
        yield Attention("failure", "This node failed", "verdict", Severity.BLOCKING, report.run.failed_at)


def missed_bounds(report: Report) -> Iterator[Attention]:
    """Yield a line for each bound that is missed or could not be measured."""
    checks = report.verdict.checks if report.verdict else ()
    missed = [check for check in checks if not check.passed]
    for check in missed:
        subject = "" if check.slice == "overall" else readable(check.slice)
        yield Attention("missed bound", how_missed(check), "bounds", Severity.BLOCKING, subject)
    close = any(check.state == "too close" for check in checks)
    if report.verdict and not report.verdict.blessed and not missed and not close:
        text = "Not blessed, although no listed bound is missed"
        yield Attention("missed bound", text, "verdict", Severity.BLOCKING)


def how_missed(check: Check) -> str:
    if check.value is None:
        why = f" ({check.why})" if check.why else ""
        return f"{check.metric} could not be measured{why}, its bound is {check.bound}"
    by = "" if check.missed_by is None else f" by {check.missed_by:.4f}"
    return f"{check.metric} is {check.value:.4f} and misses its bound of {check.bound}{by}"


def close_bounds(report: Report) -> Iterator[Attention]:
    """Yield a line for each bound that is too close to call; it blocks if nothing else withheld the blessing."""
    if report.verdict is None:
        return
    missed = any(not check.passed for check in report.verdict.checks)
    severity = Severity.SERIOUS if report.verdict.blessed or missed else Severity.BLOCKING
    for check in report.verdict.checks:
        if check.state == "too close" and check.interval and check.risk is not None:
            low, high = check.interval
            text = (
                f"{check.metric} is too close to call: {low:.4f} … {high:.4f} contains its bound of {check.bound}, "
                f"which it misses with a probability of {100 * check.risk:.2g} %"
            )
            subject = "" if check.slice == "overall" else readable(check.slice)
            yield Attention("close bound", text, "bounds", severity, subject)


def regressed_overall(report: Report) -> Iterator[Attention]:
    """Yield the metrics of all rows that are worse than the baseline's."""
    worse = [comparison for comparison in report.comparisons if is_worse(comparison)]
    if worse:
        text = "Worse than the baseline on all rows"
        changes = [f"{one.metric} {one.to_baseline.value:+.4f}" for one in worse if one.to_baseline]
        yield Attention("overall regression", text, "comparisons", Severity.SERIOUS, listed(changes))


def is_worse(comparison: Comparison) -> bool:
    """Return True if a metric is surely worse than the baseline's."""
    metric, change = METRICS.get(comparison.metric, comparison.metric), comparison.to_baseline
    return change is not None and sure_direction(metric, comparison.candidate, change) == "worse"


def regressed_slices(report: Report) -> Iterator[Attention]:
    """Yield the slices on which the model is worse than the baseline."""
    found = [item for item in report.slices if item.regressed]
    if found:
        text = f"Worse than the baseline on {len(found)} slices" if len(found) > 1 else "Worse than the baseline"
        names = [f"{item.name} ({', '.join(item.regressed)})" for item in found]
        yield Attention("regression", text, "slice-table", Severity.SERIOUS, listed(names))


def impact_ratios(report: Report) -> Iterator[Attention]:
    """Yield a line for each sensitive feature whose selection rates break the four-fifths rule."""
    for sensitive in report.fairness:
        for gap in sensitive.gaps:
            # A ratio of 0 has no interval of its own.
            ends, of = (gap.difference_interval, "difference ") if gap.ratio == 0 else (gap.ratio_interval, "")
            if gap.adverse and ends:
                text = (
                    f"Selection rates below four fifths, evidence of adverse impact (29 CFR 1607.4 D): "
                    f"{gap.ratio:.2f}, {of}{ends[0]:.2f} … {ends[1]:.2f}"
                )
                about = f"{readable(sensitive.feature)}, {readable(gap.worst)} ÷ {readable(gap.best)}"
                yield Attention("impact ratio", text, "fairness", Severity.SERIOUS, about)


def blocked_anomalies(report: Report) -> Iterator[Attention]:
    """Yield the anomalies that the gate blocked."""
    yield from of_gate(report, "blocked", Severity.BLOCKING)


def accepted_anomalies(report: Report) -> Iterator[Attention]:
    """Yield the anomalies that the config accepts."""
    yield from of_gate(report, "accepted", Severity.NOTABLE)


def of_gate(report: Report, outcome: str, severity: Severity) -> Iterator[Attention]:
    entries = [entry for entry in data_of(report).gate if entry.outcome == outcome]
    if entries:
        columns = listed([entry.feature for entry in entries])
        yield Attention(f"{outcome} anomaly", f"Anomalies that the gate {outcome}", "gate", severity, columns)


def training_warnings(report: Report) -> Iterator[Attention]:
    """Yield each problem that was found with the trained model."""
    for warning in report.training.warnings if report.training else ():
        yield Attention("training warning", "Training", "training", Severity.SERIOUS, warning)


def missing_parts(report: Report) -> Iterator[Attention]:
    """Yield the parts of the report that could not be made, so that their silence is not taken for an all-clear."""
    parts = [missing.part for missing in report.missing if missing.part not in ("baseline", "lineage")]
    if parts:
        yield Attention("missing part", "Not in this report", parts[0], Severity.SERIOUS, listed(parts))


def shared_rows(report: Report) -> Iterator[Attention]:
    """Yield the pairs of splits that have rows in common."""
    found = [how_shared(leak) for leak in data_of(report).leaks if leak.what == "rows" and leak.shared]
    if found:
        yield Attention("leakage", f"Rows in two splits: {', '.join(found)}", "shared", Severity.SERIOUS)


def how_shared(leak: Leak) -> str:
    share = "less than 0.1 %" if leak.share < 0.001 else f"{leak.share * 100:.1f} %"
    return f"{leak.shared:,} of {leak.split} in {leak.also_in} ({share})"


def shared_ids(report: Report) -> Iterator[Attention]:
    """Yield the columns of which two splits have ids in common, which may be meant."""
    columns = [leak.what for leak in data_of(report).leaks if leak.what != "rows" and leak.shared]
    if columns:
        yield Attention("shared ids", "Ids are in more than one split", "shared", Severity.NOTABLE, listed(columns))


def drifted_columns(report: Report) -> Iterator[Attention]:
    """Yield the columns that are further from the baseline's than their bound."""
    columns = [drift.column for drift in data_of(report).drift or () if drift.exceeded]
    if columns:
        yield Attention(
            "drift", "Drifted from the baseline's training rows", "drift", Severity.SERIOUS, listed(columns)
        )


def label_suspects(report: Report) -> Iterator[Attention]:
    """Yield a line if more labels contradict a confident score than scores predict."""
    found = report.suspects.found if report.suspects else ()
    if found:
        rows, expected = sum(tail.suspects for tail in found), sum(tail.expected for tail in found)
        text = (
            f"{rows:,} test rows have a label that contradicts a confident score, by the scores it should be "
            f"{expected_count(expected)}: wrong labels, or a model that is too sure"
        )
        yield Attention("label suspects", text, "label-suspects", Severity.NOTABLE)


def weak_segments(report: Report) -> Iterator[Attention]:
    """Yield the weak segments that cost most, of those that the rows which were not searched confirm."""
    found = sorted(report.weak.found if report.weak else (), key=lambda one: -one.cost)
    confirmed = [segment for segment in found if segment.excess.interval and segment.excess.interval[0] > 0]
    for segment in confirmed[:MOST_SEGMENTS]:
        yield Attention("weak segment", how_weak(segment), "weak", Severity.NOTABLE, features_of(segment))


def how_weak(segment: Segment) -> str:
    excess = f"{segment.excess.value:.4f} more log loss than with the skill elsewhere"
    return f"Weak segment of {segment.rows:,} rows, {excess}"


def features_of(segment: Segment) -> str:
    return " and ".join(f"{feature} = {readable(value)}" for feature, value in segment.features)


def data_of(report: Report) -> Data:
    return report.data or Data()


def listed(names: Sequence[str]) -> str:
    """Return each name once, at most five of them.

    >>> listed(["b", "a", "b"]), listed(list("abcdefg"))
    ('b, a', 'a, b, c, d, e and 2 more')
    """
    distinct = [readable(name) for name in dict.fromkeys(names)]
    more = f" and {len(distinct) - 5} more" if len(distinct) > 5 else ""
    return ", ".join(distinct[:5]) + more


# A new kind of finding is a function of the report, added here; a severity's lines keep this order.
FINDERS = (
    failed_run,
    missed_bounds,
    close_bounds,
    blocked_anomalies,
    regressed_overall,
    regressed_slices,
    missing_parts,
    shared_rows,
    impact_ratios,
    training_warnings,
    drifted_columns,
    label_suspects,
    weak_segments,
    accepted_anomalies,
    shared_ids,
)
