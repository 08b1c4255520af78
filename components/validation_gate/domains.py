"""What a schema allows in a column, as rules on its values: for columns of which statistics do not tell enough.

The rules have the names and the meaning that TFDV gives them (tensorflow_data_validation/anomalies/*_domain_util.cc).
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

Mask: TypeAlias = NDArray[np.bool_]
# From different values, (values,), to those that break a rule, by rule.
Outside = Callable[[pa.Array], Mapping[str, Mask]]
Bounds: TypeAlias = "schema_pb2.IntDomain | schema_pb2.FloatDomain"
UNEXPECTED_STRING = "ENUM_TYPE_UNEXPECTED_STRING_VALUES"
WHOLE = re.compile(rb"\s*[+-]?\d+\s*")
INT64 = range(-(1 << 63), 1 << 63)
# Statistics hold numbers as doubles, which are not exact from here on.
EXACT = 1 << 53
STAGE = schema_pb2.LifecycleStage
UNUSED = (STAGE.PLANNED, STAGE.ALPHA, STAGE.DEBUG_ONLY, STAGE.DEPRECATED, STAGE.DISABLED)


@dataclass(frozen=True)
class Domain:
    """What is allowed in a column, and the share of its values that need not be."""

    feature: schema_pb2.Feature
    outside: Outside
    tolerated: float = 0.0


def domains(schema: schema_pb2.Schema) -> Iterator[Domain]:
    """Of each column that has one which is judged by single values."""
    shared = {domain.name: domain.value for domain in schema.string_domain}
    for feature in schema.feature:
        outside = rules(feature, shared)
        if outside is not None and not feature.deprecated and feature.lifecycle_stage not in UNUSED:
            yield Domain(feature, outside, tolerated(feature))


def tolerated(feature: schema_pb2.Feature) -> float:
    """The share of values that may be outside of a domain of text."""
    has_mass = feature.HasField("distribution_constraints") and feature.type == schema_pb2.BYTES
    return 1.0 - feature.distribution_constraints.min_domain_mass if has_mass else 0.0


def rules(feature: schema_pb2.Feature, shared: Mapping[str, Iterable[str]]) -> Outside | None:
    """What breaks the domain of a column; None for numbers of which the least and the greatest tell everything."""
    match feature.type, feature.WhichOneof("domain_info"):
        case schema_pb2.BYTES, "string_domain":
            return other_than(UNEXPECTED_STRING, feature.string_domain.value)
        case schema_pb2.BYTES, "domain" if feature.domain in shared:
            return other_than(UNEXPECTED_STRING, shared[feature.domain])
        case schema_pb2.BYTES, "bool_domain":
            return other_than("BOOL_TYPE_UNEXPECTED_STRING", truths(feature.bool_domain))
        case schema_pb2.BYTES, "int_domain":
            return numbers_as_text(as_int, feature.int_domain, "INT_TYPE_NOT_INT_STRING", "INT")
        case schema_pb2.BYTES, "float_domain":
            return numbers_as_text(as_float, feature.float_domain, "FLOAT_TYPE_STRING_NOT_FLOAT", "FLOAT")
        case schema_pb2.INT, "int_domain" if max(abs(feature.int_domain.min), abs(feature.int_domain.max)) >= EXACT:
            return lambda values: beyond(values.to_numpy(), feature.int_domain, "INT")
        case schema_pb2.FLOAT, "bool_domain":
            return lambda values: {"BOOL_TYPE_UNEXPECTED_FLOAT": ~np.isin(values.to_numpy(), (0, 1))}
    return None


def truths(domain: schema_pb2.BoolDomain) -> list[str]:
    """The texts for true and false."""
    return [getattr(domain, name) for name in ("true_value", "false_value") if domain.HasField(name)]


def other_than(rule: str, allowed: Iterable[str]) -> Outside:
    """Any text but those allowed."""
    known = pa.array([value.encode() for value in allowed], pa.large_binary())
    return lambda values: {rule: ~pc.is_in(values, value_set=known).to_numpy(zero_copy_only=False)}


def numbers_as_text(read: Callable[[bytes], int | float | None], domain: Bounds, no_number: str, kind: str) -> Outside:
    """Text that is no number, and numbers outside of the bounds."""

    def outside(values: pa.Array) -> Mapping[str, Mask]:
        found = [read(value) for value in values.to_pylist()]
        numbers = np.array([0 if number is None else number for number in found], object)
        unread = np.array([number is None for number in found], bool)
        return {no_number: unread, **{rule: mask & ~unread for rule, mask in beyond(numbers, domain, kind).items()}}

    return outside


def beyond(numbers: NDArray[np.generic], domain: Bounds, kind: str) -> dict[str, Mask]:
    """Numbers below the least and above the greatest that a domain allows."""
    small, big = ("SMALL_INT", "BIG_INT") if kind == "INT" else ("SMALL_FLOAT", "BIG_FLOAT")
    found = {}
    if domain.HasField("min"):
        found[f"{kind}_TYPE_{small}"] = np.asarray(numbers < domain.min, bool)
    if domain.HasField("max"):
        found[f"{kind}_TYPE_{big}"] = np.asarray(numbers > domain.max, bool)
    return found


def as_int(text: bytes) -> int | None:
    r"""A whole number of 64 bits.

    >>> as_int(b" 12 "), as_int(b"1_2"), as_int(b"9223372036854775808"), as_int(b"\xff")
    (12, None, None, None)
    """
    number = int(text) if WHOLE.fullmatch(text) else None
    return number if number is not None and number in INT64 else None


def as_float(text: bytes) -> float | None:
    """A number as the schema has its bounds, in 32 bits.

    >>> as_float(b"1e3"), as_float(b"1_0"), as_float(b"x")
    (1000.0, None, None)
    """
    if b"_" in text:
        return None
    try:
        return float(np.float32(float(text)))
    except ValueError:
        return None
