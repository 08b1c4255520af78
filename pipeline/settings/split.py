"""How ExampleGen splits rows, from a config, after checking that the columns are suitable."""

import pyarrow as pa
from tensorflow_metadata.proto.v0 import schema_pb2

from components.arrow_example_gen.splitting.assignment import BUCKETS, Splitting
from components.arrow_example_gen.splitting.timestamps import DIRECTIVES, parse_times
from pipeline.config.data import SplitBy
from pipeline.errors import ConfigError, did_you_mean
from pipeline.splits import SPLITS

# Up to here, a 32-bit float represents every whole number.
FLOAT_WHOLE = 2**24


def make_splitting(split_by: SplitBy | None, schema: schema_pb2.Schema) -> Splitting | None:
    """The splitting that a config asks for; None if it asks for none.

    Raises:
        ConfigError: the schema does not have the column, or its type is not suitable.
    """
    if split_by is None:
        return None
    types = {feature.name: schema_pb2.FeatureType.Name(feature.type) for feature in schema.feature}
    if split_by.key is not None:
        check_type("data.split_by.key", split_by.key, types, ("INT", "BYTES"))
        first, second = split_by.shares.train, split_by.shares.train + split_by.shares.eval
        return Splitting("key", split_by.key, SPLITS, (round(first * BUCKETS), round(second * BUCKETS)))
    assert split_by.time is not None
    assert split_by.cuts is not None
    check_type("data.split_by.time", split_by.time, types, types_for(split_by.cuts[0]))
    check_cuts(split_by, types[split_by.time])
    return Splitting("time", split_by.time, SPLITS, split_by.cuts, split_by.time_format)


def check_cuts(split_by: SplitBy, kind: str) -> None:
    """Check that a column of a type can be compared with the cuts.

    Raises:
        ConfigError: they are not times, not in order, or beyond the exact numbers of the type.
    """
    cuts = split_by.cuts or ()
    if kind == "FLOAT" and any(abs(float(cut)) >= FLOAT_WHOLE for cut in cuts):
        raise ConfigError("data.split_by.cuts", f"FLOAT columns are not exact from {FLOAT_WHOLE:,} on",
                          received=str(list(cuts)),
                          next_step=f"Declare {split_by.time} as INT in schemas/.")  # fmt: skip
    if kind == "INT" and any(not -(2**63) <= cut < 2**63 for cut in cuts if isinstance(cut, int)):
        raise ConfigError("data.split_by.cuts", "a cut is out of the range of 64-bit integers",
                          received=", ".join(map(str, cuts)))  # fmt: skip
    if kind != "BYTES":
        return
    try:
        times, kinds = parse_times(pa.array([str(cut) for cut in cuts]), split_by.time_format)
    except ValueError as error:
        raise ConfigError("data.split_by.time_format", "not a time format", expected=", ".join(DIRECTIVES),
                          received=f"{split_by.time_format}: {error}") from error  # fmt: skip
    if not kinds.all() or len(set(kinds.tolist())) > 1:
        raise ConfigError(
            "data.split_by.cuts", "not two times in the same format",
            expected=split_by.time_format or "two ISO 8601 times, both with a time zone or both without",
            received=", ".join(map(str, cuts)),
            next_step="Correct them, or set data.split_by.time_format to their format, such as %d.%m.%Y.",
        )  # fmt: skip
    if times[0] >= times[1]:
        raise ConfigError(
            "data.split_by.cuts", "the second must be later than the first", received=", ".join(map(str, cuts))
        )


def types_for(cut: float | str) -> tuple[str, ...]:
    """The types of columns that can be compared with a cut.

    >>> types_for(1.5), types_for("2025-01-31")
    (('FLOAT',), ('BYTES',))
    """
    if isinstance(cut, str):
        return ("BYTES",)
    return ("INT", "FLOAT") if isinstance(cut, int) else ("FLOAT",)


def check_type(where: str, column: str, types: dict[str, str], fit: tuple[str, ...]) -> None:
    """Check the type of a column.

    Raises:
        ConfigError: the column is not in the schema, or has another type.
    """
    if types.get(column) not in fit:
        raise ConfigError(
            where, "the column has an unsuitable type" if column in types else "the schema has no such column",
            expected=f"a column of type {' or '.join(fit)}: "
            + ", ".join(name for name, found in types.items() if found in fit),
            received=f"{column} ({types[column]})" if column in types else column,
            next_step="" if column in types else did_you_mean(column, types),
        )  # fmt: skip
