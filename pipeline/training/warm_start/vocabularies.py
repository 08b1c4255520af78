"""What each row of a model's variables stands for: terms of embedding tables, input parts of kernels."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import tensorflow as tf
import tensorflow_transform as tft
import tf_keras as keras

from pipeline.features import stateless_random
from pipeline.features.table import (
    Bucketized,
    Categorical,
    Crossed,
    Exact,
    Feature,
    MultiHot,
    Numeric,
    Table,
    cardinality,
    transformed_name,
)

Part: TypeAlias = tuple[str, int]
UNUSED = "unused"
# Layers behind which a vector means what it meant before.
TRANSPARENT = (keras.layers.Flatten, keras.layers.Dropout, keras.layers.Reshape, stateless_random.Dropout)


@dataclass(frozen=True)
class Vocabulary:
    """The ids of a feature, ``size`` of them.

    ``terms`` in the order of their ids, from 0; ids from ``first_oov`` on, ``oov`` of them, are shared by the hashes of
    all other values. ``kind`` names the remaining ids: unused ones, or buckets and hashes, which mean the same wherever
    the kind is the same.
    """

    size: int
    terms: tuple[str, ...] = ()
    oov: int = 0
    first_oov: int = 0
    kind: str = UNUSED

    def rows(self) -> list[str]:
        """A name for each id, the same in another vocabulary if and only if the id stands for the same.

        >>> Vocabulary(5, ("a", "b"), oov=1, first_oov=2).rows()
        ['=a', '=b', 'other 0', 'unused 3', 'unused 4']
        """
        named = {index: f"={term}" for index, term in enumerate(self.terms)}
        named |= {self.first_oov + bucket: f"other {bucket}" for bucket in range(self.oov)}
        return [named.get(index, f"{self.kind} {index}") for index in range(self.size)]

    def other(self, term: str) -> str | None:
        """The row that serves a term which is none of the vocabulary's, or None if there is no such row."""
        return f"other {int(tf.strings.to_hash_bucket_fast(term, self.oov))}" if self.oov else None


def read_vocabularies(table: Table, transform: tft.TFTransformOutput) -> dict[str, Vocabulary]:
    """The ids of every feature that has some, by transformed name; multi-hot vectors have one for each column."""
    domains = {item.name: item.string_domain.value for item in transform.raw_metadata.schema.feature}
    pairs = ((transformed_name(feature), as_vocabulary(feature, transform, domains)) for feature in table.features)
    return {name: vocabulary for name, vocabulary in pairs if vocabulary is not None}


def as_vocabulary(feature: Feature, transform: tft.TFTransformOutput, domains: Mapping[str, Any]) -> Vocabulary | None:
    """The ids of one feature, as ``features/preprocess.py`` gives them out; None for a number."""
    match feature:
        case Numeric():
            return None
        case MultiHot():
            return Vocabulary(feature.vocabulary, tuple(domains[feature.domain_of]))
        case Bucketized():
            return Vocabulary(cardinality(feature), kind=f"bucket of {feature.buckets}")
        case Crossed():
            return Vocabulary(feature.hash_buckets, kind=f"hash of {feature.hash_buckets}")
        case Categorical(closed=True):
            return Vocabulary(cardinality(feature), tuple(domains[feature.name]), feature.oov, feature.vocabulary)
        case Categorical() | Exact():
            found = transform.vocabulary_by_name(transformed_name(feature))
            terms = tuple(term.decode("utf-8", "backslashreplace") for term in found)
            return Vocabulary(cardinality(feature), terms, feature.oov, feature.vocabulary)


def table_features(model: keras.Model, vocabularies: Mapping[str, Vocabulary]) -> dict[str, str]:
    """The feature behind each embedding layer, by the name of the layer, such as ``deep_city_xf`` or ``wide_city_xf``.

    The longest transformed name that the layer's name ends with counts, if the table has a row for each of its ids.
    """
    found = {}
    for layer in model.layers:
        if isinstance(layer, keras.layers.Embedding):
            names = [name for name in vocabularies if layer.name == name or layer.name.endswith(f"_{name}")]
            name = max(names, key=len, default="")
            if name and vocabularies[name].size == layer.input_dim:
                found[layer.name] = name
    return found


def kernel_parts(model: keras.Model) -> dict[str, tuple[Part, ...]]:
    """What the input of each dense layer is put together of, in order: (description, width).

    For layers of functional models that are called once, by the layer's name.
    """
    if not getattr(model, "_is_graph_network", False):
        return {}
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense) and len(layer.inbound_nodes) == 1]
    found = {layer.name: tuple(parts_of(layer.input)) for layer in dense}
    widths = {layer.name: layer.kernel.shape[0] for layer in dense}
    return {name: parts for name, parts in found.items() if sum(width for _, width in parts) == widths[name]}


def parts_of(tensor: Any) -> Iterator[Part]:
    """A Keras tensor as its concatenated parts."""
    layer, _, _ = tensor._keras_history
    if isinstance(layer, (*TRANSPARENT, keras.layers.Concatenate)):
        for inner in tf.nest.flatten(layer.input):
            yield from parts_of(inner)
    else:
        yield described(tensor), int(tensor.shape[-1])


def described(tensor: Any) -> str:
    """Where a Keras tensor comes from: the nearest input or layer with weights, and what is done with it on the way."""
    layer, _, index = tensor._keras_history
    if isinstance(layer, keras.layers.InputLayer) or layer.weights:
        return str(layer.name)
    inner = ", ".join(described(part) for part in tf.nest.flatten(layer.input))
    if isinstance(layer, TRANSPARENT):
        return inner
    outputs = tf.nest.flatten(layer.output)
    return f"{type(layer).__name__}({inner})" + (f"[{index}]" if len(outputs) > 1 else "")
