"""What the cells of a text column say: numbers in any spelling, dates, or text. Pure; a column at a time."""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from components.arrow_example_gen.splitting.timestamps import parse_times
from components.support.text import shorten

# In a column of numbers these stand for a missing value; in a column of text only the empty cell does.
MISSING = ("", "?", "-", ".", "na", "n/a", "nan", "null", "none", "nil", "#n/a", "#na", "<na>", "(null)")
# Of the cells that are given, so many must be numbers or dates; the others then count as missing.
NUMBERS_SHARE, DATES_SHARE = 0.98, 0.95
EXACT = 2**53
# tf.Example holds numbers as float32; what is greater would be infinite.
GREATEST = float(np.finfo(np.float32).max)

SIGN = "^[+-]?"
POINT = rf"{SIGN}(\d{{1,3}}(,\d{{3}})+(\.\d*)?|\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?)$"
COMMA = rf"{SIGN}(\d{{1,3}}(\.\d{{3}})+(,\d*)?|\d+,?\d*|,\d+)$"
# A currency before or after the number, or a percent sign, with blanks that may be no-break spaces.
DECORATION = "^(USD|EUR|GBP|CHF|[$€£¥])[ \u00a0\u202f]*|[ \u00a0\u202f]*(USD|EUR|GBP|CHF|[$€£¥%])$"
CODE, DIGITS = r"^0\d+$", r"^\d+$"

CLOCKS = ("", " %H:%M", " %H:%M:%S")
DAY_FIRST = ("%d.%m.%Y", "%d/%m/%Y", "%d-%m-%Y")
MONTH_FIRST = ("%m/%d/%Y", "%m-%d-%Y")
ISO_EXACTLY = r"^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?Z?)?$"

Integers: TypeAlias = NDArray[np.integer[Any]]
Decimal = Literal[".", ","]
Order = Literal["dmy", "mdy"]


@dataclass(frozen=True)
class Cells:
    """A column as it was read.

    Attributes:
        values: int64, float64 or string; null where the value is missing.
        is_date: whether the strings are ISO 8601 dates or times.
        note: what was done to read it, for people; empty for plain text and plain numbers.
        question: what only a person can answer; empty where nothing is ambiguous.
    """

    values: pa.Array
    is_date: bool = False
    note: str = ""
    question: str = ""


def strip(texts: pa.Array) -> pa.Array:
    """Return the texts without blanks around them; empty ones become null.

    >>> strip(pa.array([" a", "  ", None])).to_pylist()
    ['a', None, None]
    """
    bare = pc.utf8_trim_whitespace(texts)
    return pc.if_else(pc.equal(bare, ""), pa.scalar(None, pa.string()), bare)


def read_cells(texts: pa.Array, decimal: Decimal = ".", order: Order | None = None) -> Cells:
    """Read a column of text: as numbers, else as dates, else as text.

    >>> read_cells(pa.array(["1,234", "$5", "NA"])).values.to_pylist()
    [1234, 5, None]
    >>> read_cells(pa.array(["007", "123"])).values.to_pylist()
    ['007', '123']
    >>> read_cells(pa.array(["31.12.2024", "1.2.2024"])).values.to_pylist()
    ['2024-12-31', '2024-02-01']
    """
    stripped = strip(texts)
    encoded = stripped.dictionary_encode()
    given = encoded.dictionary
    if len(given) == 0:
        return Cells(stripped)
    counts = np.bincount(encoded.indices.drop_null().to_numpy(), minlength=len(given))
    for found in (_numbers(given, counts, decimal), _dates(given, counts, order)):
        if found is not None:
            return Cells(found.values.take(encoded.indices), found.is_date, found.note, found.question)
    return Cells(stripped, note="codes with leading zeros" if _is_code(given) else "")


def decimal_vote(texts: pa.Array) -> Decimal | None:
    """Return the decimal sign that a column proves, or None: 1,5 proves a comma, 1,500 nothing.

    >>> decimal_vote(pa.array(["1,5", "2"])), decimal_vote(pa.array(["1,500"])), decimal_vote(pa.array(["a"]))
    (',', None, None)
    """
    given = _bare(_not_missing(strip(texts).unique()))
    comma, point = (_share(given, pattern) for pattern in (COMMA, POINT))
    if max(comma, point) < NUMBERS_SHARE or (comma >= NUMBERS_SHARE and point >= NUMBERS_SHARE):
        return None
    return "," if comma > point else "."


def _numbers(given: pa.Array, counts: Integers, decimal: Decimal) -> Cells | None:
    """Read distinct texts as numbers; None if they are not."""
    if _is_code(given):
        return None
    bare = _bare(given)
    decimal = decimal_vote(given) or decimal
    fits = pc.match_substring_regex(bare, COMMA if decimal == "," else POINT)
    missing = _is_missing(given)
    matched = fits.to_numpy(zero_copy_only=False)
    expected = counts[~missing.to_numpy(zero_copy_only=False)].sum()
    if expected == 0 or counts[matched].sum() < NUMBERS_SHARE * expected:
        return None
    plain = pc.replace_substring(bare, "." if decimal == "," else ",", "")
    plain = pc.if_else(fits, pc.replace_substring(plain, ",", "."), pa.scalar(None, pa.string()))
    numbers = pc.cast(plain, pa.float64())
    if pc.max(pc.utf8_length(pc.replace_substring_regex(plain, r"\..*|[eE].*", ""))).as_py() > 15:
        return None
    numbers = finite(numbers)
    wrong = pc.and_(numbers.is_null(), pc.invert(missing))
    return Cells(whole_if_exact(numbers), note=_number_note(given, bare, wrong, counts, decimal))


