"""The model card: the team's words and the measured facts, on the page and as Markdown."""

from collections.abc import Iterator

from markupsafe import Markup

from components.slice_report.facts import Card, Report
from components.slice_report.page.formats import counted, interval, number, title
from components.slice_report.page.html import pairs, tag
from components.slice_report.page.markdown import escaped
from components.slice_report.page.sections.fairness import groups_in_words
from components.slice_report.page.sections.section import missing_notes, section
from components.slice_report.page.sections.slices import worst_first

LISTS = (
    ("Intended use", "intended_use"),
    ("Out of scope", "out_of_scope"),
    ("Limits", "limits"),
    ("Ethical considerations", "ethics"),
    ("Owners", "owners"),
)


def card_section(report: Report) -> Markup:
    card = report.card
    if card is None:
        return section("card", missing_notes(report, "card"))
    lists = [list_part(heading, getattr(card, field)) for heading, field in LISTS]
    measured = pairs((key, value) for key, value in measured_facts(report))
    return section(
        "card",
        tag("h3", card.title),
        tag("p", card.summary),
        lists,
        tag("h3", "Measured"),
        measured,
        tag("p", "Licence: ", card.licence),
    )


def list_part(heading: str, items: tuple[str, ...]) -> Markup:
    return tag("h3", heading) + tag("ul", [tag("li", item) for item in items or ("Not documented.",)])


def measured_facts(report: Report) -> Iterator[tuple[str, str]]:
    """Yield the measured facts as names and values."""
    run = report.run
    yield "Run", f"{run.pipeline} {run.run}"
    yield "Verdict", verdict_in_words(report)
    for comparison in report.comparisons:
        yield (
            comparison.metric,
            f"{number(comparison.candidate.value)} {in_brackets(interval(comparison.candidate))}".strip(),
        )
    yield from weakest(report)
    if report.calibration_error is not None:
        yield "Expected calibration error", number(report.calibration_error)
    if report.fairness:
        yield "Compared by group", groups_in_words(report)
    for split, rows in rows_by_split(report).items():
        yield f"Rows, {split}", f"{rows:,}"


def verdict_in_words(report: Report) -> str:
    if report.verdict is None:
        return "not evaluated"
    return f"{'blessed' if report.verdict.blessed else 'not blessed'}, on {counted(report.verdict.rows, 'test row')}"


def in_brackets(text: str) -> str:
    return f"({text})" if text else ""


def weakest(report: Report) -> Iterator[tuple[str, str]]:
    """Yield the worst slice by the primary metric, among those with enough rows."""
    metric = report.primary_metric
    slices = [
        item for _, item in worst_first(report) if item.features and not item.too_small and metric in item.metrics
    ]
    if slices:
        yield "Weakest slice", f"{slices[0].name}: {title(metric)} {number(slices[0].metrics[metric].value)}"


def rows_by_split(report: Report) -> dict[str, int]:
    columns = report.data.columns if report.data else ()
    return {column.split: column.rows for column in columns}


def model_card(report: Report) -> str:
    """Return ``model_card.md``: CommonMark in which all text from the data is escaped."""
    card = report.card
    if card is None:
        return f"# {escaped(report.run.workload)}\n\nThe workload has no model card.\n"
    lines = [f"# {escaped(card.title)}", "", escaped(card.summary), "", *written_lists(card), "## Measured", ""]
    lines += [f"- {escaped(key)}: {escaped(value)}" for key, value in measured_facts(report)]
    return "\n".join([*lines, "", "## Licence", "", escaped(card.licence), ""])


def written_lists(card: Card) -> Iterator[str]:
    for heading, field in LISTS:
        yield from (f"## {heading}", "", *(f"- {escaped(item)}" for item in getattr(card, field)), "")
