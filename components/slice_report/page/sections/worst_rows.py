"""The rows with the highest loss: of all rows and of weak segments on the page, of a slice in its dialog."""

import json

from markupsafe import Markup

from components.evaluation.verdict import slice_name
from components.slice_report.facts import Report, Scope, WorstRow, WorstRows
from components.slice_report.page.formats import count, difference, number
from components.slice_report.page.frame import as_data
from components.slice_report.page.html import name, row, shorten, table, tag
from components.slice_report.page.sections.section import absent

# The features that moved the score of a row most.
MOST_FEATURES = 3
HEADINGS = ("Row", "Label", "Score", "Loss")
MOVED = "Moved by"


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
    words = "All test rows" if scope.name == slice_name(()) else scope.name
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
