"""The labels of a task, checked against the schema; the gate requires them in every row."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tensorflow_metadata.proto.v0 import schema_pb2

from pipeline.errors import ConfigError, did_you_mean
from pipeline.label import Binary, Label, Task


@dataclass(frozen=True)
class Known:
    """The labels of a task, and the types in a schema that can hold them."""

    labels: tuple[int, ...]
    types: tuple[str, ...]


KNOWN: Mapping[type[Task], Known] = {Binary: Known(labels=(0, 1), types=("INT", "FLOAT"))}


def gate_labels(label: Label, schema: schema_pb2.Schema) -> dict[str, Any]:
    """Return the settings of the gate for the labels.

    Raises:
        ConfigError: the schema has no such column, or its type cannot hold the labels of the task.
    """
    column, task, known = label.column, label.task, KNOWN[type(label.task)]
    types = {feature.name: schema_pb2.FeatureType.Name(feature.type) for feature in schema.feature}
    if column not in types:
        raise ConfigError(
            f"feature table, label {column!r}", "no such column in the schema", expected=", ".join(types),
            received=column, next_step=did_you_mean(column, types) or "Declare it in schemas/.",
        )  # fmt: skip
    if types[column] not in known.types:
        raise ConfigError(
            f"schemas, feature {column}", f"the label of a {task.name} task has the wrong type",
            expected=f"{' or '.join(known.types)}, with the values {' and '.join(map(str, known.labels))}",
            received=types[column], next_step="Turn the labels into numbers in the rows, and correct the schema.",
        )  # fmt: skip
    return {"column": column, "task": task.name, "values": list(known.labels)}
