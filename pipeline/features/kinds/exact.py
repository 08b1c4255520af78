"""Whole numbers of which each is a value of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.features.feature import IdFeature, limits
from pipeline.features.vocabulary import Vocabulary, learned_vocabulary

if TYPE_CHECKING:
    import tensorflow as tf
    import tensorflow_transform as tft

    from pipeline.features.tensors import Column


@dataclass(frozen=True)
class Exact(IdFeature):
    """A whole number as it is, each frequent value an id: for columns in which single values mean something.

    Rare and missing values share ``oov`` ids.
    """

    column_types = ("INT",)
    name: str
    vocabulary: int = field(metadata=limits(1, 100_000_000))
    oov: int = field(default=1, metadata=limits(1, 1_000_000))
    min_count: int = field(default=5, metadata=limits(0, 1_000_000_000))
    embedding: int = field(default=0, metadata=limits(0, 100_000))
    wide: bool = True

    @property
    def transformed_name(self) -> str:
        """Differs from that of the number itself."""
        return f"{self.name}_value_xf"

    @property
    def id_count(self) -> int:
        """The vocabulary and the ids of other values."""
        return self.vocabulary + self.oov

    def transform(self, inputs: Mapping[str, Column], domains: Mapping[str, Sequence[str]]) -> dict[str, tf.Tensor]:
        """Look up the numbers, written as text."""
        import tensorflow as tf

        from pipeline.features import ids, tensors

        values = tensors.dense(tensors.map_values(tf.strings.as_string, inputs[self.name]), "")
        found = ids.vocabulary_ids(values, self.transformed_name, self.vocabulary, self.oov, self.min_count)
        return {self.transformed_name: found}

    def vocabulary_of(self, transform: tft.TFTransformOutput, domains: Mapping[str, Sequence[str]]) -> Vocabulary:
        """The numbers of the learned vocabulary."""
        return learned_vocabulary(self.transformed_name, self.vocabulary, self.oov, transform)
