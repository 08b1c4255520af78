"""The page of a report."""

import json
from typing import Any

from markupsafe import Markup

from components.artifacts.record.status import Standing
from components.slice_report.facts import OTHER, Group, Report, ScoreCounts
from components.slice_report.page.against import comparison_section
from components.slice_report.page.card import card_section
from components.slice_report.page.frame import as_data, page
from components.slice_report.page.html import join, name, shorten, tag
from components.slice_report.page.sections.data import data_section
from components.slice_report.page.sections.explanations import explanations_section
from components.slice_report.page.sections.fairness import fairness_section
from components.slice_report.page.sections.lineage import lineage_section
from components.slice_report.page.sections.quality import quality_section
from components.slice_report.page.sections.section import TITLES
from components.slice_report.page.sections.slices import slices_section
from components.slice_report.page.sections.status import status_part
from components.slice_report.page.sections.training import training_section
from components.slice_report.page.sections.verdict import identity, verdict_section

SCRIPTS = ("marks.js", "curves.js", "frame.js", "columns.js", "slices.js", "threshold.js", "page.js")
STYLES = ("page.css",)


def render(report: Report, report_digest: str, standing: Standing | None = None, other: Report | None = None) -> str:
    """Return the page of a report; with ``other``, it starts with a comparison of the two runs.

    Without ``standing``, the page says that its status is not known.
    """
    heading = f"{report.run.pipeline}: {verdict_word(report)}"
    return page(heading, body(report, report_digest, standing, other), SCRIPTS, STYLES)


def verdict_word(report: Report) -> str:
    if report.verdict is None:
        return "not evaluated"
    return "blessed" if report.verdict.blessed else "not blessed"


def body(report: Report, report_digest: str, standing: Standing | None, other: Report | None) -> Markup:
    """Draw header, navigation, sections, and the counts for the scripts."""
    header = tag(
        "header",
        tag("h1", "Model report: ", name(report.run.workload)),
        identity(report, report_digest),
        tag("button", "Dark or light", type="button", id="theme", hidden=True),
    )
    sections = [
        status_part(standing),
        comparison_section(report, other) if other else None,
        verdict_section(report),
        *(draw(report) for draw in (slices_section, fairness_section, quality_section, data_section, training_section)),
        *(draw(report) for draw in (explanations_section, lineage_section, card_section)),
    ]
    skip = tag("a", "Skip to the verdict", href="#verdict", class_="skip")
    drill = tag("dialog", id="drill", aria_labelledby="drill-title")
    return join([skip, header, navigation(other), tag("main", sections), drill, counts(report)])


def navigation(other: Report | None) -> Markup:
    titles = {**({"against": "Comparison"} if other else {}), **TITLES}
    return tag(
        "nav",
        tag("ul", [tag("li", tag("a", words, href=f"#{key}")) for key, words in titles.items()]),
        aria_label="Sections",
    )


def counts(report: Report) -> Markup:
    """Return the scores by slice and by group as JSON, in which no text can close the script element."""
    facts = {
        "slices": [as_counts(item.scores, clustered=item.units is not None) for item in report.slices],
        "overall": next((index for index, item in enumerate(report.slices) if not item.features), None),
        "sensitive": [[as_group(group) for group in sensitive.groups] for sensitive in report.fairness],
    }
    return as_data(json.dumps(facts, separators=(",", ":"), allow_nan=False), "counts")


def as_group(group: Group) -> dict[str, Any]:
    """Return the counts of a group, whether it takes part in gaps, and whether its rows are in units."""
    compared = not group.too_small and group.value != OTHER
    return {
        "name": shorten(group.value),
        "compared": compared,
        "units": group.units is not None,
        **as_counts(group.scores),
    }


def as_counts(scores: ScoreCounts | None, *, clustered: bool = False) -> dict[str, Any]:
    """Return positives, negatives, sums of scores and whether rows depend on one another, under one-letter keys."""
    if scores is None:
        return {}
    sums = [round(part, 4) for part in scores.score_sums]
    return {"p": scores.positives, "n": scores.negatives, "s": sums, **({"c": 1} if clustered else {})}
