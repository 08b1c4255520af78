"""Quality on all test rows. The script draws it from the counts, so that the threshold can be moved."""

from markupsafe import Markup

from components.slice_report.facts import Report
from components.slice_report.page.formats import number
from components.slice_report.page.html import row, table, tag
from components.slice_report.page.meanings import CALIBRATION_ERROR
from components.slice_report.page.sections.fairness import at_threshold, threshold_control
from components.slice_report.page.sections.section import absent, missing_notes, section


def quality_section(report: Report) -> Markup:
    overall = next((item for item in report.slices if not item.features), None)
    if overall is None or overall.scores is None:
        none = None if report.verdict is None else absent("There are no predictions to draw from.")
        return section("quality", missing_notes(report, "quality"), none)
    error = number(report.calibration_error)
    return section(
        "quality",
        threshold_control("quality", report.decision_threshold),
        at_threshold("Confusion matrix and rates", report.decision_threshold),
        confusion(report.decision_threshold, overall.scores.positives, overall.scores.negatives),
        tag(
            "p",
            f"Expected calibration error {error}: {CALIBRATION_ERROR}.",
        ),
        tag("div", id="quality-charts", class_="charts"),
        tag("noscript", tag("p", "The curves need JavaScript, which is turned off.", class_="note")),
    )


def confusion(threshold: float, positives: tuple[int, ...], negatives: tuple[int, ...]) -> Markup:
    """Draw the confusion matrix at the report's threshold, rounded to the grid of the counts."""
    start = round(threshold * len(positives))
    over, under = slice(start, None), slice(None, start)
    parts = {"tp": positives[over], "fn": positives[under], "fp": negatives[over], "tn": negatives[under]}
    cells = {key: tag("td", f"{sum(counts):,}", data_count=key) for key, counts in parts.items()}
    rows = [row("positive", cells["tp"], cells["fn"]), row("negative", cells["fp"], cells["tn"])]
    headings = ("Label", "Predicted positive", "Predicted negative")
    return table("Confusion matrix", headings, rows, id="confusion") + tag("dl", id="confusion-rates")
