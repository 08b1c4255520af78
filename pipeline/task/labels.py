"""The labels of a task, checked against the schema; the gate requires them in every row."""

import dataclasses
from typing import Any

from tensorflow_metadata.proto.v0 import schema_pb2

from components.data_validation.text_domains import allowed_texts
from pipeline.errors import ConfigError, did_you_mean
from pipeline.label import Label

NUMBERS = ("INT", "FLOAT")


def resolve(label: Label, schema: schema_pb2.Schema) -> Label:
    """Return the label with its values from the schema; they stay empty for the numbers 0 and 1.

    Raises:
        ConfigError: the schema has no such column, or its type or its domain cannot hold the labels of the task.
    """
    features = {feature.name: feature for feature in schema.feature}
    if label.column not in features:
        raise ConfigError(
            f"feature table, label {label.column!r}", "no such column in the schema", expected=", ".join(features),
            received=label.column, next_step=did_you_mean(label.column, features) or "Declare it in schemas/.",
        )  # fmt: skip
    feature = features[label.column]
    kind, allowed = schema_pb2.FeatureType.Name(feature.type), allowed_texts(schema).get(label.column, ())
    if label.positive is None:
        check_numbers(label, kind, allowed)
        return label
    check_texts(label, kind, allowed)
    return dataclasses.replace(label, values=tuple(sorted(allowed, key=lambda value: value == label.positive)))


def check_numbers(label: Label, kind: str, allowed: tuple[str, ...]) -> None:
    """Check that a column can hold 0 and 1."""
    if kind not in NUMBERS:
        example = allowed[-1] if allowed else "…"
        raise ConfigError(
            f"schemas, feature {label.column}", f"the label of a {label.task.name} task has the wrong type",
            expected=f"{' or '.join(NUMBERS)}, with the values 0 and 1; or BYTES, if the table says which text counts "
            "as 1", received=kind,
            next_step=f"Write label=Label({label.column!r}, positive={example!r}) in the feature table.",
        )  # fmt: skip


def check_texts(label: Label, kind: str, allowed: tuple[str, ...]) -> None:
    """Check that a column holds two texts, one of which is the positive one."""
    if kind != "BYTES":
        raise ConfigError(
            f"feature table, label {label.column!r}", "positive is for a column of text", expected="BYTES",
            received=f"positive={label.positive!r}, and {kind} in the schema",
            next_step="Leave out positive, if the labels are 0 and 1.",
        )  # fmt: skip
    if len(set(allowed)) != 2 or label.positive not in allowed:
        raise ConfigError(
            f"schemas, feature {label.column}", "its domain is not that of a binary label",
            expected=f"a string_domain of two values, one of them {label.positive!r}",
            received=", ".join(map(repr, allowed)) or "no string_domain",
            next_step=did_you_mean(label.positive or "", allowed) or "Correct the domain, or positive in the table.",
        )  # fmt: skip


def gate_labels(label: Label) -> dict[str, Any]:
    """Return the settings of the gate for the labels of a resolved label."""
    return {"column": label.column, "task": label.task.name, "values": list(label.values or (0, 1))}
