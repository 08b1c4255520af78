"""Numbers, scaled to mean 0 and variance 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.features.feature import NUMBERS, Feature, Transformed

if TYPE_CHECKING:
    import tensorflow as tf

    from pipeline.features.tensors import Column


@dataclass(frozen=True)
class Numeric(Feature):
    """A number, scaled to mean 0 and variance 1 over the training rows.

    A missing value becomes 0 and, if the feature is ``optional``, sets a second column to 1. ``log`` takes log(1 + x)
    first, for counts and amounts of money.
    """

    column_types = NUMBERS
    name: str
    log: bool = False
    optional: bool = False

    @property
    def missing_name(self) -> str:
        """The name of the column that is 1 where the number is missing."""
        return f"{self.name}_missing_xf"

    @property
    def outputs(self) -> tuple[Transformed, ...]:
        """The number, and whether it is missing if it is optional."""
        number = Transformed(self.transformed_name, "float32")
        return (number, Transformed(self.missing_name, "float32")) if self.optional else (number,)

    @property
    def exclusive_minimum(self) -> float | None:
        """-1 for a logarithm."""
        return -1.0 if self.log else None

    def transform(self, inputs: Mapping[str, Column], domains: Mapping[str, Sequence[str]]) -> dict[str, tf.Tensor]:
        """Scale the numbers; computing them fails where log(1 + x) does not exist."""
        import tensorflow as tf
        import tensorflow_transform as tft

        from pipeline.features import tensors

        column = inputs[self.name]
        numbers = tensors.map_values(tensors.as_float, column)
        if self.log:
            logarithms = tensors.map_values(tf.math.log1p, numbers)
            numbers = tensors.finite(logarithms, self.name, "a number is not above -1, for log(1 + x)")
        # The evaluation names a mean or a variance that overflows float32 by this name.
        scaled = tft.scale_to_z_score(numbers, name=self.transformed_name)
        outputs = {self.transformed_name: tensors.dense(scaled, 0.0)}
        return outputs | {self.missing_name: tensors.is_missing(column)} if self.optional else outputs