def _number_note(given: pa.Array, bare: pa.Array, wrong: pa.Array, counts: Integers, decimal: Decimal) -> str:
    parts = []
    if decimal == "," and pc.any(pc.match_substring(given, ",")).as_py():
        parts.append("decimal comma")
    if not bare.equals(given) or (decimal == "." and pc.any(pc.match_substring(given, ",")).as_py()):
        first = given.filter(pc.or_(pc.not_equal(bare, given), pc.match_substring(given, ",")))
        parts.append(f"numbers written as text, such as {shorten(first[0].as_py(), 20)!r}")
    if pc.any(wrong).as_py():
        count = int(counts[wrong.to_numpy(zero_copy_only=False)].sum())
        example = shorten(given.filter(wrong)[0].as_py(), 20)
        parts.append(f"{count} not numbers, or too great for one, such as {example!r}, count as missing")
    tokens = given.filter(_is_missing(given)).to_pylist()
    if tokens:
        parts.append(f"{', '.join(sorted(tokens))} is missing")
    return "; ".join(parts)


def finite(numbers: pa.Array) -> pa.Array:
    """Return floats without those that a model cannot hold, which become null.

    >>> finite(pa.array([1.5, float("inf"), 1e39])).to_pylist()
    [1.5, None, None]
    """
    return pc.if_else(pc.less_equal(pc.abs(numbers), GREATEST), numbers, pa.scalar(None, pa.float64()))


def whole_if_exact(numbers: pa.Array) -> pa.Array:
    """Return floats as int64 where all are whole and small enough to be exact.

    >>> whole_if_exact(pa.array([1.0, None])).type, whole_if_exact(pa.array([1.5])).type
    (DataType(int64), DataType(double))
    """
    dense = numbers.drop_null().to_numpy(zero_copy_only=False)
    if len(dense) and np.isfinite(dense).all() and (dense == np.floor(dense)).all() and np.abs(dense).max() < EXACT:
        return numbers.cast(pa.int64())
    return numbers


def _dates(given: pa.Array, counts: Integers, order: Order | None) -> Cells | None:
    """Read distinct texts as dates; None if they are not."""
    if not pc.any(pc.match_substring_regex(given, r"^\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}")).as_py():
        return None
    fits = {form: _good_share(given, counts, form) for form in _formats()}
    best = max(fits.values())
    if best < DATES_SHARE:
        return None
    formats = [form for form, share in fits.items() if share == best]
    months: list[str | None] = [form for form in formats if form and form.startswith("%m")]
    days: list[str | None] = [form for form in formats if form and form.startswith("%d")]
    question = ""
    if months and days:
        formats = months if order == "mdy" else days
        sample = shorten(given[0].as_py(), 30)
        question = "" if order else f"{sample!r} may be day/month or month/day"
    micros, kinds = parse_times(given, formats[0])
    texts = iso_texts(micros, kinds)
    lost = int(counts[kinds == 0].sum())
    shown = "" if formats[0] is None and texts.equals(given) else f"dates, {formats[0] or 'year first'}"
    note = "; ".join(filter(None, [shown, f"{lost} are no dates and count as missing" if lost else ""]))
    return Cells(texts, is_date=True, note=note, question=question)


def _formats() -> list[str | None]:
    return [None, *(day + clock for clock in CLOCKS for day in (*DAY_FIRST, *MONTH_FIRST))]


def _good_share(given: pa.Array, counts: Integers, form: str | None) -> float:
    known = ~_is_missing(given).to_numpy(zero_copy_only=False)
    _, kinds = parse_times(given, form)
    return float(counts[(kinds > 0) & known].sum() / max(counts[known].sum(), 1))


def iso_texts(micros: Integers, kinds: Integers) -> pa.Array:
    """Return microseconds since 1970 as ISO 8601: a day alone if all are midnight; ``kinds``: 0 none, 1 local, 2 UTC.

    If some have a zone, those without are taken as UTC, as the feature kind ``Date`` takes them.

    >>> iso_texts(np.array([0, 86_400_000_000]), np.array([1, 0])).to_pylist()
    ['1970-01-01', None]
    """
    good = kinds > 0
    seconds = micros // 1_000_000
    is_day = not (seconds[good] % 86_400).any() and not (kinds == 2).any()
    texts = np.datetime_as_string(seconds.astype("M8[s]"), unit="D" if is_day else "s").astype(object)
    if (kinds == 2).any():
        texts = texts + "Z"
    return pa.array(texts, pa.string(), mask=~good)


def _bare(given: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(given, DECORATION, "")


def _is_missing(given: pa.Array) -> pa.Array:
    return pc.is_in(pc.utf8_lower(given), value_set=pa.array(MISSING))


def _not_missing(given: pa.Array) -> pa.Array:
    known = given.drop_null()
    return known.filter(pc.invert(_is_missing(known)))


def _share(given: pa.Array, pattern: str) -> float:
    return pc.mean(pc.match_substring_regex(given, pattern).cast(pa.float64())).as_py() or 0.0


def _is_code(given: pa.Array) -> bool:
    """Whether all texts are digits, and some begin with a zero that a number would lose."""
    known = _not_missing(given)
    return _share(known, DIGITS) == 1.0 and bool(pc.any(pc.match_substring_regex(known, CODE)).as_py())
