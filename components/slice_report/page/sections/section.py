"""The frame of a section, and the notes on missing parts."""

from markupsafe import Markup

from components.slice_report.facts import Missing, Report
from components.slice_report.page.html import Child, tag

TITLES = {
    "verdict": "Verdict",
    "slices": "Slices",
    "fairness": "Fairness",
    "quality": "Quality overall",
    "data": "Data",
    "training": "Training",
    "explanations": "Explanations",
    "lineage": "Lineage",
    "card": "Model card",
}


def section(key: str, *children: Child) -> Markup:
    """Return a landmark with its heading."""
    heading = tag("h2", TITLES[key], id=f"{key}-title")
    return tag("section", heading, children, id=key, aria_labelledby=f"{key}-title")


def missing_notes(report: Report, part: str) -> Markup:
    """Explain why a part is missing; empty if it is not."""
    return Markup().join(missing_note(missing) for missing in report.missing if missing.part == part)


def without_baseline(report: Report) -> str:
    """Say why there is nothing to compare the data or the config with."""
    never = any(missing.part == "baseline" for missing in report.missing)
    return "No baseline yet." if never else "The baseline has no record to compare with."


def missing_note(missing: Missing) -> Markup:
    what = "No baseline. " if missing.part == "baseline" else "Not shown. "
    after = f" {missing.next_step}" if missing.next_step else ""
    return tag("p", tag("strong", what), f"{missing.why[:1].upper()}{missing.why[1:]}.{after}", class_="note")


def absent(text: str) -> Markup:
    """Return a note that there is nothing to show."""
    return tag("p", text, class_="muted")
