"""What the model looks at: by how much it gets worse when a column is shuffled."""

from markupsafe import Markup

from components.evaluation.verdict import Measured
from components.slice_report.facts import Importance, Report
from components.slice_report.page.charts import Scale, whisker, whisker_scale
from components.slice_report.page.formats import counted, difference, interval
from components.slice_report.page.html import name, row, table, tag
from components.slice_report.page.sections.section import absent, missing_notes, section


def explanations_section(report: Report) -> Markup:
    """A table for all rows, and one for a weak slice."""
    none = report.verdict is not None and not report.importances
    nothing = absent("There are too few rows to shuffle.") if none else None
    explained = (
        "Growth of the mean log loss when the values of a column are shuffled among the rows (permutation importance). "
        "Columns that say the same share their importance, so that each alone may look unimportant."
    )
    parts = [importance_part(importance) for importance in report.importances]
    note = tag("p", explained, class_="muted") if parts else None
    return section("explanations", missing_notes(report, "explanations"), nothing, note, parts)


def importance_part(importance: Importance) -> Markup:
    """One scope."""
    where = "All test rows" if importance.scope == "overall" else importance.scope
    scale = whisker_scale([measured for _, measured in importance.columns])
    rows = [importance_row(column, measured, scale) for column, measured in importance.columns]
    heading = tag("h3", name(where), f", {counted(importance.rows, 'row')}")
    return heading + table(
        f"Importance of columns: {where}", ("Column", "Growth of log loss", "Drawn", "95 % interval"), rows
    )


def importance_row(column: str, measured: Measured, scale: Scale | None) -> Markup:
    """One column."""
    cells = [difference(measured.value), whisker(measured, scale, 0.0), interval(measured, signed=True)]
    return row(name(column), cells)
