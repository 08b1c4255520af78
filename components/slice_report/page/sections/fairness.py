"""Rates by group for sensitive features, at a threshold that the reader can move."""

from markupsafe import Markup

from components.evaluation.verdict import Measurement
from components.slice_report.facts import BINS, FOUR_FIFTHS, Gap, Group, Report, Sensitive
from components.slice_report.page.charts import Scale, whisker
from components.slice_report.page.formats import count, counted, interval, number
from components.slice_report.page.html import Child, name, row, table, tag
from components.slice_report.page.sections.section import absent, missing_notes, section

RATES = {
    "selection": ("Selection rate", "share of rows predicted positive"),
    "tpr": ("True positive rate", "share of positives predicted positive"),
    "fpr": ("False positive rate", "share of negatives predicted positive"),
    "fnr": ("False negative rate", "share of positives predicted negative"),
    "ppv": ("Precision", "share of predicted positives that are positive"),
}
# What does not depend on the threshold.
FIXED = {
    "base_rate": ("Base rate", "share of rows with label 1"),
    "calibration": ("Calibration", "sum of scores over sum of labels; above 1 the scores are too high"),
}
SCALE = Scale(0.0, 1.0, 3, 61)


def fairness_section(report: Report) -> Markup:
    none = None if report.fairness or report.verdict is None else absent("The config names no sensitive feature.")
    control = threshold_control("fairness", report.decision_threshold) if report.fairness else None
    parts = [
        feature_part(sensitive, index, report.decision_threshold) for index, sensitive in enumerate(report.fairness)
    ]
    return section("fairness", missing_notes(report, "fairness"), none, control, parts)


def threshold_control(where: str, threshold: float) -> Markup:
    """Draw a slider over the grid of the counts; it stays hidden without the script."""
    slider = f"threshold-{where}"
    return tag(
        "form",
        tag("label", "Decision threshold ", for_=slider),
        tag("input", type="range", id=slider, class_="threshold", min=0, max=BINS, value=round(threshold * BINS)),
        tag("output", number(threshold), for_=slider, class_="threshold-value"),
        tag("button", "reset", type="reset"),
        class_="controls", aria_label=f"Decision threshold, {where}", hidden=True,
    )  # fmt: skip


def at_threshold(what: str, threshold: float) -> Markup:
    """Say at which threshold rates hold; the script keeps it true, also in print."""
    return tag(
        "p", f"{what} at a decision threshold of ", tag("span", number(threshold), class_="at"), ".", class_="muted"
    )


def feature_part(sensitive: Sensitive, index: int, threshold: float) -> Markup:
    """Draw groups and gaps of a feature; the script updates both at another threshold."""
    columns = (FIXED["base_rate"], *RATES.values(), FIXED["calibration"])
    heads = ["Group", "Rows", *(tag("th", words, scope="col", title=why) for words, why in columns)]
    groups = table(f"Rates by {sensitive.feature}", heads, map(group_row, sensitive.groups), class_="groups")
    gaps = table(
        f"Gaps by {sensitive.feature}", ("Rate", "Best group", "Worst group", "Difference", "Worst ÷ best"),
        gap_rows(sensitive), class_="gaps",
    )  # fmt: skip
    explained = (
        "The best rate is the highest, for false positives and negatives the lowest. Groups that are too small are "
        f"left out. Intervals of gaps {choice(sensitive)} At another threshold than the report's, "
        "gaps have no intervals, and all groups have the same threshold."
    )
    note = tag("p", explained, class_="muted")
    heading = tag("h3", "By ", name(sensitive.feature))
    parts = (heading, at_threshold("Rates", threshold), groups, gaps, impact(sensitive, threshold), note)
    return tag("div", parts, class_="sensitive", data_feature=index)


def choice(sensitive: Sensitive) -> str:
    """Say whether intervals of gaps account for the choice of best and worst, as all but old reports' do."""
    if any(gap.compared is None for gap in sensitive.gaps):
        return "do not account for the choice of best and worst."
    return "account for the number of groups that best and worst are chosen from."


def impact(sensitive: Sensitive, threshold: float) -> Markup:
    """Say in words what the four-fifths rule gives, at the threshold of the report."""
    gap = next((gap for gap in sensitive.gaps if gap.rate == "selection"), None)
    own = any(group.threshold is not None for group in sensitive.groups)
    where = "the thresholds of the groups" if own else f"a decision threshold of {number(threshold)}"
    rule = f"Four-fifths rule (29 CFR 1607.4 D), at {where}: "
    if gap is None:
        return tag("p", rule, "there are no two groups to compare.")
    words = f"the ratio of selection rates, {number(gap.ratio)}, is "
    if gap.adverse:
        return tag("p", tag("strong", rule, words, "below four fifths: evidence of adverse impact", class_="warn"), ".")
    if gap.ratio >= FOUR_FIFTHS:
        return tag("p", rule, words, "not below four fifths.")
    if gap.apart is None:
        return tag("p", rule, words, "below four fifths, without an interval.")
    ends = "the interval of the difference does not exclude 0" if gap.ratio == 0 else "its interval does not exclude 1"
    return tag("p", rule, words, f"below four fifths, but {ends}.")


def group_row(group: Group) -> Markup:
    """Draw a group; only what depends on the threshold has ``data_rate``."""
    own = None if group.threshold is None else tag("small", f"threshold {number(group.threshold)}")
    head = [name(group.value), tag("small", group.too_small) if group.too_small else None, own]
    rows = tag("td", count(group.rows), None if group.units is None else tag("small", counted(group.units, "unit")))
    cells = [rate_cell(group, rate, rate) for rate in RATES]
    fixed = {rate: rate_cell(group, rate, None) for rate in FIXED}
    cells = [fixed["base_rate"], *cells, fixed["calibration"]]
    return row(head, rows, cells, class_="small" if group.too_small else None)


def rate_cell(group: Group, rate: str, moves: str | None) -> Markup:
    """Draw a rate with its interval, and the baseline's below it."""
    measured = group.rates.get(rate)
    if measured is None:
        return tag("td", number(None), data_rate=moves)
    drawn = whisker(measured, SCALE) if rate != "calibration" else None
    small = tag("small", interval(measured))
    return tag("td", number(measured.value), drawn, small, baseline(group.baseline.get(rate)), data_rate=moves)


def baseline(value: float | None) -> Markup | None:
    return None if value is None else tag("small", f"baseline {number(value)}")


def gap_rows(sensitive: Sensitive) -> list[Markup]:
    """Draw the gap of each rate; a rate without a gap at this threshold may have one at another."""
    found = {gap.rate: gap for gap in sensitive.gaps}
    return [row(RATES[rate][0], gap_cells(found.get(rate)), data_rate=rate) for rate in RATES]


def gap_cells(gap: Gap | None) -> list[Child]:
    if gap is None:
        return [number(None)] * 4
    apart = gap_cell(gap.difference, gap.difference_interval, gap.baseline_difference)
    return [name(gap.best), name(gap.worst), apart, gap_cell(gap.ratio, gap.ratio_interval, gap.baseline_ratio)]


def gap_cell(value: float, ends: tuple[float, float] | None, before: float | None) -> list[Child]:
    return [number(value), tag("small", interval(Measurement(value, ends))), baseline(before)]
