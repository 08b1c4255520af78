"""The domains of a schema as rules on single values, for columns that statistics cannot judge.

The rules have TFDV's names and meaning (tensorflow_data_validation/anomalies/*_domain_util.cc).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from tensorflow_metadata.proto.v0 import schema_pb2

from components.data_validation.text_domains import bool_texts, string_domain

Mask: TypeAlias = NDArray[np.bool_]
# Takes distinct values, (values,), and returns for each rule a mask of those that break it.
Rules = Callable[[pa.Array], Mapping[str, Mask]]
Bounds: TypeAlias = "schema_pb2.IntDomain | schema_pb2.FloatDomain"
UNEXPECTED_STRING = "ENUM_TYPE_UNEXPECTED_STRING_VALUES"
INTEGER = re.compile(rb"\s*[+-]?\d+\s*")
INT64 = range(-(1 << 63), 1 << 63)
# From here on a double, in which statistics keep numbers, is not exact.
EXACT_LIMIT = 1 << 53
STAGE = schema_pb2.LifecycleStage
UNUSED = (STAGE.PLANNED, STAGE.ALPHA, STAGE.DEBUG_ONLY, STAGE.DEPRECATED, STAGE.DISABLED)


@dataclass(frozen=True)
class Domain:
    """The rules of a column, and the share of its values that may break them."""

    feature: schema_pb2.Feature
    outside: Rules
    tolerated: float = 0.0


def list_domains(schema: schema_pb2.Schema) -> Iterator[Domain]:
    """Yield the domains that must be checked value by value."""
    for feature in schema.feature:
        outside = make_rules(feature, schema)
        if outside is not None and not feature.deprecated and feature.lifecycle_stage not in UNUSED:
            yield Domain(feature, outside, tolerated_share(feature))


def tolerated_share(feature: schema_pb2.Feature) -> float:
    """Return the share of values that may be outside a text domain."""
    has_mass = feature.HasField("distribution_constraints") and feature.type == schema_pb2.BYTES
    return 1.0 - feature.distribution_constraints.min_domain_mass if has_mass else 0.0


def make_rules(feature: schema_pb2.Feature, schema: schema_pb2.Schema) -> Rules | None:
    """Return the rules of a column; None without a domain, or if minimum and maximum suffice to judge it."""
    allowed = string_domain(feature, schema)
    match feature.type, feature.WhichOneof("domain_info"):
        case schema_pb2.BYTES, _ if allowed is not None:
            return only_texts(UNEXPECTED_STRING, allowed)
        case schema_pb2.BYTES, "bool_domain":
            return only_texts("BOOL_TYPE_UNEXPECTED_STRING", bool_texts(feature.bool_domain))
        case schema_pb2.BYTES, "int_domain":
            return only_numbers(parse_int, feature.int_domain, "INT_TYPE_NOT_INT_STRING", "INT")
        case schema_pb2.BYTES, "float_domain":
            return only_numbers(parse_float, feature.float_domain, "FLOAT_TYPE_STRING_NOT_FLOAT", "FLOAT")
        case schema_pb2.INT, "int_domain" if (
            max(abs(feature.int_domain.min), abs(feature.int_domain.max)) >= EXACT_LIMIT
        ):
            return lambda values: out_of_bounds(values.to_numpy(), feature.int_domain, "INT")
        case schema_pb2.FLOAT, "bool_domain":
            return lambda values: {"BOOL_TYPE_UNEXPECTED_FLOAT": ~np.isin(values.to_numpy(), (0, 1))}
    return None


def is_exact(domain: schema_pb2.IntDomain) -> bool:
    """Whether a double holds both bounds exactly."""
    return max(abs(domain.min), abs(domain.max)) < EXACT_LIMIT


def only_texts(rule: str, allowed: Iterable[str]) -> Rules:
    """Return a rule that only the allowed texts keep."""
    known = pa.array([value.encode() for value in allowed], pa.large_binary())
    return lambda values: {rule: ~pc.is_in(values, value_set=known).to_numpy(zero_copy_only=False)}


def only_numbers(parse: Callable[[bytes], int | float | None], domain: Bounds, no_number: str, kind: str) -> Rules:
    """Return rules that only texts of numbers within the bounds keep."""

    def outside(values: pa.Array) -> Mapping[str, Mask]:
        parsed = [parse(value) for value in values.to_pylist()]
        numbers = np.array([0 if number is None else number for number in parsed], object)
        bad = np.array([number is None for number in parsed], bool)
        return {no_number: bad, **{rule: mask & ~bad for rule, mask in out_of_bounds(numbers, domain, kind).items()}}

    return outside


def out_of_bounds(numbers: NDArray[np.generic], domain: Bounds, kind: str) -> dict[str, Mask]:
    """Return the masks of the numbers below the minimum and above the maximum of a domain, by rule."""
    small, big = ("SMALL_INT", "BIG_INT") if kind == "INT" else ("SMALL_FLOAT", "BIG_FLOAT")
    found = {}
    if domain.HasField("min"):
        found[f"{kind}_TYPE_{small}"] = np.asarray(numbers < domain.min, bool)
    if domain.HasField("max"):
        found[f"{kind}_TYPE_{big}"] = np.asarray(numbers > domain.max, bool)
    return found


def parse_int(text: bytes) -> int | None:
    r"""Parse a 64-bit integer; return None for any other text.

    >>> parse_int(b" 12 "), parse_int(b"1_2"), parse_int(b"9223372036854775808"), parse_int(b"\xff")
    (12, None, None, None)
    """
    number = int(text) if INTEGER.fullmatch(text) else None
    return number if number is not None and number in INT64 else None


def parse_float(text: bytes) -> float | None:
    """Parse a number as a float32, like the bounds in a schema; return None for any other text.

    >>> parse_float(b"1e3"), parse_float(b"1_0"), parse_float(b"x")
    (1000.0, None, None)
    """
    if b"_" in text:
        return None
    try:
        return float(np.float32(float(text)))
    except ValueError:
        return None
