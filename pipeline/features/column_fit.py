"""Check, before any node runs, that the columns of a schema suit the features of a table."""

from collections.abc import Iterator, Mapping, Sequence

from tensorflow_metadata.proto.v0 import schema_pb2

from components.data_validation.text_domains import allowed_texts
from pipeline.errors import ConfigError
from pipeline.features.feature import NUMBERS, TEXT, ColumnUse, Feature
from pipeline.features.table import Table

# States of a column in which no row has it.
UNUSED = ("DEPRECATED", "DISABLED", "PLANNED", "ALPHA", "DEBUG_ONLY", "VALIDATION_DERIVED")


def check_columns(table: Table, schema: schema_pb2.Schema, where: str) -> None:
    """Compare a table with a schema; ``where`` names the schema in messages.

    Raises:
        ConfigError: a column has no type, has a shape that TensorFlow Transform does not take, or does not suit a
            feature that reads it.
    """
    for column in schema.feature:
        check_declared(column, where)
    by_name = {column.name: column for column in schema.feature}
    for use in uses(table):
        check_fit(by_name[use.column], use, where)
    allowed = allowed_texts(schema)
    for feature in table.features:
        check_room(feature, allowed, where)


def uses(table: Table) -> Iterator[ColumnUse]:
    """Yield all columns that the table reads, with their use."""
    for feature in table.features:
        yield from feature.uses
    if table.weight is not None:
        yield ColumnUse(table.weight, "the weight", NUMBERS)


def type_of(column: schema_pb2.Feature) -> str:
    """Return the type as a schema spells it."""
    return str(schema_pb2.FeatureType.Name(column.type))


def check_declared(column: schema_pb2.Feature, where: str) -> None:
    """Check a column by itself.

    Raises:
        ConfigError: it has no type of a value, or it has a shape although rows may lack it.
    """
    if type_of(column) not in (*NUMBERS, *TEXT):
        raise ConfigError(
            f"{where}, feature {column.name}", "the column has no type of a value",
            expected="INT, FLOAT or BYTES", received=type_of(column),
        )  # fmt: skip
    if column.HasField("shape") and column.presence.min_fraction != 1.0:
        raise ConfigError(
            f"{where}, feature {column.name}", "it has a shape, although rows may lack it",
            expected="presence { min_fraction: 1.0 } beside the shape, or value_count { min: 1 max: 1 } in place of it",
        )  # fmt: skip


def check_fit(column: schema_pb2.Feature, use: ColumnUse, where: str) -> None:
    """Compare a column with its use.

    Raises:
        ConfigError: it has another type, does not have one value a row, or is not in use.
    """
    at = f"{where}, feature {column.name}"
    if type_of(column) not in use.types:
        raise ConfigError(
            at, f"the column has the wrong type for {use.use}", expected=" or ".join(use.types),
            received=type_of(column),
            next_step="Correct the type in schemas/, or take another kind of feature in features.py: docs/features.md "
            "lists the kinds by type.",
        )  # fmt: skip
    if column.HasField("shape") and [dim.size for dim in column.shape.dim] != [1]:
        raise ConfigError(at, f"{use.use} takes one value a row", expected="shape { dim { size: 1 } }")
    if column.deprecated or schema_pb2.LifecycleStage.Name(column.lifecycle_stage) in UNUSED:
        raise ConfigError(at, f"the table reads the column, as {use.use}, but the schema says that it is not in use")


def check_room(feature: Feature, allowed: Mapping[str, Sequence[str]], where: str) -> None:
    """Compare the size of a feature with the domain that gives its ids.

    Raises:
        ConfigError: a value is in the domain twice, or there are more values than ids.
    """
    if feature.domain is None:
        return
    name, room = feature.domain.column, feature.domain.room
    domain = list(allowed.get(name, ()))
    size = len(domain)
    if len(set(domain)) < size:
        twice = next(value for value in domain if domain.count(value) > 1)
        raise ConfigError(f"{where}, feature {name}", "a value is twice in the domain", received=repr(twice))
    if room < size:
        raise ConfigError(
            f"feature table, {type(feature).__name__} {feature.name}", "'vocabulary' is smaller than the domain",
            expected=f"at least {size:,}, the values that {where} gives {name}", received=str(room),
        )  # fmt: skip
