"""Values of a column as text, in one way: what a bound names, a page shows and an evaluation holds is then the same.

FLOAT columns hold float32, which has no 0.1: read as a double it is 0.10000000149011612. Here it is the shortest text
that is the same float32.
"""

import math
import struct
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation

NAN = "NaN"


def shortest(value: float) -> float:
    """The double of the fewest digits that is the same float32; 0.0 for -0.0.

    >>> shortest(0.10000000149011612), shortest(0.1), shortest(-0.0), shortest(16777217.0)
    (0.1, 0.1, 0.0, 16777216.0)

    Raises:
        OverflowError: the value is beyond all of float32.
    """
    if not math.isfinite(value):
        return value
    packed = struct.pack("<f", value)
    (single,) = struct.unpack("<f", packed)
    # Nine digits tell any two of float32 apart.
    texts = (f"{single:.{digits}g}" for digits in range(1, 10))
    return next(float(text) for text in texts if packs_to(float(text), packed)) + 0.0


def packs_to(value: float, packed: bytes) -> bool:
    """Whether a double is this float32."""
    try:
        return struct.pack("<f", value) == packed
    except OverflowError:
        return False


def float_text(value: float) -> str:
    """A float32 as text.

    >>> [float_text(value) for value in (0.10000000149011612, 1.0, -0.0, 1e-5, 3.4028234663852886e38, math.nan)]
    ['0.1', '1.0', '0.0', '1e-05', '3.4028235e+38', 'NaN']
    """
    return NAN if math.isnan(value) else repr(shortest(value))


def value_text(value: str | bytes | int | float) -> str:
    """A value as text: of float32 the shortest, text as it is.

    >>> value_text(b"Oslo"), value_text(2**53 + 1), value_text(0.699999988079071)
    ('Oslo', '9007199254740993', '0.7')
    """
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return float_text(value) if isinstance(value, float) else str(value)


def float_named(text: str) -> str:
    """The text of the float32 that a text names, however it is written.

    >>> [float_named(text) for text in ("1e-1", ".10", "1", "-0", "nan", "0.10000000149011612", "0.1000000000001")]
    ['0.1', '0.1', '1.0', '0.0', 'NaN', '0.1', '0.1']

    Raises:
        ValueError: it names none.
    """
    try:
        # Python would take 1_0 for 10.
        return float_text(float("" if "_" in text else text))
    except (ValueError, OverflowError) as error:
        raise ValueError(f"no float32 is {text!r}") from error


def int_named(text: str) -> str:
    """The text of the whole number of 64 bits that a text names, however it is written.

    >>> [int_named(text) for text in ("30", "30.0", "3e1", "+30", "-0", "9007199254740993")]
    ['30', '30', '30', '30', '0', '9007199254740993']

    Raises:
        ValueError: it names none.
    """
    try:
        number = Decimal("" if "_" in text else text.strip())
    except InvalidOperation as error:
        raise ValueError(f"no whole number is {text!r}") from error
    # The size is compared first: 1e999999999 must not be written out.
    if not number.is_finite() or number.adjusted() > 19 or number != int(number) or not -(2**63) <= number < 2**63:
        raise ValueError(f"no whole number of 64 bits is {text!r}")
    return str(int(number))


NAMED: Mapping[str, Callable[[str], str]] = {"FLOAT": float_named, "INT": int_named, "BYTES": str}
EXPECTED = {"FLOAT": "a number that float32 holds", "INT": "a whole number of 64 bits", "BYTES": "a text"}
