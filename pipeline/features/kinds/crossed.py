"""Combinations of other features."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.errors import ConfigError, did_you_mean
from pipeline.features.feature import IdFeature, limits
from pipeline.features.vocabulary import Vocabulary

if TYPE_CHECKING:
    import tensorflow as tf
    import tensorflow_transform as tft

    from pipeline.features.tensors import Column

# Joins the values; texts do not contain it.
UNIT_SEPARATOR = "\x1f"


@dataclass(frozen=True)
class Crossed(IdFeature):
    """The combination of categorical or bucketized features, hashed; in the linear part of a model only."""

    names: tuple[str, ...]
    hash_buckets: int = field(metadata=limits(1, 100_000_000))

    # Not fields: the same for every cross.
    embedding = 0
    wide = True

    @property
    def reads(self) -> tuple[str, ...]:
        """The tokens that are joined."""
        return self.names

    @property
    def columns(self) -> tuple[str, ...]:
        """None of its own."""
        return ()

    @property
    def transformed_name(self) -> str:
        """``a_x_b_xf`` for ``a`` and ``b``."""
        return f"{'_x_'.join(self.names)}_xf"

    @property
    def id_count(self) -> int:
        """The hash buckets."""
        return self.hash_buckets

    def check(self, tokens: Collection[str]) -> None:
        if len(tuple(self.names)) < 2:
            received = repr(self.names)
            raise ConfigError("feature table, Crossed", "too few names", expected="at least 2", received=received)
        for name in self.names:
            if name not in tokens:
                raise ConfigError(
                    "feature table, Crossed", "no such categorical feature, and no such buckets",
                    expected=", ".join(tokens), received=name, next_step=did_you_mean(name, tokens),
                )  # fmt: skip

    def transform(self, inputs: Mapping[str, Column], domains: Mapping[str, Sequence[str]]) -> dict[str, tf.Tensor]:
        """Hash the joined tokens."""
        import tensorflow as tf

        joined = tf.strings.join([inputs[name] for name in self.names], separator=UNIT_SEPARATOR)
        return {self.transformed_name: tf.strings.to_hash_bucket_fast(joined, self.hash_buckets)}

    def vocabulary_of(self, transform: tft.TFTransformOutput, domains: Mapping[str, Sequence[str]]) -> Vocabulary:
        """A hash means the same wherever there are as many buckets."""
        return Vocabulary(self.hash_buckets, kind=f"hash of {self.hash_buckets}")
