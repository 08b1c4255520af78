"""The table of slices, worst first, and the weak segments."""

import math
from collections.abc import Mapping, Sequence

from markupsafe import Markup

from components.evaluation.changes.significance import sure_direction
from components.evaluation.tasks.registry import METRICS
from components.evaluation.verdict import Measurement, badness
from components.slice_report.facts import Report, Segment, Slice, WeakSegments
from components.slice_report.page.charts import Scale, whisker, whisker_scale
from components.slice_report.page.formats import count, counted, difference, interval, number, p_value, share, title
from components.slice_report.page.html import Child, breakable, name, row, table, tag
from components.slice_report.page.meanings import meanings_part
from components.slice_report.page.sections.section import absent, missing_notes, section

# The number of rows, which has its own column.
COUNT = "example_count"
SEGMENT_HEADINGS = (
    "Segment", "Rows", "Share", "Log loss", "Base rate's", "Excess loss", "Δ to baseline", "p, adjusted",
)  # fmt: skip
SHOWN = (("interval", "95 % interval"), ("rest", "Δ to other rows"), ("baseline", "Δ to baseline"))


def slices_section(report: Report) -> Markup:
    return section(
        "slices",
        missing_notes(report, "slices"),
        slices_part(report) if report.slices else None,
        weak_part(report.weak) if report.weak else None,
    )


def slices_part(report: Report) -> Markup:
    explained = (
        "Worst first by {}. Dot: value; line: 95 % interval; dashed line: all rows. ▲ and ▼: higher and lower than in "
        "all other rows, at a false discovery rate of 5 % over the table; only AUC, recall and calibration, which do "
        "not depend on the share of positives. Grey: too few rows or units. Select a slice for its curves."
    )
    return (
        tag("p", explained.format(title(report.primary_metric)), class_="muted")
        + meanings_part(map(title, metric_names(report)))
        + controls(report.slices)
        + slice_table(report)
        + tag("p", "", id="slices-shown", role="status", class_="muted")
    )


def controls(slices: Sequence[Slice]) -> Markup:
    """Draw the filters of the table; they stay hidden without the script."""
    groups = sorted({group_of(item) for item in slices if item.features})
    options = [tag("option", "all", value=""), [tag("option", group, value=group) for group in groups]]
    shown = [tag("option", words, value=key) for key, words in SHOWN]
    return tag(
        "form",
        tag("label", "Find a slice ", tag("input", type="search", id="slice-filter", autocomplete="off")),
        tag("label", "By ", tag("select", options, id="slice-group")),
        tag("label", "Below each value ", tag("select", shown, id="slice-below")),
        tag("label", tag("input", type="checkbox", id="slice-flagged"), " only ▲ ▼"),
        tag("label", tag("input", type="checkbox", id="slice-large"), " hide grey"),
        class_="controls", id="slice-controls", aria_label="Filter the slices", hidden=True,
    )  # fmt: skip


def group_of(item: Slice) -> str:
    """Return the features of a slice, without values."""
    return " × ".join(feature for feature, _ in item.features)


def slice_table(report: Report) -> Markup:
    metrics = metric_names(report)
    overall = next((item.metrics for item in report.slices if not item.features), {})
    scales = {metric: scale_of_metric(report.slices, metric) for metric in metrics}
    units = ["Units"] if any(item.units is not None for item in report.slices) else []
    heads = [sortable(breakable(heading)) for heading in ("Slice", "Rows", *units, "Share")]
    wanted = telling(report)
    heads += [sortable(breakable(title(metric)), spare=metric not in wanted) for metric in metrics]
    rows = (
        slice_row(
            item,
            index,
            [tag("td", count(item.units or 0), data_v=item.units or 0)] if units else [],
            [metric_cell(item, metric, overall, scales[metric]) for metric in metrics],
        )
        for index, item in worst_first(report)
    )
    return table(
        "Metrics by slice",
        heads,
        rows,
        id="slice-table",
        class_="sortable",
        data_below="interval",
        data_columns="slices",
    )


def scale_of_metric(slices: Sequence[Slice], metric: str) -> Scale | None:
    """Return the scale of a column; small slices with wide intervals do not count."""
    known = [item for item in slices if metric in item.metrics]
    return whisker_scale([item.metrics[metric] for item in known if not item.too_small])


def metric_names(report: Report) -> list[str]:
    """Return the metrics of all slices, the primary one first, then in the order of ``METRICS``."""
    known = {metric for item in report.slices for metric in item.metrics} - {COUNT}
    order = [report.primary_metric, *METRICS.values(), *sorted(known)]
    return [metric for metric in dict.fromkeys(order) if metric in known]


def worst_first(report: Report) -> list[tuple[int, Slice]]:
    """Sort slices by the primary metric: all rows first, slices that are too small last."""

    def order(entry: tuple[int, Slice]) -> tuple[bool, bool, float]:
        item, metric = entry[1], report.primary_metric
        how_bad = badness(metric, item.metrics[metric].value) if metric in item.metrics else math.nan
        return bool(item.features), bool(item.too_small), -math.inf if math.isnan(how_bad) else -how_bad

    return sorted(enumerate(report.slices), key=order)


def telling(report: Report) -> set[str]:
    """Return the primary metric, those with a bound, and those that are marked in some slice."""
    bounds = report.verdict.checks if report.verdict else ()
    # "AUC against baseline" is a bound on AUC, too.
    bounded = {METRICS.get(check.metric.split()[0], "") for check in bounds}
    marked = {metric for item in report.slices for metric in (*item.differs, *item.regressed)}
    return {report.primary_metric} | bounded | marked


