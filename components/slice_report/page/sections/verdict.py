"""The verdict with its reasons, and the model beside the last blessed one and the base rate."""

from markupsafe import Markup

from components.evaluation.changes.direction import Direction
from components.evaluation.changes.significance import sure_direction
from components.evaluation.tasks.registry import METRICS
from components.evaluation.verdict import Check, Measurement, Verdict
from components.slice_report.facts import Comparison, RankedGroups, Report, Run
from components.slice_report.page.formats import counted, difference, interval, number
from components.slice_report.page.html import Child, name, pairs, row, table, tag
from components.slice_report.page.meanings import CALIBRATION
from components.slice_report.page.sections.attention import attention_box
from components.slice_report.page.sections.section import missing_notes, section

AREAS = {
    "exact": "AUC and AUCPrecisionRecall, the average precision, are exact: each score is a threshold.",
    "stock": "AUC and AUCPrecisionRecall are summed over TFMA's fixed thresholds: inaccurate where scores crowd.",
}


def verdict_section(report: Report) -> Markup:
    return section(
        "verdict",
        banner(report),
        failure_note(report),
        attention_box(report),
        missing_notes(report, "verdict"),
        checks_part(report.verdict) if report.verdict else None,
        missing_notes(report, "baseline"),
        comparison_table(report) if report.comparisons else None,
    )


def banner(report: Report) -> Markup:
    verdict = report.verdict
    if verdict is None:
        return tag("p", "Not evaluated", class_="banner bad")
    rows = f"on {counted(verdict.rows, 'test row')}"
    mark, kind = ("✓", "good") if verdict.blessed else ("✗", "bad")
    return tag("p", f"{mark} {verdict.outcome}, {rows}", class_=f"banner {kind}")


def failure_note(report: Report) -> Markup | None:
    if not report.run.failed_at:
        return None
    error = tag("pre", report.run.error, tabindex="0") if report.run.error else None
    return tag(
        "div", tag("p", tag("strong", f"{report.run.failed_at} failed.")), error, class_="note bad", role="alert"
    )


def checks_part(verdict: Verdict) -> Markup:
    """Draw the table of bounds."""
    headings = ("Metric", "Slice", "Value", "95 % interval", "Bound", "Margin", "Risk", "Outcome")
    rows = (check_row(check) for check in verdict.checks)
    explained = tag(
        "p",
        "Risk is the probability that the true value, of all rows like these, misses the bound. Above 2.5 % the bound "
        "lies within the interval: too close to call.",
        class_="muted",
    )
    return table("Bounds", headings, rows, id="bounds") + explained


def check_row(check: Check) -> Markup:
    measured = None if check.value is None else Measurement(check.value, check.interval)
    match check.state:
        case "kept":
            outcome = tag("td", "✓ kept" if check.interval else "✓ kept, no interval", class_="good")
        case "too close":
            outcome = tag("td", "≈ too close to call", class_="close")
        case "missed":
            outcome = tag("td", f"✗ {check.why or 'missed'}", class_="bad")
    return row(
        check.metric,
        name(check.slice),
        number(check.value),
        interval(measured),
        check.bound,
        difference(check.margin),
        risk(check.risk),
        outcome,
    )


def risk(probability: float | None) -> str:
    """Return a probability as text.

    >>> risk(0.4321), risk(1e-9), risk(1.0), risk(None)
    ('43 %', '< 0.1 %', '> 99.9 %', '–')
    """
    if probability is None:
        return "–"
    if not 0.001 <= probability <= 0.999:
        return "< 0.1 %" if probability < 0.001 else "> 99.9 %"
    return f"{100 * probability:.2g} %"


def comparison_table(report: Report) -> Markup:
    """Draw the model beside the baseline and the base rate."""
    before = f"Baseline ({report.run.baseline_run})" if report.run.baseline_run else "Baseline"
    compared = any(comparison.baseline for comparison in report.comparisons)
    of_baseline = [before, "Δ baseline"] if compared else []
    headings = ("Metric", "This model", *of_baseline, "Base rate only", "Δ base rate")
    explained = tag(
        "p",
        "The baseline is the model that was served, or else the latest blessed one; “base rate only” always predicts "
        "the share of positives in the training rows. Differences are this model minus the other, bold where the 95 % "
        "interval excludes zero. "
        f"{AREAS[report.areas]} Calibration is {CALIBRATION}; of values on both sides of 1, neither is called better.",
        class_="muted",
    )
    rows = (comparison_row(comparison, compared) for comparison in report.comparisons)
    drawn = table("This model against others, on all test rows", headings, rows, id="comparisons")
    return drawn + explained + (ranked_note(report.ranked) if report.ranked else Markup())


def ranked_note(ranked: RankedGroups) -> Markup:
    """Draw what the metrics of groups are the mean over."""
    places = "row counts" if ranked.top == 1 else f"{ranked.top} rows count"
    return tag(
        "p",
        "Within groups, rows are ranked by their score among those with the same ",
        name(", ".join(ranked.by)),
        f". Of {counted(ranked.groups, 'group')}, GroupAUC is the mean over the {ranked.with_both_labels:,} with both "
        f"labels; GroupNDCG, GroupMAP and GroupHitRate, for which the first {places}, over the "
        f"{ranked.with_a_positive:,} of several rows with a positive among them. Where rows have the same score, "
        "values are the mean over all their orders.",
        class_="muted",
        id="ranked",
    )


def comparison_row(comparison: Comparison, with_baseline: bool) -> Markup:
    before = beside(comparison, comparison.baseline, comparison.to_baseline) if with_baseline else []
    others = [*before, *beside(comparison, comparison.trivial, comparison.to_trivial)]
    return row(comparison.metric, with_interval(comparison.candidate), others)


def beside(comparison: Comparison, other: Measurement | None, change: Measurement | None) -> list[Child]:
    """Draw another model's value, and the difference to it."""
    metric = METRICS.get(comparison.metric, comparison.metric)
    how = sure_direction(metric, comparison.candidate, change) if change else "differs"
    return [with_interval(other), delta(change, how)]


def with_interval(measured: Measurement | None) -> Markup:
    return tag("td", number(measured.value if measured else None), tag("small", interval(measured)))


def delta(change: Measurement | None, how: Direction) -> Markup:
    """Draw a difference: bold if its interval excludes zero, coloured if it is surely better or worse."""
    if change is None:
        return tag("td", number(None))
    sure = change.interval is not None and (change.interval[0] > 0 or change.interval[1] < 0)
    kind = how if how != "differs" else None
    words = tag("span", f" ({kind})", class_="words") if kind else None
    shown = tag("strong", difference(change.value)) if sure else difference(change.value)
    return tag("td", shown, words, tag("small", interval(change, signed=True)), class_=kind)


def label_facts(run: Run) -> Child:
    """Draw the name of the label and, where it is a text, which one counts as 1."""
    return tag("span", name(run.label), f", {run.label_values[1]} counts as 1") if run.label_values else name(run.label)


def identity(report: Report, report_digest: str) -> Markup:
    """Draw which run this is, below the heading of the page."""
    run = report.run
    return pairs(
        [
            ("Pipeline", name(run.pipeline)),
            ("Run", name(run.run)),
            ("Label", label_facts(run)),
            ("Decision threshold", number(report.decision_threshold)),
            ("Report digest", tag("code", report_digest)),
        ]
    )
