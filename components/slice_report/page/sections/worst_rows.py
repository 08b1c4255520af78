"""Single rows: those whose label may be wrong, and those with the highest loss, of a slice in its dialog."""

import json

from markupsafe import Markup

from components.evaluation.verdict import slice_name
from components.slice_report.analysis.statistics import expected_count
from components.slice_report.facts import (
    FEWEST_SUSPECTS,
    SUSPECTS,
    LabelSuspects,
    LabelTail,
    Report,
    Scope,
    WorstRow,
    WorstRows,
)
from components.slice_report.page.formats import count, difference, number, p_value, share
from components.slice_report.page.frame import as_data
from components.slice_report.page.html import name, row, shorten, table, tag
from components.slice_report.page.sections.section import absent

# The features that moved the score of a row most.
MOST_FEATURES = 3
HEADINGS = ("Row", "Label", "Score", "Loss")
MOVED = "Moved by"
SUSPECT_HEADINGS = ("Label", "Where the score is", "Rows", "With that label", "Expected", "p-value")


def suspects_part(report: Report) -> Markup | None:
    """Draw how many labels contradict a confident score, how many should, and what else that can mean."""
    if report.suspects is None:
        return None
    suspects, unit = report.suspects, "unit" if report.cluster_by else "row"
    words = (
        "The scores of test rows say how many of them should have a label that is unlikely. Where significantly more "
        f"have it (one-sided, by {unit}, with a probability of a false alarm of {share(suspects.level)} over both), "
        f"and at least {FEWEST_SUSPECTS}, labels may be wrong (confident learning, Northcutt et al. 2021). The cause "
        "may also be the model: one that is too sure of itself, or lacks a feature that would explain these rows, "
        "looks the same."
    )
    where = {1: f"at most {suspects.unlikely}", 0: f"at least {1 - suspects.unlikely}"}
    rows = [
        row(str(tail.label), where[tail.label], count(tail.rows), tag("td", count(tail.suspects), mark(suspects, tail)),
            expected_count(tail.expected), p_value(tail.p_value))
        for tail in suspects.tails
    ]  # fmt: skip
    heading = tag("h3", "Labels that contradict a confident score", id="label-suspects")
    drawn = table("Labels that contradict a confident score", SUSPECT_HEADINGS, rows)
    return heading + tag("p", words, class_="muted") + drawn + rows_of_suspects(report)


def mark(suspects: LabelSuspects, tail: LabelTail) -> Markup | None:
    return tag("small", "more than expected", class_="warn") if tail in suspects.found else None


def rows_of_suspects(report: Report) -> Markup:
    """Draw the suspects that are most in doubt, if columns may be shown."""
    if not report.suspects or not report.suspects.found:
        return Markup()
    if report.worst_rows is None:
        return absent("The rows are not shown: report.example_columns names no column that may be.")
    scopes = [scope for scope in report.worst_rows.scopes if scope.name == SUSPECTS]
    return Markup().join(scope_part(report.worst_rows, scope) for scope in scopes)


def worst_rows_part(report: Report) -> Markup | None:
    """Draw the worst rows of all rows and of each weak segment."""
    if report.verdict is None:
        return None
    heading = tag("h3", "Rows with the highest loss", id="worst-rows")
    found = report.worst_rows
    if found is None:
        return heading + absent("Not shown: report.example_columns names no column that may be.")
    explained = tag(
        "p",
        f"{MOVED}: the features that moved the score of a row most, with the score minus its mean with the values of "
        "ten other test rows in that column. Look for wrong labels, and for what the model does not know. Select a "
        "slice for its rows.",
        class_="muted",
    )
    weak = {slice_name(segment.features) for segment in report.weak.found} if report.weak else set()
    drawn = [scope for scope in found.scopes if scope.name == slice_name(()) or scope.name in weak]
    return heading + explained + Markup().join(scope_part(found, scope) for scope in drawn) + for_dialog(report, found)


def scope_part(found: WorstRows, scope: Scope) -> Markup:
    """Draw the worst rows of one scope, folded."""
    words = {slice_name(()): "All test rows", SUSPECTS: "Suspects, most in doubt first"}.get(scope.name, scope.name)
    rows = (worst_row(found, found.rows[position]) for position in scope.rows)
    drawn = table(f"Rows with the highest loss: {words}", (*HEADINGS, *map(name, found.columns), MOVED), rows)
    return tag("details", tag("summary", name(words)), drawn)


def worst_row(found: WorstRows, item: WorstRow) -> Markup:
    values = [name(value) for value in item.values]
    cells = [str(item.label), number(item.score), number(item.loss), *values, moved(found, item)]
    return row(count(item.number), *cells)


def moved(found: WorstRows, item: WorstRow) -> str:
    """Return the features that moved a score most, with how far.

    >>> found = WorstRows((), ("age", "city", "sex"), (), ())
    >>> moved(found, WorstRow(1, 0, 0.9, 2.3, (), (0.01, -0.3, 0.2)))
    'city −0.3000, sex +0.2000, age +0.0100'
    """
    pairs = sorted(zip(item.contributions, found.features, strict=False), key=lambda pair: -abs(pair[0]))
    return ", ".join(f"{shorten(feature)} {difference(by)}" for by, feature in pairs[:MOST_FEATURES] if by)


def for_dialog(report: Report, found: WorstRows) -> Markup:
    """Return each row once as texts, and the rows of each slice in the order of the report's, as JSON."""
    of = {scope.name: scope.rows for scope in found.scopes}
    facts = {
        "heads": [*HEADINGS, *map(shorten, found.columns), MOVED],
        "rows": [row_texts(found, item) for item in found.rows],
        "slices": [of.get(item.name, ()) for item in report.slices],
    }
    return as_data(json.dumps(facts, separators=(",", ":")), "worst")


def row_texts(found: WorstRows, item: WorstRow) -> list[str]:
    return [count(item.number), str(item.label), number(item.score), number(item.loss), *map(shorten, item.values),
            moved(found, item)]  # fmt: skip
