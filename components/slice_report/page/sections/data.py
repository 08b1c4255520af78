"""The data: statistics by split, the gate, schema and drift against the baseline, leaks between splits."""

from collections.abc import Iterable

from markupsafe import Markup

from components.slice_report.facts import ColumnStats, Data, Drift, GateEntry, Leak, NewCategory, Report, SchemaChange
from components.slice_report.page.charts import histogram, meter
from components.slice_report.page.formats import as_in_data, count, counted, number, share
from components.slice_report.page.html import Child, details, name, row, table, tag
from components.slice_report.page.sections.section import absent, missing_notes, section, without_baseline


def data_section(report: Report) -> Markup:
    if report.data is None:
        return section("data", missing_notes(report, "data"))
    data, nothing = report.data, without_baseline(report)
    parts = [
        gate_part(data),
        schema_part(data, nothing),
        drift_part(data, nothing),
        leaks_part(data),
        new_part(data),
        statistics_part(data),
    ]
    return section("data", missing_notes(report, "data"), parts)


def part(heading: str, headings: Iterable[Child], rows: list[Markup], nothing: str, key: str) -> Markup:
    """Draw a table with its heading, or the text for an empty table."""
    return tag("h3", heading, id=key) + (table(heading, headings, rows) if rows else absent(nothing))


def gate_part(data: Data) -> Markup:
    """Draw the anomalies that the gate blocked, accepted or let pass."""
    headings = ("Outcome", "Column", "Rule", "Seen", "Split", "Severity", "Reason")
    return part("Validation gate", headings, [gate_row(entry) for entry in data.gate], "No anomalies.", "gate")


def gate_row(entry: GateEntry) -> Markup:
    kind = {"blocked": "bad", "accepted": "warn"}.get(entry.outcome)
    outcome = tag("span", entry.outcome, class_=kind)
    cells = [name(text) for text in (entry.feature, entry.rule, entry.seen, entry.split, entry.severity, entry.reason)]
    return row(outcome, cells)


def schema_part(data: Data, no_baseline: str) -> Markup:
    changes, heading = data.schema_changes, "Schema changes since the baseline"
    nothing = no_baseline if changes is None else "No differences."
    return part(
        heading, ("Column", "Before", "Now"), [schema_row(change) for change in changes or ()], nothing, "schema"
    )


def schema_row(change: SchemaChange) -> Markup:
    return row(name(change.column), name(change.before or "absent"), name(change.after or "absent"))


def drift_part(data: Data, no_baseline: str) -> Markup:
    headings = ("Column", "Measure", "Distance", "Bound", "Chart", "Missing before", "Missing now", "Outcome")
    nothing = no_baseline if data.drift is None else "No column can be compared."
    rows = [drift_row(item) for item in data.drift or ()]
    return part("Drift from the baseline's training rows", headings, rows, nothing, "drift")


def drift_row(item: Drift) -> Markup:
    outcome = tag("td", "✗ drifted", class_="bad") if item.exceeded else tag("td", "✓ within", class_="good")
    drawn = meter(item.distance, item.bound, f"distance {number(item.distance)} of a bound of {number(item.bound)}")
    return row(
        name(item.column), item.measure, number(item.distance), number(item.bound), tag("td", drawn),
        share(item.missing_before), share(item.missing), outcome,
    )  # fmt: skip


def leaks_part(data: Data) -> Markup:
    """Draw the rows and ids that two splits share."""
    headings = ("What", "Split", "Also in", "Rows shared", "Share of the split")
    return part(
        "Shared between splits", headings, [leak_row(leak) for leak in data.leaks], "No shared rows or ids.", "shared"
    )


def leak_row(leak: Leak) -> Markup:
    what = "whole rows" if leak.what == "rows" else tag("span", "ids in ", name(leak.what))
    kind = "warn" if leak.what == "rows" and leak.shared else None
    return row(what, leak.split, leak.also_in, tag("td", count(leak.shared), class_=kind), share(leak.share))


def new_part(data: Data) -> Markup:
    """Draw the values that do not occur in the training rows."""
    headings = ("Column", "Split", "Unseen values", "Rows", "Examples")
    return part(
        "Values unseen in training",
        headings,
        [new_row(item) for item in data.new_categories],
        "All values occur in the training rows.",
        "unseen",
    )


def new_row(item: NewCategory) -> Markup:
    some = Markup(", ").join(name(value) for value in item.values)
    return row(name(item.column), item.split, f"{item.distinct:,}", count(item.rows), some)


def statistics_part(data: Data) -> Markup:
    """Draw the statistics of all columns, folded, since there may be many."""
    headings = (
        "Column", "Split", "Type", "Rows", "Missing", "Distinct", "Mean", "Std. dev.", "Min", "Median", "Max", "Zeros",
        "Values",
    )  # fmt: skip
    columns = len({item.column for item in data.columns})
    drawn = table(
        "Statistics by column and split",
        headings,
        [column_row(item) for item in data.columns],
        data_columns="statistics",
    )
    return tag("h3", "Statistics") + details(f"{counted(columns, 'column')}, by split", drawn)


def column_row(item: ColumnStats) -> Markup:
    numbers = (item.mean, item.std_dev, item.minimum, item.median, item.maximum)
    distinct = number(None) if item.distinct is None else f"{'about ' * item.estimated}{item.distinct:,}"
    label = f"{item.column} in {item.split}: {counted(len(item.histogram), 'bar')}"
    return row(
        name(item.column), item.split, item.type, count(item.rows), share(item.missing), distinct,
        [as_in_data(value) for value in numbers], share(item.zeros), tag("td", histogram(item.histogram, label)),
    )  # fmt: skip
