"""Rates by group for sensitive features, at a threshold that the reader can move."""

from markupsafe import Markup

from components.evaluation.verdict import Measurement
from components.slice_report.facts import BINS, Gap, Group, Report, Sensitive
from components.slice_report.page.charts import Scale, whisker
from components.slice_report.page.formats import count, counted, interval, number
from components.slice_report.page.html import Child, name, row, table, tag
from components.slice_report.page.sections.section import absent, missing_notes, section

RATES = {
    "selection": ("Selection rate", "share of rows predicted positive"),
    "tpr": ("True positive rate", "share of positives predicted positive"),
    "fpr": ("False positive rate", "share of negatives predicted positive"),
    "ppv": ("Precision", "share of predicted positives that are positive"),
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
    heads = ["Group", "Rows", *(tag("th", words, scope="col", title=why) for words, why in RATES.values())]
    groups = table(f"Rates by {sensitive.feature}", heads, map(group_row, sensitive.groups), class_="groups")
    gaps = table(
        f"Gaps by {sensitive.feature}", ("Rate", "Best group", "Worst group", "Difference", "Worst ÷ best"),
        gap_rows(sensitive), class_="gaps",
    )  # fmt: skip
    explained = (
        "The best rate is the highest, for false positives the lowest. Worst ÷ best below 0.8 for "
        "selection rates is evidence of adverse impact (four-fifths rule, 29 CFR 1607.4 D). Groups that "
        "are too small are left out."
    )
    note = tag("p", explained, class_="muted")
    heading = tag("h3", "By ", name(sensitive.feature))
    parts = (heading, at_threshold("Rates", threshold), groups, gaps, note)
    return tag("div", parts, class_="sensitive", data_feature=index)


def group_row(group: Group) -> Markup:
    head = [name(group.value), tag("small", group.too_small) if group.too_small else None]
    cells = [rate_cell(rate, group.rates.get(rate)) for rate in RATES]
    return row(head, count(group.rows), cells, class_="small" if group.too_small else None)


def rate_cell(rate: str, measured: Measurement | None) -> Markup:
    if measured is None:
        return tag("td", number(None), data_rate=rate)
    return tag("td", number(measured.value), whisker(measured, SCALE), tag("small", interval(measured)), data_rate=rate)


def gap_rows(sensitive: Sensitive) -> list[Markup]:
    """Draw the gap of each rate; a rate without a gap at this threshold may have one at another."""
    found = {gap.rate: gap for gap in sensitive.gaps}
    return [row(RATES[rate][0], gap_cells(found.get(rate)), data_rate=rate) for rate in RATES]


def gap_cells(gap: Gap | None) -> list[Child]:
    if gap is None:
        return [number(None)] * 4
    return [name(gap.best), name(gap.worst), number(gap.difference), number(gap.ratio)]


def groups_in_words(report: Report) -> str:
    """Return the number of groups by feature, for the model card."""
    return "; ".join(f"{item.feature}: {counted(len(item.groups), 'group')}" for item in report.fairness)
