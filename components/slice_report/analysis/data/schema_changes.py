"""Differences between two schemas, column by column, in words; fields without words as text of the protocol buffer."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from google.protobuf import text_format
from google.protobuf.message import Message
from tensorflow_metadata.proto.v0 import schema_pb2

from components.data_validation.text_domains import string_domain
from components.slice_report.analysis.statistics import readable
from components.slice_report.facts import SchemaChange

WHOLE = "(schema)"
NAMED = 10


@dataclass(frozen=True)
class Column:
    """A column in words, and the fields that the words leave out."""

    words: tuple[str, ...]
    values: tuple[str, ...] | None
    rest: schema_pb2.Feature


def schema_changes(before: schema_pb2.Schema, after: schema_pb2.Schema) -> tuple[SchemaChange, ...]:
    """Return the columns that were added, removed or changed, in the order of ``after``, then removed ones.

    The order of columns, of the values of a domain and of environments does not matter. Any other difference is a
    change: fields without words appear as text, and fields of the schema as a whole as column ``(schema)``.
    """
    old, new = columns_of(before), columns_of(after)
    changes = [change_of(name, old.get(name), new.get(name)) for name in dict.fromkeys([*new, *old])]
    whole = differing(without_columns(before, after), without_columns(after, before))
    if any(whole):
        changes.append(SchemaChange(WHOLE, *whole))
    return tuple(change for change in changes if change.before != change.after)


def columns_of(schema: schema_pb2.Schema) -> dict[str, Column]:
    return {feature.name: read_column(feature, schema) for feature in schema.feature}


def read_column(feature: schema_pb2.Feature, schema: schema_pb2.Schema) -> Column:
    """Describe a column. Fields that the words cover are removed from the rest, so that nothing is repeated."""
    rest = schema_pb2.Feature()
    rest.CopyFrom(feature)
    allowed = string_domain(feature, schema)
    values = None if allowed is None else tuple(sorted(allowed))
    words = (describe_type(rest), *describe_presence(rest), *describe_range(rest))
    if rest.HasField("string_domain"):
        del rest.string_domain.value[:]
        clear_if_empty(rest, "string_domain")
    for environments in (rest.in_environment, rest.not_in_environment):
        environments.sort()
    return Column(words, values, rest)


def describe_type(rest: schema_pb2.Feature) -> str:
    """Return ``INT``, ``FLOAT``, ``BYTES`` or ``STRUCT``."""
    name = schema_pb2.FeatureType.Name(rest.type)
    if rest.type != schema_pb2.TYPE_UNKNOWN:
        rest.ClearField("type")
    return str(name)


def describe_presence(rest: schema_pb2.Feature) -> Iterator[str]:
    """Yield how often a row must have the column."""
    share = rest.presence.min_fraction
    yield "required" if share == 1 else f"required in {share} of the rows" if share else "optional"
    if share:
        rest.presence.ClearField("min_fraction")
        clear_if_empty(rest, "presence")


def describe_range(rest: schema_pb2.Feature) -> Iterator[str]:
    """Yield the range of numbers, if there is one."""
    for kind in ("int_domain", "float_domain"):
        domain = getattr(rest, kind)
        ends = [format_end(domain, name) for name in ("min", "max")] if rest.HasField(kind) else ["", ""]
        if any(ends):
            yield " … ".join(ends) if all(ends) else f"≥ {ends[0]}" if ends[0] else f"≤ {ends[1]}"
            domain.ClearField("min")
            domain.ClearField("max")
            clear_if_empty(rest, kind)


def format_end(domain: Message, name: str) -> str:
    """Return an end of a range, for FLOAT the shortest text of the same float32; empty if not set."""
    if not domain.HasField(name):
        return ""
    value = getattr(domain, name)
    return str(value) if isinstance(value, int) else str(np.float32(value))


def clear_if_empty(rest: schema_pb2.Feature, field: str) -> None:
    """Remove a message without fields."""
    if not getattr(rest, field).ListFields():
        rest.ClearField(field)


def change_of(name: str, old: Column | None, new: Column | None) -> SchemaChange:
    """Return a change, with equal texts if nothing differs."""
    if old is None or new is None:
        return SchemaChange(name, *(describe(column, "") if column else "" for column in (old, new)))
    apart = differing(old.rest, new.rest)
    texts = describe(old, apart[0]), describe(new, apart[1], describe_difference(old.values or (), new.values or ()))
    return SchemaChange(name, *texts)


def describe(column: Column, rest: str, difference: str = "") -> str:
    """Return, for example, ``BYTES, required, 9 values (added 'x'); drift_comparator { … }``."""
    words = list(column.words)
    if column.values is not None:
        words.append(f"{len(column.values)} value{'' if len(column.values) == 1 else 's'}{difference}")
    return "; ".join([", ".join(words), *([rest] if rest else [])])


def describe_difference(old: Sequence[str], new: Sequence[str]) -> str:
    """Return `` (added 'x'; removed 'y')``, or an empty text."""
    added, removed = (sorted((Counter(one) - Counter(other)).elements()) for one, other in ((new, old), (old, new)))
    parts = [f"{verb} {list_values(values)}" for verb, values in (("added", added), ("removed", removed)) if values]
    return f" ({'; '.join(parts)})" if parts else ""


def list_values(values: Sequence[str]) -> str:
    """Return at most ten values by name."""
    named = ", ".join(f"'{readable(value)}'" for value in values[:NAMED])
    return f"{named} and {len(values) - NAMED:,} more" if len(values) > NAMED else named


def without_columns(schema: schema_pb2.Schema, other: schema_pb2.Schema) -> schema_pb2.Schema:
    """Return a schema without columns and without the domains that columns of either schema name."""
    rest = schema_pb2.Schema()
    rest.CopyFrom(schema)
    del rest.feature[:]
    del rest.string_domain[:]
    named = {feature.domain for either in (schema, other) for feature in either.feature if feature.HasField("domain")}
    rest.string_domain.extend(domain for domain in schema.string_domain if domain.name not in named)
    rest.default_environment.sort()
    return rest


def differing(before: Message, after: Message) -> tuple[str, str]:
    """Return the fields of two messages that differ, as text; two empty texts if none does."""
    names = [field.name for field in before.DESCRIPTOR.fields if only(before, field.name) != only(after, field.name)]
    texts = [" ".join(filter(None, (as_text(only(side, name)) for name in names))) for side in (before, after)]
    return texts[0], texts[1]


def only(message: Message, name: str) -> Message:
    """Return a message with a single field."""
    kept = type(message)()
    kept.CopyFrom(message)
    for field, _ in message.ListFields():
        if field.name != name:
            kept.ClearField(field.name)
    return kept


def as_text(message: Message) -> str:
    return str(text_format.MessageToString(message, as_one_line=True, as_utf8=True))
