"""Permutation importance: how much worse the model gets when a column is shuffled."""

from markupsafe import Markup

from components.evaluation.verdict import Measurement
from components.slice_report.facts import Importance, Report
from components.slice_report.page.charts import Scale, whisker, whisker_scale
from components.slice_report.page.formats import counted, difference, interval
from components.slice_report.page.html import name, row, table, tag
from components.slice_report.page.sections.section import absent, missing_notes, section
from components.slice_report.page.sections.worst_rows import suspects_part, worst_rows_part


def explanations_section(report: Report) -> Markup:
    """Draw one table for all rows and one for a weak slice."""
    none = report.verdict is not None and not report.importances
    nothing = absent("Too few rows for permutation importance.") if none else None
    explained = (
        "Increase in mean log loss when the values of a column are shuffled among the rows (permutation importance). "
        "Columns with the same information share their importance, so each alone may look unimportant."
    )
    parts = [importance_part(importance) for importance in report.importances]
    note = tag("p", explained, class_="muted") if parts else None
    rows = [worst_rows_part(report), suspects_part(report)]
    return section("explanations", missing_notes(report, "explanations"), nothing, note, parts, rows)


def importance_part(importance: Importance) -> Markup:
    where = "All test rows" if importance.scope == "overall" else importance.scope
    scale = whisker_scale([measured for _, measured in importance.columns])
    rows = [importance_row(column, measured, scale) for column, measured in importance.columns]
    heading = tag("h3", name(where), f", {sample_in_words(importance)}")
    return heading + table(
        f"Importance of columns: {where}", ("Column", "Increase in log loss", "Chart", "95 % interval"), rows
    )


def sample_in_words(importance: Importance) -> str:
    """Return the number of rows, of how many if they are a sample.

    >>> sample_in_words(Importance("overall", 2000, (), 10000)), sample_in_words(Importance("overall", 1, (), 1))
    ('a sample of 2,000 of 10,000 rows', '1 row')
    """
    of = importance.drawn_from
    sampled = of is not None and importance.rows < of
    return f"a sample of {importance.rows:,} of {of:,} rows" if sampled else counted(importance.rows, "row")


def importance_row(column: str, measured: Measurement, scale: Scale | None) -> Markup:
    cells = [difference(measured.value), whisker(measured, scale, 0.0), interval(measured, signed=True)]
    return row(name(column), cells)
