"""Numbers in quantile buckets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.features.feature import NUMBERS, IdFeature, limits
from pipeline.features.vocabulary import Vocabulary

if TYPE_CHECKING:
    import tensorflow as tf
    import tensorflow_transform as tft

    from pipeline.features.tensors import Column


@dataclass(frozen=True)
class Bucketized(IdFeature):
    """A number in quantile buckets of the training rows, 1 … ``buckets``; 0 is missing."""

    column_types = NUMBERS
    name: str
    buckets: int = field(metadata=limits(1, 100_000))
    embedding: int = field(default=0, metadata=limits(0, 100_000))
    wide: bool = True

    @property
    def transformed_name(self) -> str:
        """Differs from that of the number itself."""
        return f"{self.name}_bucket_xf"

    @property
    def id_count(self) -> int:
        """The buckets and the id for missing."""
        return self.buckets + 1

    @property
    def token_name(self) -> str:
        """``age_bucket`` for ``age``."""
        return f"{self.name}_bucket"

    def transform(self, inputs: Mapping[str, Column], domains: Mapping[str, Sequence[str]]) -> dict[str, tf.Tensor]:
        """Find the bucket of each number."""
        import tensorflow as tf
        import tensorflow_transform as tft

        from pipeline.features import tensors

        buckets = tft.bucketize(tensors.map_values(tensors.as_float, inputs[self.name]), self.buckets)
        ids = tensors.map_values(lambda bucket: tf.cast(bucket, tf.int64) + 1, buckets)
        return {self.transformed_name: tensors.dense(ids, 0)}

    def token(self, inputs: Mapping[str, Column], outputs: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Return the number of the bucket as text."""
        import tensorflow as tf

        return tf.strings.as_string(outputs[self.transformed_name])

    def vocabulary_of(self, transform: tft.TFTransformOutput, domains: Mapping[str, Sequence[str]]) -> Vocabulary:
        """A bucket means the same wherever there are as many: its borders move a little with the data."""
        return Vocabulary(self.id_count, kind=f"bucket of {self.buckets}")
