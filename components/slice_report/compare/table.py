"""The table of all lines, drawn for all test rows, and the numbers from which the script draws it for a slice."""

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from components.evaluation.changes.direction import Direction
from components.evaluation.changes.significance import sure_direction
from components.evaluation.verdict import Measurement
from components.slice_report.compare.facts import Cell, Comparison, Difference, Line, Setting
from components.slice_report.compare.lines import short_names
from components.slice_report.page.charts import Scale, scale_of
from components.slice_report.page.formats import counted, difference, interval, number, title
from components.slice_report.page.frame import as_data
from components.slice_report.page.html import Child, name, table, tag
from components.slice_report.page.sections.slices import sortable
from pipeline.criteria import SliceKey

# The page holds so many cells, in less than 5 MB; of more slices, those with the most rows.
MOST_CELLS = 50_000
DIGITS = 6
WHISKER = 64


def slices_on_page(comparison: Comparison) -> list[SliceKey]:
    """Return the slices that the page holds: all, or those with the most rows, in the order of the facts."""
    rows: dict[SliceKey, int] = {}
    for line in comparison.lines:
        for item in line.slices:
            rows[item.features] = max(rows.get(item.features, 0), item.rows)
    most = max(MOST_CELLS // (len(comparison.lines) * max(len(comparison.metrics), 1)), 1)
    kept = set(sorted(rows, key=lambda key: (bool(key), -rows[key]))[:most])
    return [key for key in rows if key in kept]


def line_table(comparison: Comparison) -> Markup:
    """Draw one row for each line: its runs, its verdicts, its metrics on all test rows, and its settings."""
    config = [setting for setting in comparison.settings if setting.kind == "config"]
    heads = [
        *map(sortable, ("Setting", "Runs", "Blessed", *map(title, comparison.metrics))),
        *(sortable_setting(setting, short) for setting, short in zip(config, short_of(config), strict=True)),
    ]
    cells = [{metric: cell for item in line.slices if not item.features for metric, cell in item.metrics.items()}
             for line in comparison.lines]  # fmt: skip
    scales = {metric: scale_of_column([found.get(metric) for found in cells]) for metric in comparison.metrics}
    rows = [
        line_row(comparison, at, [draw(comparison, at, metric, cells[at].get(metric), scales[metric])
                                  for metric in comparison.metrics], config)
        for at in range(len(comparison.lines))
    ]  # fmt: skip
    caption = f"Metrics of {counted(len(rows), 'setting')}"
    return table(caption, heads, rows, id="lines", class_="sortable", data_columns="comparison")


def short_of(settings: Sequence[Setting]) -> list[str]:
    """Return the short names of settings, in their order."""
    return list(short_names([setting.name for setting in settings]).values())


def sortable_setting(setting: Setting, short: str) -> Markup:
    """Return a heading that sorts by a setting."""
    button = tag("button", name(short), type="button", title=setting.name)
    return tag("th", button, scope="col", aria_sort="none")


def scale_of_column(cells: Sequence[Cell | None]) -> Scale | None:
    """Return the scale of the differences in a column, on which zero lies, too."""
    found = [cell.to_reference for cell in cells if cell is not None and cell.to_reference is not None]
    ends = [end for change in found for end in (change.value, *(change.interval or ()))]
    return scale_of([0.0, *ends], 3, WHISKER - 3) if ends else None


def line_row(comparison: Comparison, at: int, cells: Sequence[Markup], config: Sequence[Setting]) -> Markup:
    """Draw the row of a line; the script sorts and filters by the ``data_*`` attributes."""
    line = comparison.lines[at]
    blessed = sum(bool(run.blessed) for run in line.runs)
    note = tag("small", "reference") if at == comparison.reference else None
    words = " ".join([line.name, *(run.run for run in line.runs), *(setting.values[at] for setting in config)])
    return tag(
        "tr",
        tag("th", tag("button", name(line.name), type="button", class_="link", data_line=at), note,
            scope="row", data_v=line.name),
        tag("td", f"{len(line.runs)}", data_v=len(line.runs)),
        tag("td", f"{blessed} of {len(line.runs)}", data_v=blessed / len(line.runs)),
        cells,
        [tag("td", name(setting.values[at] or "not set"), data_v=setting.values[at]) for setting in config],
        data_words=words.lower(), data_line=at,
    )  # fmt: skip


def draw(comparison: Comparison, at: int, metric: str, cell: Cell | None, scale: Scale | None) -> Markup:
    """Draw a value, and below it the difference to the reference; ``compare.js`` draws the same for a slice."""
    change, is_reference = (cell.to_reference if cell else None), at == comparison.reference
    return tag(
        "td",
        number(rounded(cell.mean) if cell else None),
        flag(metric, cell, change) if cell and change else None,
        None if is_reference else change_whisker(change, scale),
        tag("small", "reference" if is_reference else change_words(change)),
        data_v=rounded(cell.mean) if cell else "",
        data_metric=comparison.metrics.index(metric),
    )


def change_whisker(change: Difference | None, scale: Scale | None) -> Markup:
    """Draw a difference on its interval, with a tick above and below zero; screen readers skip it.

    It is one path, since a page has thousands, and the script only sets it anew.
    """
    line = ""
    if change is not None and scale is not None and math.isfinite(change.value):
        zero, at = scale(0.0), scale(change.value)
        line = f"M{zero} 0V2M{zero} 8V10M{at - 2:.1f} 5a2 2 0 1 0 4 0a2 2 0 1 0 -4 0"
        if change.interval and all(map(math.isfinite, change.interval)):
            low, high = (scale(end) for end in change.interval)
            line += f"M{low} 5H{high}M{low} 3V7M{high} 3V7"
    return Markup('<svg class="w" viewBox="0 0 {} 10" aria-hidden="true"><path d="{}"/></svg>').format(WHISKER, line)


def change_words(change: Difference | None) -> str:
    """Return a difference with its interval, and whether it is unpaired.

    >>> change_words(Difference(0.01, (-0.005, 0.025), "unpaired"))
    '+0.0100 (−0.0050 … +0.0250) unpaired'
    """
    if change is None:
        return ""
    low, high = change.interval or (math.nan, math.nan)
    ends = interval(Measurement(0.0, (rounded(low), rounded(high))), signed=True) if change.interval else ""
    words = [difference(rounded(change.value)), f"({ends})" if ends else "", "unpaired" * (change.how == "unpaired")]
    return " ".join(filter(None, words))


def flag(metric: str, cell: Cell, change: Difference) -> Markup | None:
    """Draw an arrow up or down if a difference is clear, labelled better or worse if that is sure."""
    if not change.clear:
        return None
    side = "higher" if change.value > 0 else "lower"
    kind = side_of(metric, cell, change)
    words = f"{side} than the reference, {kind}"
    arrow = {"higher": " ▲", "lower": " ▼"}[side]
    return tag("span", arrow, class_=f"flag {kind}", title=words, role="img", aria_label=words)


def side_of(metric: str, cell: Cell, change: Difference) -> Direction:
    """Return whether a line is surely better or worse than the reference."""
    return sure_direction(metric, Measurement(cell.mean, cell.interval), Measurement(change.value, change.interval))


def rounded(value: float) -> float:
    """Round a number as the script gets it, so that both write the same digits."""
    return round(value, DIGITS) if math.isfinite(value) else value


def data(comparison: Comparison, slices: Sequence[SliceKey]) -> Markup:
    """Return what the script needs: of each line and slice, the numbers of each metric."""
    names = {item.features: item.name for line in comparison.lines for item in line.slices}
    facts = {
        "metrics": [[metric, title(metric)] for metric in comparison.metrics],
        "primary": comparison.metrics.index(comparison.primary_metric)
        if comparison.primary_metric in comparison.metrics else 0,
        "reference": comparison.reference,
        "slices": [names[key] for key in slices],
        "lines": [line_data(line, comparison.metrics, slices) for line in comparison.lines],
    }  # fmt: skip
    return as_data(json.dumps(facts, separators=(",", ":"), allow_nan=False), "comparison-data")


def line_data(line: Line, metrics: Sequence[str], slices: Sequence[SliceKey]) -> dict[str, Any]:
    """Return the numbers of a line, by slice; None where a line has no such slice."""
    found = {item.features: item for item in line.slices}
    return {
        "runs": [
            {
                "name": run.run,
                "seeds": ", ".join(f"{key}={value}" for key, value in run.seeds),
                "blessed": run.blessed,
                "why": run.unpaired_because,
                "values": [plain(run.overall.get(metric, math.nan)) for metric in metrics],
            }
            for run in line.runs
        ],
        "slices": [
            [
                found[key].rows,
                found[key].too_small,
                [cell_data(metric, found[key].metrics.get(metric)) for metric in metrics],
            ]
            if key in found
            else None
            for key in slices
        ],
    }


def cell_data(metric: str, cell: Cell | None) -> list[Any] | None:
    """Return mean, interval, range, and of the difference value, interval, and five flags as one text."""
    if cell is None:
        return None
    change = cell.to_reference
    several = [cell.minimum, cell.maximum, cell.std_dev] if cell.runs > 1 else [None] * 3
    low, high = cell.interval or (None, None)
    least, most = (change.interval if change else None) or (None, None)
    flags = "".join(letter for letter, given in flags_of(metric, cell, change) if given)
    numbers = [cell.mean, low, high, *several, change.value if change else None, least, most]
    return [*map(plain, numbers), flags]


def flags_of(metric: str, cell: Cell, change: Difference | None) -> Iterator[tuple[str, bool]]:
    """Yield a letter for each fact about a difference, and whether it holds."""
    if change is not None:
        yield "u", change.how == "unpaired"
        yield "s", change.covers_seeds
        yield "c", change.clear
        side = side_of(metric, cell, change) if change.clear else "differs"
        yield "b", side == "better"
        yield "w", side == "worse"


def plain(value: float | None) -> float | str | None:
    """Return a number for JSON: rounded; a text if it is not finite."""
    if value is None or math.isfinite(value):
        return None if value is None else rounded(value)
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def settings_table(comparison: Comparison, widest: int) -> Markup:
    """Draw the settings that differ: a column for each line, or, of more lines than fit, how many have each value."""
    lines = comparison.lines
    if len(lines) <= widest:
        heads = ["Setting", "Kind", *(name(line.name) for line in lines)]
        values: Mapping[str, list[Child]] = {
            setting.name: [name(value or "not set") for value in setting.values] for setting in comparison.settings
        }
    else:
        heads = ["Setting", "Kind", f"Values, with their number of the {len(lines)} lines"]
        values = {setting.name: [counts_in_words(setting)] for setting in comparison.settings}
    rows = [
        tag("tr", tag("th", name(setting.name), scope="row"), tag("td", setting.kind),
            [tag("td", value) for value in values[setting.name]])
        for setting in comparison.settings
    ]  # fmt: skip
    return table("Settings that differ", heads, rows, id="settings-table")


def counts_in_words(setting: Setting) -> Child:
    """Return the values of a setting, the most frequent first, with the number of lines that have each."""
    common = Counter(setting.values).most_common(12)
    rest = len(set(setting.values)) - len(common)
    words: list[Child] = [
        [", " if at else "", name(value or "not set"), f" ({times})"] for at, (value, times) in enumerate(common)
    ]
    return [*words, f", and {counted(rest, 'other value')}" if rest else ""]
