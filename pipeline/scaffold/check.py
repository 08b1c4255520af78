"""Compare an edited workload with its source, in seconds and without TensorFlow: ``--check``."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from tensorflow_metadata.proto.v0 import schema_pb2

from components.data_validation.text_domains import allowed_texts
from components.support.text import shorten
from pipeline.config.load import OWN_CONFIG, load_config
from pipeline.errors import DataError, did_you_mean
from pipeline.features.column_fit import check_columns
from pipeline.features.table import closed_columns
from pipeline.scaffold.columns.column import Column
from pipeline.scaffold.columns.label import without_tokens
from pipeline.settings.graph import domains
from pipeline.settings.known_names import check_names
from pipeline.task.labels import resolve
from pipeline.workloads.contract import check_model_settings, load_workload, read_schema

UPDATE = "If it is right, draft the files again: --update {folder}. If not, correct the rows."


def check_workload(folder: Path) -> schema_pb2.Schema:
    """Load the config, the modules and the schema of a workload, and check them against each other.

    Raises:
        ConfigError: they do not fit together.
    """
    config = load_config(str(folder / OWN_CONFIG))
    workload = load_workload(config.workload)
    schema = read_schema(workload)
    check_names(workload, config, schema)
    resolve(workload.table.target, schema)
    check_columns(workload.table, schema, workload.location.shown_schema)
    domains(schema, closed_columns(workload.table.features))
    # Only this needs the module of the model, and with it TensorFlow.
    if config.training.model:
        check_model_settings(workload, config.training.model)
    return schema


def check_rows(columns: list[Column], sources: list[str], schema: schema_pb2.Schema, label: str, folder: str) -> None:
    """Compare the columns of the source with the schema.

    Raises:
        DataError: a column is missing, new, of another type, or has a value that the schema does not allow.
    """
    known, domain = {feature.name: feature for feature in schema.feature}, allowed_texts(schema)
    found = {column.name: column for column in columns}
    next_step = UPDATE.format(folder=folder)
    check_header(found, known, ", ".join(sources), next_step)
    for name, column in found.items():
        if name == label and known[name].type == schema_pb2.FeatureType.BYTES:
            column = without_tokens(replace(column, values=column.values.cast(pa.string())))
        if name in known:
            for problem, expected, received in problems(column, known[name], domain.get(name, ()), name == label):
                raise DataError(f"{sources[0]}, {place(column)}", problem, expected=expected, received=received,
                                next_step=next_step)  # fmt: skip


def check_header(
    found: Mapping[str, Column], known: Mapping[str, schema_pb2.Feature], where: str, next_step: str
) -> None:  # fmt: skip
    """Compare names: one that is gone and one that is new are often the same column, renamed.

    Raises:
        DataError: they differ.
    """
    gone = [name for name in known if name not in found]
    new = [name for name in found if name not in known and found[name].values.null_count < len(found[name].values)]
    if not gone and not new:
        return
    renamed = next((hint for name in gone if (hint := did_you_mean(name, new))), "")
    problem = "the rows have no column" if gone else "the schema has no column"
    raise DataError(
        where, f"{problem} {', '.join(gone or new)}", expected=", ".join(list(known)[:40]),
        received=f"new in the rows: {', '.join(new)}" if gone and new else ", ".join(new),
        next_step=f"{renamed} {next_step}".strip(),
    )  # fmt: skip


def place(column: Column) -> str:
    """Name a column as its source does."""
    return f"column {column.source}"


def problems(
    column: Column, feature: schema_pb2.Feature, domain: Sequence[str], is_label: bool
) -> Iterator[tuple[str, str, str]]:
    """Yield what the schema does not allow of a column: the problem, what was expected and what was received."""
    values = column.values.drop_null()
    kind = schema_pb2.FeatureType.Name(feature.type)
    if not len(values):
        yield "no row has a value", kind, "missing in all rows"
        return
    if column.type != kind and not (kind == "FLOAT" and column.type == "INT"):
        yield "the column has another type", kind, f"{column.type}, such as {shorten(repr(values[0].as_py()))}"
        return
    if feature.presence.min_fraction == 1.0 and column.values.null_count and not is_label:
        yield (
            "rows have no value",
            "a value in each row",
            row_of(column.values.is_null().to_numpy(zero_copy_only=False)),
        )
    if domain:
        new = pc.invert(pc.is_in(column.values, value_set=pa.array(domain), skip_nulls=False))
        outside = pc.and_(new, column.values.is_valid()).to_numpy(zero_copy_only=False)
        if outside.any():
            first = column.values[int(np.flatnonzero(outside)[0])].as_py()
            yield "a value is not in the domain", shown(domain), f"{shorten(first)!r}, {row_of(outside)}"
    least, most = limits(feature)
    if column.type != "BYTES" and (least is not None or most is not None):
        numbers = column.numbers()
        outside = (numbers < (-np.inf if least is None else least)) | (numbers > (np.inf if most is None else most))
        if outside.any():
            first = numbers[np.flatnonzero(outside)[0]]
            yield "a number is out of range", f"{least} to {most}", f"{first:g}, {row_of(outside)}"


def limits(feature: schema_pb2.Feature) -> tuple[float | None, float | None]:
    """Return the least and the greatest number that the schema allows, None where there is no limit."""
    kind = feature.WhichOneof("domain_info")
    if kind not in ("int_domain", "float_domain"):
        return None, None
    domain = getattr(feature, kind)
    return (
        domain.min if domain.HasField("min") else None, domain.max if domain.HasField("max") else None,
    )  # fmt: skip


def row_of(chosen: NDArray[np.bool_]) -> str:
    """Return how many rows are chosen, and the first of them, counted from 1."""
    return f"row {int(np.flatnonzero(chosen)[0]) + 1:,}, and {int(chosen.sum()) - 1:,} more"


def shown(values: Sequence[str]) -> str:
    """Return the first values of a domain for a message."""
    return ", ".join(shorten(value, 30) for value in values[:10]) + (", …" if len(values) > 10 else "")
