"""Several texts in one cell."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.errors import ConfigError
from pipeline.features.feature import TEXT, ColumnUse, Domain, Feature, Transformed, limits
from pipeline.features.vocabulary import Vocabulary

if TYPE_CHECKING:
    import tensorflow as tf
    import tensorflow_transform as tft

    from pipeline.features.tensors import Column


@dataclass(frozen=True)
class MultiHot(Feature):
    """Several texts in one cell, joined by ``separator``, as a 0/1 vector over the domain of ``domain_of``.

    The domain is that of another column, since a cell of several values has none itself. Values outside of it are
    ignored.
    """

    column_types = TEXT
    name: str
    vocabulary: int = field(metadata=limits(1, 100_000_000))
    domain_of: str
    separator: str = "|"

    @property
    def outputs(self) -> tuple[Transformed, ...]:
        """One vector."""
        return (Transformed(self.transformed_name, "float32", self.vocabulary),)

    @property
    def uses(self) -> tuple[ColumnUse, ...]:
        """The column, and the one whose domain it takes."""
        return (*super().uses, ColumnUse(self.domain_of, "the domain of a MultiHot", TEXT))

    @property
    def domain(self) -> Domain:
        """That of ``domain_of``."""
        return Domain(self.domain_of, self.vocabulary)

    def check(self, tokens: Collection[str]) -> None:
        if not self.separator:
            raise ConfigError(f"feature table, MultiHot {self.name}", "'separator' is empty", expected="such as '|'")

    def transform(self, inputs: Mapping[str, Column], domains: Mapping[str, Sequence[str]]) -> dict[str, tf.Tensor]:
        """Mark the values that a cell holds."""
        import tensorflow as tf

        from pipeline.features import ids, tensors

        values = tensors.dense(inputs[self.name], "")
        parts = tf.strings.split(tf.reshape(values, [-1]), self.separator).to_tensor("")
        # One more entry takes the values outside of the domain, and is cut off.
        found = ids.domain_ids(parts, domains[self.domain_of], self.vocabulary, oov=1)
        one_hot = tf.one_hot(tf.minimum(found, self.vocabulary), self.vocabulary + 1)
        vector = tf.reduce_max(one_hot, axis=1)[:, : self.vocabulary]
        return {self.transformed_name: tf.ensure_shape(vector, [None, self.vocabulary])}

    def vocabulary_of(self, transform: tft.TFTransformOutput, domains: Mapping[str, Sequence[str]]) -> Vocabulary:
        """The value that each entry of the vector stands for."""
        return Vocabulary(self.vocabulary, tuple(domains[self.domain_of]))
