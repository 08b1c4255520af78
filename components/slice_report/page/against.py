"""Two runs side by side."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from components.evaluation.ranked.within_groups import RANKED
from components.evaluation.slice_values import float_named
from components.evaluation.tasks.registry import METRICS
from components.evaluation.verdict import Measurement, badness
from components.slice_report.facts import Pairs, Report, Slice
from components.slice_report.page.card import rows_by_split, verdict_in_words
from components.slice_report.page.formats import difference, number, title
from components.slice_report.page.html import name, row, table, tag
from components.slice_report.page.sections.section import absent
from components.slice_report.page.sections.verdict import AREAS
from components.slice_report.settings import config_changes

UNTESTED = (
    "The differences of metrics are not tested, because the two runs may have different test rows: they may be noise."
)
AREA_NAMES = ("auc", "auc_precision_recall")
WITHIN_GROUPS = tuple(METRICS[kind] for kind in RANKED)


def comparison_section(report: Report, other: Report) -> Markup:
    """Draw the differences, in the order of the page."""
    heading = tag("h2", "Against run ", name(other.run.run), id="against-title")
    parts = (
        facts_part(report, other),
        tag("p", UNTESTED, class_="note"),
        metrics_part(report, other),
        slices_part(report, other),
        config_part(report, other),
    )
    return tag("section", heading, parts, id="against", aria_labelledby="against-title")


def facts_part(report: Report, other: Report) -> Markup:
    both = [
        ("Pipeline", report.run.pipeline, other.run.pipeline),
        ("Verdict", verdict_in_words(report), verdict_in_words(other)),
    ]
    rows, others = rows_by_split(report), rows_by_split(other)
    both += [
        (f"Rows, {split}", number(rows.get(split)), number(others.get(split)))
        for split in dict.fromkeys([*rows, *others])
    ]
    headings = ("Fact", f"This run, {report.run.run}", f"Other run, {other.run.run}")
    return table("The two runs", headings, [row(what, name(here), name(there)) for what, here, there in both])


def overall(report: Report) -> Mapping[str, Measurement]:
    """Return the metrics of all test rows."""
    return next((item.metrics for item in report.slices if not item.features), {})


def metrics_part(report: Report, other: Report) -> Markup:
    """Draw all metrics on all test rows; the test rows of the two runs may differ."""
    heading, here, there = tag("h3", "All test rows"), overall(report), overall(other)
    names = [metric for metric in METRICS.values() if metric in here or metric in there]
    alike = Comparability(report, other)
    rows = [metric_row(metric, here.get(metric), there.get(metric), alike) for metric in names]
    drawn = table("Metrics of the two runs", HEADINGS, rows) if rows else absent("Neither run was evaluated.")
    return heading + drawn + alike.note()


@dataclass(frozen=True)
class Comparability:
    """Tells which metrics both reports computed in the same way."""

    report: Report
    other: Report

    def has(self, metric: str) -> bool:
        """Return True if the values of a metric can be compared."""
        if metric in WITHIN_GROUPS:
            return ranking(self.report) == ranking(self.other)
        return metric not in AREA_NAMES or self.report.areas == self.other.areas

    def note(self) -> Markup:
        """Explain why differences are not shown."""
        why = []
        if self.report.areas != self.other.areas:
            here, there = (AREAS[report.areas] for report in (self.report, self.other))
            why.append(f"This run: {here} Other run: {there} They cannot be compared.")
        groups = [ranking(report) for report in (self.report, self.other)]
        if all(groups) and groups[0] != groups[1]:
            here, there = (f"within {', '.join(by)} at {top}" for by, top in filter(None, groups))
            why.append(f"This run ranks rows {here}, the other {there}. Metrics of groups cannot be compared.")
        return Markup().join(tag("p", text, class_="note") for text in why)


def ranking(report: Report) -> tuple[tuple[str, ...], int] | None:
    """Return the columns that name the groups within which rows are ranked, and how many of the first rows count."""
    return (report.ranked.by, report.ranked.top) if report.ranked else None


HEADINGS = ("Metric", "This run", "Other run", "Difference")


def metric_row(metric: str, here: Measurement | None, there: Measurement | None, alike: "Comparability") -> Markup:
    values = [number(measured.value if measured else None) for measured in (here, there)]
    return row(title(metric), values, change_cell(here, there) if alike.has(metric) else tag("td", number(None)))


def change_cell(here: Measurement | None, there: Measurement | None) -> Markup:
    """Draw the difference; without a test it is not called better or worse."""
    if here is None or there is None:
        return tag("td", number(None))
    change = here.value - there.value
    return tag("td", difference(change), data_v=change)


def slices_part(report: Report, other: Report) -> Markup:
    """Draw the primary metric by slice, the largest loss first."""
    metric = report.primary_metric
    theirs, mine = by_features(other), by_features(report)
    alike = Comparability(report, other).has(metric)
    both = [(mine.get(key), theirs.get(key)) for key in dict.fromkeys([*mine, *theirs]) if key]
    both.sort(key=lambda pair: -loss(pair, metric) if alike else 0.0)
    rows = [slice_row(pair, metric, alike) for pair in both]
    headings = ("Slice", "Rows here", "Rows there", "This run", "Other run", "Difference")
    drawn = table(f"{title(metric)} by slice, the largest loss first", headings, rows) if rows else absent("No slices.")
    return tag("h3", "Slices") + drawn


def by_features(report: Report) -> dict[Pairs, Slice]:
    """Return the slices by their features, also from reports that wrote a float32 in the digits of a double."""
    floats = {column.column for column in report.data.columns if column.type == "FLOAT"} if report.data else set()
    return {
        tuple((name, same_float(text) if name in floats else text) for name, text in item.features): item
        for item in report.slices
    }


def same_float(text: str) -> str:
    """Return the text of a float32 as this release writes it."""
    try:
        return float_named(text)
    except ValueError:
        return text


def value_of(item: Slice | None, metric: str) -> Measurement | None:
    return item.metrics.get(metric) if item else None


def loss(pair: tuple[Slice | None, Slice | None], metric: str) -> float:
    """Return by how much this run is worse; slices of one run only sort last."""
    here, there = (value_of(item, metric) for item in pair)
    lost = badness(metric, here.value) - badness(metric, there.value) if here and there else math.nan
    return -math.inf if math.isnan(lost) else lost


def slice_row(pair: tuple[Slice | None, Slice | None], metric: str, alike: bool) -> Markup:
    rows = [f"{item.rows:,}" if item else number(None) for item in pair]
    here, there = (value_of(item, metric) for item in pair)
    values = [number(measured.value if measured else None) for measured in (here, there)]
    label = next(item.name for item in pair if item)
    return row(name(label), rows, values, change_cell(here, there) if alike else tag("td", number(None)))


def config_part(report: Report, other: Report) -> Markup:
    """Draw the config keys that differ."""
    heading = tag("h3", "Config")
    if report.lineage is None or other.lineage is None:
        return heading + absent("One of the runs has no lineage.")
    changes = config_changes(dict(other.lineage.config), dict(report.lineage.config))
    rows = [row(name(item.key), name(item.after or "not set"), name(item.before or "not set")) for item in changes]
    return heading + (
        table("Keys that differ", ("Key", "This run", "Other run"), rows) if rows else absent("No differences.")
    )
