"""Texts by their place in a vocabulary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.features.feature import TEXT, Domain, IdFeature, limits
from pipeline.features.vocabulary import Vocabulary, learned_vocabulary

if TYPE_CHECKING:
    import tensorflow as tf
    import tensorflow_transform as tft

    from pipeline.features.tensors import Column


@dataclass(frozen=True)
class Categorical(IdFeature):
    """A text by its place in a vocabulary of at most ``vocabulary`` values.

    The vocabulary is learned on the training split or, when ``closed``, is the domain that the schema gives the
    column, which costs no pass over the data. Other values are hashed into ``oov`` ids behind the vocabulary. A missing
    value is the empty text, which is a value like any other.
    """

    column_types = TEXT
    name: str
    vocabulary: int = field(metadata=limits(1, 100_000_000))
    oov: int = field(default=1, metadata=limits(1, 1_000_000))
    min_count: int = field(default=1, metadata=limits(0, 1_000_000_000))
    closed: bool = False
    embedding: int = field(default=0, metadata=limits(0, 100_000))
    wide: bool = True

    @property
    def id_count(self) -> int:
        """The vocabulary and the ids of other values."""
        return self.vocabulary + self.oov

    @property
    def domain(self) -> Domain | None:
        """That of the column, when ``closed``."""
        return Domain(self.name, self.vocabulary) if self.closed else None

    @property
    def token_name(self) -> str:
        """The name of the column."""
        return self.name

    def transform(self, inputs: Mapping[str, Column], domains: Mapping[str, Sequence[str]]) -> dict[str, tf.Tensor]:
        """Look up the texts."""
        from pipeline.features import ids, tensors

        values = tensors.dense(inputs[self.name], "")
        if self.closed:
            found = ids.domain_ids(values, domains[self.name], self.vocabulary, self.oov)
        else:
            found = ids.vocabulary_ids(values, self.transformed_name, self.vocabulary, self.oov, self.min_count)
        return {self.transformed_name: found}

    def token(self, inputs: Mapping[str, Column], outputs: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Return the text itself."""
        from pipeline.features import tensors

        return tensors.dense(inputs[self.name], "")

    def vocabulary_of(self, transform: tft.TFTransformOutput, domains: Mapping[str, Sequence[str]]) -> Vocabulary:
        """The terms of the domain or of the learned vocabulary."""
        if self.closed:
            return Vocabulary(self.id_count, tuple(domains[self.name]), self.oov, self.vocabulary)
        return learned_vocabulary(self.transformed_name, self.vocabulary, self.oov, transform)
