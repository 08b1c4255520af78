"""Times as text, by a format or as ISO 8601 has them, as microseconds since 1970: a batch at once, in C++ and numpy."""

import datetime
import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

# Python, too, takes any of less than a day.
ZONES = "Z|[+-](?:[01][0-9]|2[0-3]):?[0-5][0-9]"
# What a format may have, with what it stands for: https://docs.python.org/3/library/datetime.html#format-codes.
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
# From the year down: no day or month can be taken for the other.
ISO = tuple(f"^{date}{CLOCK}{ZONE}$" for date in (DATE, COMPACT))
DEFAULTS = {"Y": 1970, "m": 1, "d": 1, "H": 0, "M": 0, "S": 0}
MOST = {"m": 12, "d": 31, "H": 23, "M": 59, "S": 59}


def patterns(time_format: str | None) -> tuple[str, ...]:
    """The regular expressions of a format, or of ISO 8601 where there is none.

    Raises:
        ValueError: the format has something else than ``DIRECTIVES``, one of them twice, or no year.
    """
    if time_format is None:
        return ISO
    parts = re.split("(%.?)", time_format)
    used = [part for part in parts if part.startswith("%")]
    if unknown := [part for part in used if part not in DIRECTIVES]:
        raise ValueError(f"{unknown[0]} is none of {', '.join(DIRECTIVES)}")
    named = [part for part in used if part != "%%"]
    if len(named) != len(set(named)) or len({"%Y", "%y"} & set(named)) != 1:
        raise ValueError("it needs one of %Y and %y, and each part once")
    return ("^" + "".join(DIRECTIVES.get(part, re.escape(part)) for part in parts) + "$",)


def instants(texts: pa.Array, time_format: str | None = None) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    """The times in microseconds since 1970, in UTC if they say a zone; and of each 0 for no time, 2 for a zone.

    >>> micros, kinds = instants(pa.array(["2025-2-7", "1970-01-01T02:00:00+01:00", "7.2.2025"]))
    >>> micros[1], kinds.tolist()
    (3600000000, [1, 2, 0])
    """
    encoded = texts.dictionary_encode()
    different, places = encoded.dictionary, encoded.indices.to_numpy(zero_copy_only=False)
    micros, kinds = np.zeros(len(different), np.int64), np.zeros(len(different), np.int8)
    for pattern in patterns(time_format):
        found = pc.extract_regex(different, pattern)
        matched = found.is_valid().to_numpy(zero_copy_only=False)
        if matched.any():
            times, good, zoned = _times(found.filter(pa.array(matched)))
            micros[matched] = times
            kinds[matched] = np.where(good, 1 + zoned, 0)
    return micros[places], kinds[places]


def _times(found: pa.StructArray) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    names = {field.name for field in found.type}
    fields = {name: _numbers(found, name, default) for name, default in DEFAULTS.items()}
    if "y" in names:
        # As POSIX and Python have it.
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
    """A part of each time; the default where it is not given."""
    if all(field.name != name for field in found.type):
        return np.full(len(found), default)
    texts = found.field(name)
    given = pc.not_equal(texts, "")
    padded = pc.utf8_rpad(texts, width, "0") if width else texts
    return pc.if_else(given, padded, str(default)).cast(pa.int64()).to_numpy(zero_copy_only=False)


def _offsets(found: pa.StructArray, has_zones: bool) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """What the zone of each time adds to UTC, in seconds, and whether one is given; there are few different ones."""
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
