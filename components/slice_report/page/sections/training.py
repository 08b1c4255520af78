"""The training."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from components.slice_report.facts import Report, Training
from components.slice_report.page.charts import line_chart
from components.slice_report.page.formats import counted, duration, number
from components.slice_report.page.html import details, name, pairs, row, table, tag
from components.slice_report.page.sections.section import missing_notes, section


def training_section(report: Report) -> Markup:
    training = report.training
    if training is None:
        return section("training", missing_notes(report, "training"))
    charts = tag(
        "div",
        [line_chart(metric, series, training.best_epoch) for metric, series in by_metric(training)],
        class_="charts",
    )
    explained = tag("p", "By epoch. Dashed line: the epoch whose weights were kept.", class_="muted")
    settings = pairs((name(key), name(value)) for key, value in training.settings)
    return section(
        "training",
        [warning_note(warning) for warning in training.warnings],
        facts(training),
        charts,
        explained,
        values_part(training),
        details("Settings", settings),
    )


def warning_note(warning: str) -> Markup:
    return tag("p", tag("strong", "Warning. "), warning, class_="note")


def facts(training: Training) -> Markup:
    epochs = max((len(values) for values in training.curves.values()), default=0)
    return pairs(
        [
            ("Epochs", f"{epochs}, chosen: {training.best_epoch}"),
            ("Steps", f"{training.steps:,} ({training.steps_per_epoch:,} an epoch)"),
            ("Speed", f"{training.examples_per_s:,.0f} examples/s"),
            ("Time", duration(training.elapsed_s)),
            ("Strategy", f"{training.strategy}, {counted(training.workers, 'worker')}"),
        ]
    )


def by_metric(training: Training) -> list[tuple[str, Mapping[str, Sequence[float]]]]:
    """Return each metric with its curves on the train and the eval split."""
    metrics = dict.fromkeys(key.removeprefix("val_") for key in training.curves)
    named = {
        metric: {"train": training.curves.get(metric), "eval": training.curves.get(f"val_{metric}")}
        for metric in metrics
    }
    return [(metric, {key: values for key, values in series.items() if values}) for metric, series in named.items()]


def values_part(training: Training) -> Markup:
    """Draw the curves as numbers."""
    epochs = range(max((len(values) for values in training.curves.values()), default=0))
    rows = [
        row(
            str(epoch + 1),
            [number(values[epoch]) if epoch < len(values) else "" for values in training.curves.values()],
        )
        for epoch in epochs
    ]
    return details("Values by epoch", table("Values by epoch", ["Epoch", *training.curves], rows))
