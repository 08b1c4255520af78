"""The feature table: one row per feature says what it is, how it is transformed, and where the model uses it.

`preprocess.py` turns a table into a TensorFlow Transform graph, `layers.py` into the inputs of a model. A column may be
in several rows, for example as a number and in buckets.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.errors import ConfigError
from pipeline.features.feature import Feature, Transformed, check_limits
from pipeline.features.names import check_apart, check_column
from pipeline.label import Label


@dataclass(frozen=True)
class Table:
    """The features of a workload, and the label. Columns of the schema that no row names are only carried.

    ``label`` is a Label, or the name of a column of 0 and 1; code reads ``target``, which is always a Label.
    ``weight`` names a column that says how much a row counts in fitting and in choosing the best epoch: a finite
    number of at least 0, in every row. No feature may read it; the model does not get it.
    """

    features: tuple[Feature, ...]
    label: str | Label
    weight: str | None = None

    def __post_init__(self) -> None:
        """Check sizes, arguments and names.

        Raises:
            ConfigError: a feature that cannot be made, a column with two uses, or names that collide.
        """
        for feature in self.features:
            check_limits(feature)
        columns = raw_columns(self.features)
        if self.weight is not None and self.weight in {self.target.column, *columns}:
            raise ConfigError(
                f"feature table, weight {self.weight!r}", "the column is also the label or a feature",
                next_step="Copy the column under another name, or drop one of the uses.",
            )  # fmt: skip
        for column in columns:
            check_column(column)
        for feature in self.features:
            feature.check(crossable(self.features))
        targeted = [(output.name, "the label or the weight") for output in targets(self)]
        named = [(name, str(feature)) for feature in self.features for name in feature.model_names]
        check_apart([*targeted, *named])
        if self.target.column in columns:
            raise ConfigError(
                f"feature table, label {self.target.column!r}", "the column is also a feature, which tells the answer",
                next_step="Drop the feature.",
            )  # fmt: skip

    @property
    def target(self) -> Label:
        """The label with its task."""
        return self.label if isinstance(self.label, Label) else Label(self.label)

    def without(self, columns: Sequence[str]) -> "Table":
        """Return the table without all features that read some columns, to measure how much these matter."""
        kept = [feature for feature in self.features if not set(feature.reads) & set(columns)]
        # A cross may refer to a column by the name of its buckets.
        left = set(crossable(kept))
        kept = [feature for feature in kept if feature.columns or left.issuperset(feature.reads)]
        return dataclasses.replace(self, features=tuple(kept))


def transformed_features(features: Sequence[Feature]) -> tuple[Transformed, ...]:
    """Return the columns that preprocessing must give for the features: the contract at that seam."""
    return tuple(output for feature in features for output in feature.outputs)


def targets(table: Table) -> tuple[Transformed, ...]:
    """Return the columns that preprocessing gives for training alone: the label, and the weight if there is one."""
    label = Transformed(f"{table.target.column}_xf", table.target.task.dtype)
    return (label,) if table.weight is None else (label, Transformed(f"{table.weight}_xf", "float32"))


def crossable(features: Sequence[Feature]) -> tuple[str, ...]:
    """Return the names that a cross may use."""
    return tuple(feature.token_name for feature in features if feature.token_name is not None)


def closed_columns(features: Sequence[Feature]) -> tuple[str, ...]:
    """Return the columns whose domain in the schema preprocessing needs, each once."""
    return tuple(dict.fromkeys(feature.domain.column for feature in features if feature.domain is not None))


def exclusive_minima(features: Sequence[Feature]) -> dict[str, float]:
    """Return, by column, the number that all its values must exceed."""
    limited = ((feature.name, feature.exclusive_minimum) for feature in features if feature.columns)
    return {column: minimum for column, minimum in limited if minimum is not None}


def raw_columns(features: Sequence[Feature]) -> tuple[str, ...]:
    """Return the columns that a model needs at serving time, each once, in the order of the table."""
    columns = {name for feature in features for name in feature.columns}
    return tuple(dict.fromkeys(name for feature in features for name in feature.reads if name in columns))
