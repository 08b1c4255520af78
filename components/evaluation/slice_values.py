"""Values of a column as text, written the same way in bounds, evaluations and on the page.

FLOAT columns hold float32, in which 0.1 is 0.10000000149011612 when read as a double. Its text here is the shortest one
that gives the same float32.
"""

import math
import struct
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation

NAN = "NaN"


def shortest(value: float) -> float:
    """Return the double of the fewest digits that gives the same float32; 0.0 for -0.0.

    >>> shortest(0.10000000149011612), shortest(0.1), shortest(-0.0), shortest(16777217.0)
    (0.1, 0.1, 0.0, 16777216.0)

    Raises:
        OverflowError: the value exceeds the range of float32.
    """
    if not math.isfinite(value):
        return value
    packed = struct.pack("<f", value)
    (single,) = struct.unpack("<f", packed)
    # Nine digits distinguish any two float32.
    texts = (f"{single:.{digits}g}" for digits in range(1, 10))
    return next(float(text) for text in texts if packs_to(float(text), packed)) + 0.0


def packs_to(value: float, packed: bytes) -> bool:
    """Return True if a double gives this float32."""
    try:
        return struct.pack("<f", value) == packed
    except OverflowError:
        return False


def float_text(value: float) -> str:
    """Format a float32.

    >>> [float_text(value) for value in (0.10000000149011612, 1.0, -0.0, 1e-5, 3.4028234663852886e38, math.nan)]
    ['0.1', '1.0', '0.0', '1e-05', '3.4028235e+38', 'NaN']
    """
    return NAN if math.isnan(value) else repr(shortest(value))


def value_text(value: str | bytes | int | float) -> str:
    """Format a value; a float32 in the fewest digits, text as it is.

    >>> value_text(b"Oslo"), value_text(2**53 + 1), value_text(0.699999988079071)
    ('Oslo', '9007199254740993', '0.7')
    """
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return float_text(value) if isinstance(value, float) else str(value)


def float_named(text: str) -> str:
    """Return the text of the float32 that a text names, in any notation.

    >>> [float_named(text) for text in ("1e-1", ".10", "1", "-0", "nan", "0.10000000149011612", "0.1000000000001")]
    ['0.1', '0.1', '1.0', '0.0', 'NaN', '0.1', '0.1']

    Raises:
        ValueError: the text is not such a number.
    """
    try:
        # Python reads 1_0 as 10.
        return float_text(float("" if "_" in text else text))
    except (ValueError, OverflowError) as error:
        raise ValueError(f"not a float32: {text!r}") from error


def int_named(text: str) -> str:
    """Return the text of the whole number of 64 bits that a text names, in any notation.

    >>> [int_named(text) for text in ("30", "30.0", "3e1", "+30", "-0", "9007199254740993")]
    ['30', '30', '30', '30', '0', '9007199254740993']

    Raises:
        ValueError: the text is not such a number.
    """
    try:
        number = Decimal("" if "_" in text else text.strip())
    except InvalidOperation as error:
        raise ValueError(f"not a whole number: {text!r}") from error
    # The size is compared first, so that 1e999999999 is not written out.
    if not number.is_finite() or number.adjusted() > 19 or number != int(number) or not -(2**63) <= number < 2**63:
        raise ValueError(f"not a whole number of 64 bits: {text!r}")
    return str(int(number))


NAMED: Mapping[str, Callable[[str], str]] = {"FLOAT": float_named, "INT": int_named, "BYTES": str}
EXPECTED = {"FLOAT": "a number in the range of float32", "INT": "a whole number of 64 bits", "BYTES": "a text"}