def sortable(heading: Child, *, spare: bool = False) -> Markup:
    """Return a heading with a button that sorts; the script hides a spare column that does not fit."""
    return tag("th", tag("button", heading, type="button"), scope="col", aria_sort="none", data_spare=spare)


def slice_row(item: Slice, index: int, units: list[Markup], cells: list[Markup]) -> Markup:
    """Draw a slice; the script sorts and filters by the ``data_*`` attributes."""
    why = " ".join(filter(None, (item.too_small, item.missing_intervals)))
    head = tag("button", name(item.name), type="button", class_="link", disabled=item.scores is None, data_slice=index)
    notes = tag("small", why) if why else None
    return tag(
        "tr",
        tag("th", head, notes, scope="row", data_v=item.name),
        tag("td", count(item.rows), data_v=item.rows),
        units,
        tag("td", share(item.share), data_v=item.share),
        cells,
        class_="small" if item.too_small else None,
        data_group=group_of(item),
        data_flagged=bool(item.differs),
    )


def metric_cell(item: Slice, metric: str, overall: Mapping[str, Measurement], scale: Scale | None) -> Markup:
    """Draw a value with its whisker, and below it interval and differences, of which the table shows one."""
    measured = item.metrics.get(metric)
    if measured is None:
        return tag("td", number(None), data_v="")
    whole = overall.get(metric) if item.features else None
    to_baseline = item.to_baseline.get(metric)
    return tag(
        "td",
        number(measured.value),
        flag(metric, measured, item.to_rest[metric]) if metric in item.differs else None,
        whisker(measured, scale, whole.value if whole else None),
        tag("small", interval(measured), class_="interval"),
        tag("small", with_interval(item.to_rest.get(metric)), class_="rest"),
        tag("small", with_interval(to_baseline), regression(metric in item.regressed), class_="baseline"),
        data_v=measured.value,
        data_baseline=to_baseline.value if to_baseline else "",
        data_rest=item.to_rest[metric].value if metric in item.to_rest else "",
    )


def with_interval(change: Measurement | None) -> str:
    """Return a difference with its interval, if it has one, as text; empty without a difference.

    >>> with_interval(Measurement(0.01, (0.0, 0.02))), with_interval(Measurement(0.01)), with_interval(None)
    ('+0.0100 (0 … +0.0200)', '+0.0100', '')
    """
    ends = interval(change, signed=True)
    return "" if change is None else f"{difference(change.value)} ({ends})" if ends else difference(change.value)


def regression(regressed: bool) -> Markup | None:
    """Draw a mark for a metric that is worse than the baseline's."""
    words = "worse than the baseline, at a false discovery rate of 5 %"
    return tag("span", " ⚠", class_="bad", title=words, role="img", aria_label=words) if regressed else None


def flag(metric: str, measured: Measurement, to_rest: Measurement) -> Markup:
    """Draw an arrow up or down, labelled better or worse if that is sure."""
    side = "higher" if to_rest.value > 0 else "lower"
    kind = sure_direction(metric, measured, to_rest)
    words = f"{side} than in other rows, {kind}"
    arrow = {"higher": " ▲", "lower": " ▼"}[side]
    return tag("span", arrow, class_=f"flag {kind}", title=words, role="img", aria_label=words)


def weak_part(weak: WeakSegments) -> Markup:
    """Draw the segments that were found, with what was searched and how."""
    heading = tag("h3", "Weak segments", id="weak")
    tried = (
        f"{counted(weak.tried, 'segment')} of one or two features {searched(weak)} were tried, at a false discovery "
        f"rate of {share(weak.level)} over all of them. "
    )
    if not weak.found:
        return heading + absent(tried + "On none has the model less skill than on the other rows.")
    meaning = (
        "Excess loss: mean log loss minus what it would be if the model removed the same share of the entropy of the "
        "labels (the loss of always predicting the segment's base rate) as in the other rows. Ordered by rows times "
        "excess loss."
    )
    if weak.searched is not None:
        what = "rows" if weak.min_units is None else "units"
        meaning += (
            f" The search read a random half of the {what}; losses, excess and difference to the baseline are those of "
            "the other half, so the search has not flattered them."
        )
    shown = f", {len(weak.found)} of {weak.total}" if weak.total is not None else ""
    return (
        heading
        + tag("p", tried + meaning, class_="muted")
        + table(f"Weak segments, worst first{shown}", SEGMENT_HEADINGS, map(segment_row, weak.found))
    )


def searched(weak: WeakSegments) -> str:
    """Say which segments were tried."""
    units = "" if weak.min_units is None else f" of {counted(weak.min_units, 'unit')}"
    of = "" if weak.searched is None else f" among the {weak.searched:,} searched"
    return f"with at least {counted(weak.min_rows, 'row')}{units}{of}"


def segment_row(segment: Segment) -> Markup:
    words = Markup(" and ").join(tag("span", name(feature), " = ", name(value)) for feature, value in segment.features)
    similar = tag("small", f"and {segment.similar} with nearly the same rows") if segment.similar else None
    units = None if segment.units is None else tag("small", counted(segment.units, "unit"))
    to_baseline = segment.to_baseline
    return row(
        [words, similar], tag("td", count(segment.rows), units), share(segment.share), number(segment.log_loss),
        number(segment.entropy), with_below(segment.excess),
        number(None) if to_baseline is None else with_below(to_baseline), p_value(segment.p_adjusted),
    )  # fmt: skip


def with_below(measured: Measurement) -> Markup:
    """Draw a difference with its interval below it."""
    return tag("td", difference(measured.value), tag("small", interval(measured, signed=True)))
