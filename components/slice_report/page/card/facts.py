"""The measured facts of a model card, as text."""

from collections.abc import Iterator

from components.artifacts.run_order import time_in
from components.evaluation.verdict import Check, Measurement
from components.slice_report.facts import Card, ColumnStats, Data, Lineage, Report, Training
from components.slice_report.page.card.parts import Rows
from components.slice_report.page.formats import (
    as_in_data,
    count,
    counted,
    difference,
    duration,
    interval,
    number,
    share,
    title,
)
from components.slice_report.page.meanings import CALIBRATION_ERROR, MEANINGS
from components.slice_report.page.sections.fairness import RATES
from components.slice_report.page.sections.slices import metric_names, worst_first

# Slices and weak segments that a card lists; the page has all.
MOST_SLICES, MOST_SEGMENTS = 20, 5


def identity(report: Report, card: Card) -> Iterator[tuple[str, str]]:
    """Yield which model this is, and who answers for it."""
    started = time_in(report.run.run)
    yield "Version", card.version or f"run {report.run.run}"
    yield "Date", started.strftime("%Y-%m-%d %H:%M UTC") if started else ""
    yield "Pipeline and run", f"{report.run.pipeline} {report.run.run}"
    yield "Version before", f"run {report.run.baseline_run}" if report.run.baseline_run else "no baseline"
    yield "Verdict", verdict_in_words(report)
    yield "Owners", ", ".join(card.owners)


def verdict_in_words(report: Report) -> str:
    if report.verdict is None:
        return "not evaluated"
    return f"{report.verdict.outcome}, on {counted(report.verdict.rows, 'test row')}"


def provenance(lineage: Lineage) -> Iterator[tuple[str, str]]:
    """Yield the origin of the model: code, data and the model itself."""
    yield "Code commit", lineage.commit or "not known: the code was not in a Git checkout"
    yield from ((f"Digest of the code of {part}", found) for part, found in lineage.sources)
    yield from ((words.replace("_", " ").capitalize(), found) for words, found in lineage.data)
    yield "Digest of the model", lineage.model_digest
    yield "Digest of the signature", lineage.signature_digest or "not signed"


def training_facts(training: Training) -> Iterator[tuple[str, str]]:
    """Yield the course of the training."""
    epochs = max((len(values) for values in training.curves.values()), default=0)
    yield "Epochs", f"{epochs}, weights of epoch {training.best_epoch}"
    yield "Steps", f"{training.steps:,}"
    yield "Workers", f"{training.workers}, strategy {training.strategy}"
    yield "Time", f"{duration(training.elapsed_s)}, {training.examples_per_s:,.0f} examples/s"


def config_value(report: Report, key: str) -> str:
    """Return an effective setting, as text; empty if it is not known."""
    return dict(report.lineage.config).get(key, "") if report.lineage else ""


def rows_by_split(report: Report) -> dict[str, int]:
    columns = report.data.columns if report.data else ()
    return {column.split: column.rows for column in columns}


def data_facts(report: Report, data: Data) -> Iterator[tuple[str, str]]:
    """Yield sizes of the data and the findings on it."""
    yield from ((f"Rows, {split}", f"{rows:,}") for split, rows in rows_by_split(report).items())
    yield "Columns", str(len({column.column for column in data.columns}))
    outcomes = [entry.outcome for entry in data.gate]
    yield (
        "Anomalies at the gate",
        ", ".join(f"{outcomes.count(one)} {one}" for one in dict.fromkeys(outcomes)) or "none",
    )
    accepted = [f"{entry.feature}: {entry.reason}" for entry in data.gate if entry.outcome == "accepted"]
    yield "Accepted, with the reason", "; ".join(dict.fromkeys(accepted))
    shared = [leak for leak in data.leaks if leak.what == "rows" and leak.shared]
    words = [f"{leak.shared:,} of {leak.split} in {leak.also_in} ({share(leak.share)})" for leak in shared]
    yield "Rows in two splits", ", ".join(words) or "none"
    unseen = [f"{item.column} in {item.split}: {item.distinct:,}" for item in data.new_categories]
    yield "Values unseen in training", ", ".join(unseen) or "none"


def column_table(data: Data) -> Rows:
    """Return the columns of the training rows: what the model may be given."""
    rows = tuple(column_cells(column) for column in data.columns if column.split == "train")
    headings = ("Column", "Type", "Missing", "Distinct", "Least", "Median", "Most")
    return Rows("Columns of the training rows", headings, rows)


