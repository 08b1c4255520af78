"""Static charts as inline SVG. Interactive charts are drawn by the scripts of the page."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from components.evaluation.verdict import Measurement
from components.slice_report.facts import Bar
from components.slice_report.page.formats import count, number
from components.slice_report.page.html import tag

WHISKER_WIDTH, LINE_WIDTH, LINE_HEIGHT, PAD = 64, 360, 170, 34


@dataclass(frozen=True)
class Scale:
    """A linear map from values to positions in pixels, clamped to its ends."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the position, to a tenth of a pixel."""
        part = (min(max(value, self.low), self.high) - self.low) / ((self.high - self.low) or 1.0)
        return round(self.start + part * (self.end - self.start), 1)


def scale_of(values: Iterable[float], start: float, end: float) -> Scale | None:
    """Return a scale over the finite values, or None without any."""
    finite = [value for value in values if math.isfinite(value)]
    return Scale(min(finite), max(finite), start, end) if finite else None


def whisker_scale(measured: Iterable[Measurement]) -> Scale | None:
    """Return the common scale for the whiskers of a column."""
    ends = (end for item in measured for end in (item.value, *(item.interval or ())))
    return scale_of(ends, 3, WHISKER_WIDTH - 3)


def whisker(measured: Measurement, scale: Scale | None, reference: float | None = None) -> Markup:
    """Draw a value on its interval, with the reference as a dashed line; nothing for a value that is not finite.

    Screen readers skip it, since it repeats the numbers beside it.
    """
    if scale is None or not math.isfinite(measured.value):
        return Markup()
    at = scale(measured.value)
    line = ""
    if measured.interval and all(map(math.isfinite, measured.interval)):
        low, high = (scale(end) for end in measured.interval)
        line = f"M{low} 5H{high}M{low} 2V8M{high} 2V8"
    mark = (
        f'<path class="r" d="M{scale(reference)} 0V10"/>' if reference is not None and math.isfinite(reference) else ""
    )
    # Only our numbers, so no escaping: a template is several times faster, at thousands of cells.
    return Markup(
        f'<svg class="w" viewBox="0 0 {WHISKER_WIDTH} 10" aria-hidden="true">{mark}'
        f'<path d="{line}M{at - 2:.1f} 5a2 2 0 1 0 4 0a2 2 0 1 0 -4 0"/></svg>'
    )


def histogram(bars: Sequence[Bar], label: str) -> Markup:
    """Draw small bars of one colour; a tooltip names the range and the rows of each."""
    highest = max((bar.rows for bar in bars), default=0)
    if not highest > 0:
        return Markup()
    drawn = [
        tag(
            "rect", tag("title", f"{bar.label}: {count(bar.rows)}"),
            x=index * 10, width=9, y=round(24 - 24 * bar.rows / highest, 1), height=round(24 * bar.rows / highest, 1),
        )
        for index, bar in enumerate(bars)
    ]  # fmt: skip
    box = f"0 0 {len(bars) * 10} 24"
    return tag("svg", drawn, class_="h", viewBox=box, role="img", aria_label=label, preserveAspectRatio="none")


def meter(value: float, bound: float, label: str) -> Markup:
    """Draw a value against its bound, which is a line at half of the width or further left."""
    full = max(value, 2 * bound) or 1.0
    over = value > bound
    return tag(
        "svg",
        tag("rect", x=0, y=3, height=6, width=round(100 * min(value / full, 1.0), 1), class_="over" if over else None),
        tag("path", d=f"M{round(100 * bound / full, 1)} 0V12", class_="r"),
        class_="m", viewBox="0 0 100 12", role="img", aria_label=label,
    )  # fmt: skip


def line_chart(title: str, series: Mapping[str, Sequence[float]], mark: int | None = None) -> Markup:
    """Draw values by epoch, which counts from 1; ``mark`` is the chosen epoch."""
    longest = max((len(values) for values in series.values()), default=0)
    y = scale_of((value for values in series.values() for value in values), LINE_HEIGHT - PAD, 12)
    if y is None:
        return Markup()
    x = Scale(1, max(longest, 2), PAD + 18, LINE_WIDTH - 10)
    parts = [axes(x, y, longest)]
    if mark is not None:
        parts.append(
            tag("path", tag("title", f"chosen: epoch {mark}"), d=f"M{x(mark)} 12V{LINE_HEIGHT - PAD}", class_="r")
        )
    parts += [curve(values, x, y, f"s{index}") for index, values in enumerate(series.values())]
    legend = tag("figcaption", title, [tag("span", name, class_=f"key s{index}") for index, name in enumerate(series)])
    box = f"0 0 {LINE_WIDTH} {LINE_HEIGHT}"
    ends = "; ".join(f"{name} ends at {number(values[-1])}" for name, values in series.items() if values)
    return tag("figure", tag("svg", parts, class_="c", viewBox=box, role="img", aria_label=f"{title}: {ends}"), legend)


def axes(x: Scale, y: Scale, longest: int) -> Markup:
    bottom = LINE_HEIGHT - PAD
    frame = tag("path", d=f"M{x.start} 12V{bottom}H{x.end}", class_="axis")
    ends = [
        tag("text", number(y.high), x=x.start - 4, y=18, class_="end"),
        tag("text", number(y.low), x=x.start - 4, y=bottom, class_="end"),
        tag("text", "1", x=x.start, y=bottom + 14),
        tag("text", f"epoch {longest}", x=x.end, y=bottom + 14, class_="end"),
    ]
    return tag("g", frame, ends)


def curve(values: Sequence[float], x: Scale, y: Scale, kind: str) -> Markup:
    """Draw a line that is interrupted at values that are not finite, with a dot for each epoch."""
    path, pen = "", "M"
    for epoch, value in enumerate(values, start=1):
        if math.isfinite(value):
            path, pen = f"{path}{pen}{x(epoch)} {y(value)}", "L"
        else:
            pen = "M"
    dots = [
        tag("circle", tag("title", f"epoch {epoch}: {number(value)}"), cx=x(epoch), cy=y(value), r=2.5)
        for epoch, value in enumerate(values, start=1)
        if math.isfinite(value)
    ]
    return tag("g", tag("path", d=path), dots, class_=kind)
