"""The interface of a feature; each kind is a module of ``pipeline.features.kinds``.

Neither this module nor a kind imports TensorFlow at module level, because the command line reads feature tables too.
Methods that build a graph import it when they are called.
"""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pipeline.errors import ConfigError

if TYPE_CHECKING:
    import tensorflow as tf
    import tensorflow_transform as tft

    from pipeline.features.tensors import Column
    from pipeline.features.vocabulary import Vocabulary

# Types of a column, as a schema spells them.
NUMBERS, TEXT = ("INT", "FLOAT"), ("BYTES",)


@dataclass(frozen=True)
class Transformed:
    """A column of the transformed rows: its name, its dtype, and ``width`` in the shape (batch, width)."""

    name: str
    dtype: Literal["int64", "float32"]
    width: int = 1


@dataclass(frozen=True)
class ColumnUse:
    """A column that a feature needs: what for, in words, and the types in the schema that allow it."""

    column: str
    use: str
    types: tuple[str, ...]


@dataclass(frozen=True)
class Domain:
    """The domain in the schema from which a feature takes its ids, and how many values the feature has room for."""

    column: str
    room: int


def limits(least: int, most: int) -> dict[str, tuple[int, int]]:
    """Return the metadata of a dataclass field that holds a whole number from ``least`` to ``most``."""
    return {"limits": (least, most)}


class Feature(abc.ABC):
    """One row of a feature table. A kind is a frozen dataclass that derives from this class or from ``IdFeature``.

    ``column_types`` are the types in the schema that the kind can read.
    """

    column_types: ClassVar[tuple[str, ...]] = ()
    name: str

    @property
    def reads(self) -> tuple[str, ...]:
        """The names that the feature is made of: its column or, for a combination, the tokens of other features."""
        return (self.name,)

    @property
    def columns(self) -> tuple[str, ...]:
        """The raw columns that the feature reads itself; none for a combination of other features."""
        return (self.name,)

    @property
    def transformed_name(self) -> str:
        """The name of the feature in the transformed rows."""
        return f"{self.name}_xf"

    @property
    @abc.abstractmethod
    def outputs(self) -> tuple[Transformed, ...]:
        """The columns that ``transform`` returns: the contract of the feature.

        A model takes float32 columns as they are; int64 columns are ids.
        """

    @property
    def model_names(self) -> tuple[str, ...]:
        """The names that the feature takes up in the transformed rows and among the layers of a model."""
        return tuple(output.name for output in self.outputs)

    @property
    def uses(self) -> tuple[ColumnUse, ...]:
        """The columns that must be in the schema."""
        return tuple(ColumnUse(name, type(self).__name__, self.column_types) for name in self.columns)

    @property
    def domain(self) -> Domain | None:
        """The domain that ``transform`` needs, or None."""
        return None

    @property
    def exclusive_minimum(self) -> float | None:
        """The number that all values of the column must exceed, or None."""
        return None

    @property
    def token_name(self) -> str | None:
        """The name by which a cross refers to this feature, or None if it cannot be crossed."""
        return None

    def check(self, tokens: Collection[str]) -> None:  # noqa: B027 (most kinds have nothing to check)
        """Check the arguments of the feature; ``tokens`` are the names that a cross may use.

        Raises:
            ConfigError: no feature can be made of them.
        """

    @abc.abstractmethod
    def transform(self, inputs: Mapping[str, Column], domains: Mapping[str, Sequence[str]]) -> dict[str, tf.Tensor]:
        """Return ``outputs`` as tensors (batch, width).

        Args:
            inputs: by the names in ``reads``, a column (batch, 1), dense or sparse, or a token (batch, 1) string.
            domains: values by column, for every ``domain`` of the table.
        """

    def token(self, inputs: Mapping[str, Column], outputs: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Return the value that a cross hashes, (batch, 1) string; only for a feature with a ``token_name``."""
        raise TypeError(f"{type(self).__name__} cannot be crossed")

    def vocabulary_of(
        self, transform: tft.TFTransformOutput, domains: Mapping[str, Sequence[str]]
    ) -> Vocabulary | None:
        """Return what each id or each entry of the output stands for, for a warm start; None for a plain number."""
        return None

    def __str__(self) -> str:
        """Return the kind and what it reads, for messages."""
        return f"{type(self).__name__}({', '.join(map(repr, self.reads))})"


class IdFeature(Feature):
    """A feature whose output is one id a row, (batch, 1) int64, from 0 to below ``id_count``.

    ``embedding`` is the width of its embedding in the deep part of a model, 0 for none; ``wide`` gives each id a
    weight in the linear part.
    """

    embedding: int
    wide: bool

    @property
    @abc.abstractmethod
    def id_count(self) -> int:
        """The number of ids."""

    @property
    def outputs(self) -> tuple[Transformed, ...]:
        """One column of ids."""
        return (Transformed(self.transformed_name, "int64"),)

    @property
    def wide_layer(self) -> str:
        """The name of the layer with a weight for each id."""
        return f"wide_{self.transformed_name}"

    @property
    def deep_layer(self) -> str:
        """The name of the layer with an embedding for each id."""
        return f"deep_{self.transformed_name}"

    @property
    def model_names(self) -> tuple[str, ...]:
        """The output and the layers."""
        wide = (self.wide_layer,) if self.wide else ()
        deep = (self.deep_layer,) if self.embedding else ()
        return (*super().model_names, *wide, *deep)


def check_limits(feature: Feature) -> None:
    """Check the sizes of a feature.

    Raises:
        ConfigError: one is not a whole number, or is out of its limits.
    """
    for field, (least, most) in limited_fields(feature):
        size = getattr(feature, field)
        if type(size) is not int or not least <= size <= most:
            raise ConfigError(
                f"feature table, {type(feature).__name__} {' x '.join(feature.columns)}", f"'{field}' is not usable",
                expected=f"a whole number from {least} to {most:,}", received=repr(size),
            )  # fmt: skip


def limited_fields(feature: Any) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield the fields of a feature that have limits, with these."""
    for field in dataclasses.fields(feature):
        if "limits" in field.metadata:
            yield field.name, field.metadata["limits"]
