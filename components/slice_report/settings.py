"""Settings of the report: the config, the bounds, and the team's words for the model card."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BeforeValidator, TypeAdapter

from components.evaluation.verdict import Bounds
from components.slice_report.facts import Card, ConfigChange, Pairs
from pipeline.criteria import Acceptance
from pipeline.label import Label, label_of


def as_label(value: Any) -> Label:
    """Return a label, also from what ``Label.as_data`` gave."""
    return value if isinstance(value, Label) else label_of(value)


@dataclass(frozen=True)
class Settings:
    """Settings of the report; a change makes a new report.

    Attributes:
        bounds: on the metrics of the model.
        cluster_by: the columns that name the units of rows.
        primary_metric: the metric that slices are sorted by.
        sensitive: columns for which rates are compared by group.
        example_columns: columns whose values may be shown for single rows.
        id_columns: columns whose values should not be in two splits.
        categorical_drift: bound on the L-infinity distance of a text column, if the schema has none.
        numeric_drift: bound on the Jensen-Shannon divergence of a number, if the schema has none.
        block_on: the lowest severity that the gate blocks.
        config: the effective config, key by key.
        sources: digests of the code of preprocessing and training.
        workload_package: the dotted name of the workload's package.
        group_thresholds: decision thresholds of groups, by sensitive column and value.
    """

    workload: str
    label: Annotated[Label, BeforeValidator(as_label)]
    decision_threshold: float
    bounds: Bounds
    cluster_by: tuple[str, ...]
    primary_metric: str
    sensitive: tuple[str, ...]
    id_columns: tuple[str, ...]
    example_columns: tuple[str, ...]
    categorical_drift: float
    numeric_drift: float
    block_on: str
    acceptances: tuple[Acceptance, ...]
    config: Pairs
    sources: Pairs
    card: Card
    workload_package: str = ""
    group_thresholds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def as_json(self) -> str:
        """Return one line of JSON, the same for equal settings."""
        plain = {**dataclasses.asdict(self), "label": self.label.as_data()}
        return json.dumps(plain, sort_keys=True, ensure_ascii=False)


ADAPTER = TypeAdapter(Settings)


def from_json(text: str) -> Settings:
    """Read the settings that a component was given."""
    return ADAPTER.validate_json(text)


def flatten(settings: Mapping[str, Any], prefix: str = "") -> Pairs:
    """Flatten nested settings to pairs of text; values that are not text become JSON.

    >>> flatten({"epochs": 3, "model": {"dropout": 0.1}, "slices": ["sex"], "path": None})
    (('epochs', '3'), ('model.dropout', '0.1'), ('slices', '["sex"]'), ('path', 'null'))
    """
    pairs: list[tuple[str, str]] = []
    for name, value in settings.items():
        if isinstance(value, Mapping) and value:
            pairs += flatten(value, f"{prefix}{name}.")
        else:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            pairs.append((f"{prefix}{name}", text))
    return tuple(pairs)


def config_changes(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[ConfigChange, ...]:
    """Return the keys whose value differs.

    >>> config_changes({"a": "1", "b": "2"}, {"a": "1", "b": "3", "c": "4"})
    (ConfigChange(key='b', before='2', after='3'), ConfigChange(key='c', before='', after='4'))
    """
    keys = list(dict.fromkeys([*before, *after]))
    return tuple(
        ConfigChange(key, before.get(key, ""), after.get(key, "")) for key in keys if before.get(key) != after.get(key)
    )
