"""Parsing times, in ISO 8601 or another format, into microseconds since 1970: a batch at a time, in C++ and NumPy."""

import datetime
import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

# Offsets of less than a day, as Python accepts them.
ZONES = "Z|[+-](?:[01][0-9]|2[0-3]):?[0-5][0-9]"
# The directives that a format may have, as regular expressions: https://docs.python.org/3/library/datetime.html#format-codes.
DIRECTIVES = {
    "%Y": r"(?P<Y>[0-9]{4})",
    "%y": r"(?P<y>[0-9]{2})",
    "%m": r"(?P<m>[0-9]{1,2})",
    "%d": r"(?P<d>[0-9]{1,2})",
    "%H": r"(?P<H>[0-9]{1,2})",
    "%M": r"(?P<M>[0-9]{1,2})",
    "%S": r"(?P<S>[0-9]{1,2})",
    "%f": r"(?P<f>[0-9]{1,6})",
    "%z": rf"(?P<z>{ZONES})",
    "%%": "%",
}
DATE = r"(?P<Y>[0-9]{4})(?:[-/.](?P<m>[0-9]{1,2})(?:[-/.](?P<d>[0-9]{1,2}))?)?"
COMPACT = r"(?P<Y>[0-9]{4})(?P<m>[0-9]{2})(?P<d>[0-9]{2})"
CLOCK = r"(?:[T ](?P<H>[0-9]{2}):(?P<M>[0-9]{2})(?::(?P<S>[0-9]{2})(?:\.(?P<f>[0-9]{1,6})[0-9]*)?)?)?"
ZONE = rf"(?P<z>{ZONES})?"
# Year first, so that day and month cannot be confused.
ISO = tuple(f"^{date}{CLOCK}{ZONE}$" for date in (DATE, COMPACT))
DEFAULTS = {"Y": 1970, "m": 1, "d": 1, "H": 0, "M": 0, "S": 0}
MOST = {"m": 12, "d": 31, "H": 23, "M": 59, "S": 59}


def patterns(time_format: str | None) -> tuple[str, ...]:
    """Return the regular expressions for a format, or for ISO 8601 if it is None.

    Raises:
        ValueError: the format has an unknown directive, repeats one, or has no year.
    """
    if time_format is None:
        return ISO
    parts = re.split("(%.?)", time_format)
    used = [part for part in parts if part.startswith("%")]
    if unknown := [part for part in used if part not in DIRECTIVES]:
        raise ValueError(f"unknown directive {unknown[0]}")
    named = [part for part in used if part != "%%"]
    if len(named) != len(set(named)) or len({"%Y", "%y"} & set(named)) != 1:
        raise ValueError("it needs either %Y or %y, and no directive twice")
    return ("^" + "".join(DIRECTIVES.get(part, re.escape(part)) for part in parts) + "$",)


def parse_times(texts: pa.Array, time_format: str | None = None) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    """Return microseconds since 1970, in UTC for times with a zone, and the kind of each: 0 invalid, 1 local, 2 zoned.

    >>> micros, kinds = parse_times(pa.array(["2025-2-7", "1970-01-01T02:00:00+01:00", "7.2.2025"]))
    >>> int(micros[1]), kinds.tolist()
    (3600000000, [1, 2, 0])
    """
    encoded = texts.dictionary_encode()
    distinct, indices = encoded.dictionary, encoded.indices.to_numpy(zero_copy_only=False)
    micros, kinds = np.zeros(len(distinct), np.int64), np.zeros(len(distinct), np.int8)
    for pattern in patterns(time_format):
        found = pc.extract_regex(distinct, pattern)
        matched = found.is_valid().to_numpy(zero_copy_only=False)
        if matched.any():
            times, good, zoned = _times(found.filter(pa.array(matched)))
            micros[matched] = times
            kinds[matched] = np.where(good, 1 + zoned, 0)
    return micros[indices], kinds[indices]


def _times(found: pa.StructArray) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    names = {field.name for field in found.type}
    fields = {name: _numbers(found, name, default) for name, default in DEFAULTS.items()}
    if "y" in names:
        # As in POSIX and Python: 69 to 99 are of the 20th century.
        short = _numbers(found, "y", 70)
        fields["Y"] = np.where(short < 69, 2000, 1900) + short
    months = (fields["Y"] - 1970) * 12 + fields["m"] - 1
    days = months.astype("M8[M]").astype("M8[D]") + (fields["d"] - 1)
    good = days.astype("M8[M]").astype(np.int64) == months
    for name, most in MOST.items():
        good &= (fields[name] <= most) & (fields[name] >= DEFAULTS[name])
    seconds = days.astype(np.int64) * 86400 + fields["H"] * 3600 + fields["M"] * 60 + fields["S"]
    offsets, zoned = _offsets(found, "z" in names)
    fractions = _numbers(found, "f", 0, width=6)
    return (seconds - offsets) * 1_000_000 + fractions, good, zoned


def _numbers(found: pa.StructArray, name: str, default: int, width: int = 0) -> NDArray[np.int64]:
    """Return one field of each time, or its default where it is missing."""
    if all(field.name != name for field in found.type):
        return np.full(len(found), default)
    texts = found.field(name)
    given = pc.not_equal(texts, "")
    padded = pc.utf8_rpad(texts, width, "0") if width else texts
    return pc.if_else(given, padded, str(default)).cast(pa.int64()).to_numpy(zero_copy_only=False)


def _offsets(found: pa.StructArray, has_zones: bool) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the UTC offset of each time in seconds, and whether it has a zone."""
    if not has_zones:
        return np.zeros(len(found), np.int64), np.zeros(len(found), np.bool_)
    zones = found.field("z").dictionary_encode()
    named = zones.dictionary.to_pylist()
    indices = zones.indices.to_numpy(zero_copy_only=False)
    return np.array([_offset(zone) for zone in named])[indices], np.array([bool(zone) for zone in named])[indices]


def _offset(zone: str) -> int:
    if zone in ("", "Z"):
        return 0
    hours, minutes = int(zone[1:3]), int(zone[-2:])
    size = datetime.timedelta(hours=hours, minutes=minutes) // datetime.timedelta(seconds=1)
    return -size if zone.startswith("-") else size