def column_cells(column: ColumnStats) -> tuple[str, ...]:
    distinct = "" if column.distinct is None else f"{'about ' * column.estimated}{column.distinct:,}"
    numbers = (column.minimum, column.median, column.maximum)
    written = ("" if value is None else as_in_data(value) for value in numbers)
    return (column.column, column.type, share(column.missing), distinct, *written)


def metric_table(report: Report) -> Rows:
    """Return each metric on all test rows, with its meaning."""
    overall = next((item.metrics for item in report.slices if not item.features), {})
    rows = tuple(
        (title(metric), *value_cells(overall[metric]), MEANINGS.get(title(metric), ""))
        for metric in metric_names(report)
        if metric in overall
    )
    return Rows("Metrics on all test rows", ("Metric", "Value", "95 % interval", "Meaning"), rows)


def value_cells(measured: Measurement | None) -> tuple[str, str]:
    return number(measured.value if measured else None), interval(measured)


def bound_table(report: Report) -> Rows:
    """Return the bounds that the model had to keep."""
    checks = report.verdict.checks if report.verdict else ()
    headings = ("Metric", "Slice", "Value", "95 % interval", "Bound", "Outcome")
    return Rows("Bounds", headings, tuple(check_cells(check) for check in checks))


def check_cells(check: Check) -> tuple[str, ...]:
    measured = None if check.value is None else Measurement(check.value, check.interval)
    outcome = {"kept": "kept", "too close": "too close to call", "missed": check.why or "missed"}[check.state]
    return (check.metric, check.slice, *value_cells(measured), check.bound, outcome)


def slice_table(report: Report) -> Rows:
    """Return the primary metric by slice, the worst first."""
    metric = report.primary_metric
    known = [item for _, item in worst_first(report) if item.features and metric in item.metrics]
    rows = tuple(
        (item.name, count(item.rows), *value_cells(item.metrics[metric]), item.too_small)
        for item in known[:MOST_SLICES]
    )
    of = f", {MOST_SLICES} of {len(known)}" if len(known) > MOST_SLICES else ""
    headings = ("Slice", "Rows", title(metric), "95 % interval", "Note")
    return Rows(f"{title(metric)} by slice, the worst first{of}", headings, rows)


def weak_table(report: Report) -> Rows:
    found = report.weak.found if report.weak else ()
    rows = tuple(
        (
            " and ".join(f"{feature} = {value}" for feature, value in segment.features),
            count(segment.rows),
            number(segment.log_loss),
            number(segment.entropy),
            *value_cells(segment.excess),
        )
        for segment in found[:MOST_SEGMENTS]
    )
    total = (report.weak.total if report.weak else None) or len(found)
    of = f", {MOST_SEGMENTS} of {total}" if total > MOST_SEGMENTS else ""
    return Rows(
        f"Weak segments{of}", ("Segment", "Rows", "Log loss", "Base rate's", "Excess loss", "95 % interval"), rows
    )


def group_table(report: Report) -> Rows:
    """Return the gaps between groups."""
    rows = tuple(
        (
            sensitive.feature,
            RATES[gap.rate][0],
            gap.best,
            gap.worst,
            number(gap.difference),
            *value_cells(Measurement(gap.ratio, gap.ratio_interval)),
        )
        for sensitive in report.fairness
        for gap in sensitive.gaps
    )
    headings = ("By", "Rate", "Best group", "Worst group", "Difference", "Worst ÷ best", "95 % interval")
    return Rows(f"Gaps between groups at a decision threshold of {number(report.decision_threshold)}", headings, rows)


def quality_facts(report: Report) -> Iterator[tuple[str, str]]:
    """Yield what is measured of the scores as a whole."""
    yield "Decision threshold", number(report.decision_threshold)
    if report.calibration_error is not None:
        yield "Expected calibration error", f"{number(report.calibration_error)}: {CALIBRATION_ERROR}"


def change_tables(report: Report) -> tuple[Rows, Rows, Rows]:
    """Return the changes since the baseline: of the config, the schema and the metrics."""
    config = tuple(
        (change.key, change.before or "not set", change.after or "not set")
        for change in (report.lineage.config_changes if report.lineage else None) or ()
    )
    schema = tuple(
        (change.column, change.before or "absent", change.after or "absent")
        for change in (report.data.schema_changes if report.data else None) or ()
    )
    metrics = tuple(
        (item.metric, difference(item.to_baseline.value), interval(item.to_baseline, signed=True))
        for item in report.comparisons
        if item.to_baseline
    )
    return (
        Rows("Config, before and now", ("Key", "Before", "Now"), config),
        Rows("Schema, before and now", ("Column", "Before", "Now"), schema),
        Rows("Metrics, this model minus the baseline", ("Metric", "Difference", "95 % interval"), metrics),
    )
