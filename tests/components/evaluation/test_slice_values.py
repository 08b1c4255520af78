import numpy as np
import pytest

from components.evaluation.slice_values import float_named, float_text, int_named, shortest, value_text

EDGES = [0.1, 0.7, 1e-45, 1.1754942e-38, 3.4028235e38, 16777216.0, 8388607.5, 1e16, 123456.79, 0.30000001, 5e-5]


def drawn(count: int) -> list[float]:
    bits = np.random.default_rng(0).integers(0, 2**32, count, dtype=np.uint32)
    values = np.concatenate([bits.view(np.float32), np.array(EDGES, np.float32)])
    return values[np.isfinite(values)].tolist()


def test_a_float32_is_the_shortest_text_that_is_the_same_float32():
    for value in drawn(5000):
        text = float_text(value)
        assert np.float32(text) == np.float32(value)
        # NumPy's own shortest text, of the same digits.
        assert float(text) == float(np.format_float_scientific(np.float32(value), unique=True))
        assert float_named(text) == float_named(repr(value)) == text
        assert shortest(value) == float(text)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        *((written, "0.1") for written in ("0.1", "1e-1", "1E-1", ".1", "0.10", "+0.1", " 0.1", "0.10000000149011612")),
        *((written, "1.0") for written in ("1", "1.0", "1e0", "01")),
        *((written, "0.0") for written in ("0", "-0.0", "-0", "0e9", "1e-60")),
        *((written, "NaN") for written in ("nan", "NaN", "-nan")),
        ("16777217", "16777216.0"),
        ("-inf", "-inf"),
    ],
)
def test_a_float_is_read_in_any_notation(written, text):
    assert float_named(written) == text


@pytest.mark.parametrize("written", ["", "heavy", "1_0", "0x1p-3", "1e39", "0,1"])
def test_text_that_is_not_a_float32_is_refused(written):
    with pytest.raises(ValueError, match="not a float32:"):
        float_named(written)


@pytest.mark.parametrize(
    ("written", "text"),
    [("7", "7"), ("007", "7"), ("7.0", "7"), ("7e0", "7"), ("-7", "-7"), ("-0", "0"), (str(2**63 - 1), str(2**63 - 1)),
     (f"{2**53 + 1}.0", str(2**53 + 1)), ("1e18", str(10**18))],
)  # fmt: skip
def test_a_whole_number_is_read_in_any_notation(written, text):
    assert int_named(written) == text


@pytest.mark.parametrize(
    "written", ["", "seven", "7.5", "1_0", str(2**63), "nan", "inf", "1e999999999", "1e-999999999"]
)
def test_text_that_is_not_a_whole_number_is_refused(written):
    with pytest.raises(ValueError, match="not a whole number"):
        int_named(written)


def test_a_value_as_text():
    values = ["Łódź", "007", b"caf\xc3\xa9 \xff", 2**53 + 1, float(np.float32(0.1)), -0.0]
    assert [value_text(value) for value in values] == ["Łódź", "007", "café \\xff", "9007199254740993", "0.1", "0.0"]
