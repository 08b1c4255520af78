"""Formats numbers for readers: signs, units, and values that are not finite."""

import math

from components.evaluation.tasks.registry import METRICS
from components.evaluation.verdict import Measurement

ABSENT = "–"
TITLES = {name: metric for metric, name in METRICS.items()}
SPECIAL = {"nan": "undefined", "inf": "∞", "-inf": "−∞"}


def number(value: float | None) -> str:
    """Format a number with four decimals; large numbers have fewer, tiny ones an exponent.

    >>> [number(value) for value in (0.74911, -3.0, 123456.7, 1.2e-7, float("nan"), None)]
    ['0.7491', '−3', '123,457', '1.2e−07', 'undefined', '–']
    """
    if value is None:
        return ABSENT
    if not math.isfinite(value):
        return SPECIAL[str(float(value))]
    size = abs(value)
    if size >= 1e15 or 0 < size < 5e-5:
        text = f"{value:.3g}"
    elif value == int(value):
        text = f"{int(value):,}"
    else:
        text = f"{value:,.0f}" if size >= 10_000 else f"{value:.1f}" if size >= 1_000 else f"{value:.4f}"
    return text.replace("-", "−")


def as_in_data(value: float | None) -> str:
    """Format a number of a column, which may be a year or a code: without separators.

    >>> as_in_data(1998.0), as_in_data(881250949), as_in_data(0.25)
    ('1998', '881250949', '0.2500')
    """
    return number(value).replace(",", "")


def difference(value: float | None) -> str:
    """Format a number with its sign.

    >>> difference(0.01), difference(-0.01), difference(0.0)
    ('+0.0100', '−0.0100', '0')
    """
    text = number(value)
    return f"+{text}" if value is not None and value > 0 else text


def interval(measured: Measurement | None, signed: bool = False) -> str:
    """Format the interval of a value; without one the text is empty.

    >>> interval(Measurement(0.5, (0.4, 0.6))), interval(Measurement(0.0, (-0.1, 0.1)), signed=True)
    ('0.4000 … 0.6000', '−0.1000 … +0.1000')
    >>> interval(Measurement(0.5))
    ''
    """
    if measured is None or measured.interval is None:
        return ""
    write = difference if signed else number
    return " … ".join(write(end) for end in measured.interval)


def share(value: float | None) -> str:
    """Format a share of one as percent.

    >>> share(0.1234), share(0.0), share(1.0), share(0.00004), share(float("nan"))
    ('12.3 %', '0 %', '100 %', '< 0.1 %', 'undefined')
    """
    if value is None or not math.isfinite(value):
        return number(value)
    if 0 < value < 0.0005:
        return "< 0.1 %"
    return f"{value * 100:.1f}".removesuffix(".0") + " %"


def p_value(value: float) -> str:
    """Format a p-value.

    >>> p_value(0.04321), p_value(0.0)
    ('0.0432', '< 0.0001')
    """
    return "< 0.0001" if value < 0.0001 else number(value)


def count(value: float) -> str:
    """Format a number of rows."""
    return f"{value:,.0f}" if math.isfinite(value) else number(value)


def counted(value: int, singular: str, plural: str = "") -> str:
    """Format a count with its noun.

    >>> counted(1, "row"), counted(2000, "row"), counted(2, "category", "categories")
    ('1 row', '2,000 rows', '2 categories')
    """
    return f"{value:,} {singular if value == 1 else plural or singular + 's'}"


def title(metric: str) -> str:
    """Return the config's name of a metric, given TFMA's."""
    return TITLES.get(metric, metric)


def duration(seconds: float) -> str:
    """Format a duration in seconds.

    >>> duration(3.21), duration(75.0), duration(7260.0)
    ('3.2 s', '1 min 15 s', '2 h 1 min')
    """
    if not math.isfinite(seconds) or seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
