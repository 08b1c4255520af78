"""Whether the columns of a schema are such that the features of a table can be made of them, before any node runs."""

from collections.abc import Iterator

from tensorflow_metadata.proto.v0 import schema_pb2

from pipeline.errors import ConfigError
from pipeline.features.table import Bucketized, Categorical, Crossed, Exact, Feature, MultiHot, Numeric, Table

NUMBERS, TEXT = ("INT", "FLOAT"), ("BYTES",)
TYPES = {Numeric: NUMBERS, Bucketized: NUMBERS, Categorical: TEXT, MultiHot: TEXT, Exact: ("INT",)}
# What a column says that is in no row.
UNUSED = ("DEPRECATED", "DISABLED", "PLANNED", "ALPHA", "DEBUG_ONLY", "VALIDATION_DERIVED")


def check_columns(table: Table, schema: schema_pb2.Schema, where: str) -> None:
    """Compares what a table does with columns with what a schema, at ``where``, says of them.

    Raises:
        ConfigError: a column has no type, or a shape that TensorFlow Transform does not take, or is not fit for what
            the table makes of it.
    """
    for column in schema.feature:
        check_declared(column, where)
    by_name = {column.name: column for column in schema.feature}
    for name, use, types in uses(table):
        check_fit(by_name[name], use, types, where)
    for feature in table.features:
        check_room(feature, by_name, where)


def uses(table: Table) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """The columns that are read, what for, and the types that are fit for it."""
    for feature in table.features:
        if not isinstance(feature, Crossed):
            yield feature.name, type(feature).__name__, TYPES[type(feature)]
        if isinstance(feature, MultiHot):
            yield feature.domain_of, "the domain of a MultiHot", TEXT
    if table.weight is not None:
        yield table.weight, "the weight", NUMBERS


def type_of(column: schema_pb2.Feature) -> str:
    """The type as a schema spells it."""
    return str(schema_pb2.FeatureType.Name(column.type))


def check_declared(column: schema_pb2.Feature, where: str) -> None:
    """Looks at a column for itself.

    Raises:
        ConfigError: it has no type of a value, or a shape, though rows may lack it.
    """
    if type_of(column) not in (*NUMBERS, *TEXT):
        raise ConfigError(
            f"{where}, feature {column.name}", "the column has no type that a value has",
            expected="INT, FLOAT or BYTES", received=type_of(column),
        )  # fmt: skip
    if column.HasField("shape") and column.presence.min_fraction != 1.0:
        raise ConfigError(
            f"{where}, feature {column.name}", "it has a shape, and yet rows may lack it",
            expected="presence { min_fraction: 1.0 } beside the shape, or value_count { min: 1 max: 1 } in place of it",
        )  # fmt: skip


def check_fit(column: schema_pb2.Feature, use: str, types: tuple[str, ...], where: str) -> None:
    """Compares a column with what it is used for.

    Raises:
        ConfigError: it is of another type, has not one value a row, or is in no row.
    """
    place = f"{where}, feature {column.name}"
    if type_of(column) not in types:
        raise ConfigError(
            place, f"the column has the wrong type for {use}", expected=" or ".join(types), received=type_of(column),
            next_step="Correct the type in schemas/, or take another kind of feature in features.py: numbers are "
            "Numeric, Bucketized or, whole ones, Exact; texts Categorical or MultiHot.",
        )  # fmt: skip
    if column.HasField("shape") and [dim.size for dim in column.shape.dim] != [1]:
        raise ConfigError(place, f"{use} takes one value a row", expected="shape { dim { size: 1 } }")
    if column.deprecated or schema_pb2.LifecycleStage.Name(column.lifecycle_stage) in UNUSED:
        raise ConfigError(place, f"the table reads the column, as {use}, which the schema says is not in use")


def check_room(feature: Feature, columns: dict[str, schema_pb2.Feature], where: str) -> None:
    """Compares the size of what takes its ids from a domain with that domain.

    Raises:
        ConfigError: values of the domain would have ids that a model does not know, or those of others.
    """
    if not isinstance(feature, MultiHot) and not (isinstance(feature, Categorical) and feature.closed):
        return
    name = feature.domain_of if isinstance(feature, MultiHot) else feature.name
    domain = list(columns[name].string_domain.value)
    size = len(domain)
    if len(set(domain)) < size:
        twice = next(value for value in domain if domain.count(value) > 1)
        raise ConfigError(f"{where}, feature {name}", "a value stands twice in the domain", received=repr(twice))
    if feature.vocabulary < size:
        raise ConfigError(
            f"feature table, {type(feature).__name__} {feature.name}", "'vocabulary' is smaller than the domain",
            expected=f"at least {size:,}, the values that {where} gives {name}", received=str(feature.vocabulary),
        )  # fmt: skip
