"""The meaning of the rows of a model's variables: terms of embedding tables, input parts of kernels."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import tensorflow as tf
import tensorflow_transform as tft
import tf_keras as keras

from components.compat.tf_keras import is_functional, origin_of
from components.data_validation.text_domains import allowed_texts
from pipeline.features import stateless_random
from pipeline.features.layers import FeatureEmbedding
from pipeline.features.table import Table
from pipeline.features.vocabulary import Vocabulary

Part: TypeAlias = tuple[str, int]
VERSION = 1
# Layers that do not change what the entries of a vector mean.
TRANSPARENT = (keras.layers.Flatten, keras.layers.Dropout, keras.layers.Reshape, stateless_random.Dropout)


@dataclass(frozen=True)
class Description:
    """The meaning of the rows of a model's weights.

    ``vocabularies`` by feature; ``tables``, the feature of each embedding layer; ``parts`` of the input of each dense
    layer.
    """

    vocabularies: Mapping[str, Vocabulary]
    tables: Mapping[str, str]
    parts: Mapping[str, tuple[Part, ...]]
    version: int = VERSION

    def rows(self, name: str) -> list[str] | None:
        """Return a name for each row of a weight, or None if its rows have no meaning."""
        layer, _, weight = name.rpartition("/")
        if weight == "embeddings" and layer in self.tables:
            return self.vocabularies[self.tables[layer]].rows()
        if weight == "kernel" and layer in self.parts:
            return numbered(row for part in self.parts[layer] for row in self._part_rows(*part))
        return None

    def _part_rows(self, name: str, width: int) -> list[str]:
        vocabulary = self.vocabularies.get(name)
        inner = vocabulary.rows() if vocabulary and vocabulary.size == width else map(str, range(width))
        return [f"{name} {row}" for row in inner]


def numbered(names: Iterable[str]) -> list[str]:
    """Append a number to names, so that repeated ones differ.

    >>> numbered(["a", "b", "a"])
    ['a 0', 'b 0', 'a 1']
    """
    seen = Counter[str]()
    found = []
    for name in names:
        found.append(f"{name} {seen[name]}")
        seen[name] += 1
    return found


def describe(model: keras.Model, table: Table, transform: tft.TFTransformOutput) -> Description:
    """Describe the rows of a model's weights."""
    vocabularies = read_vocabularies(table, transform)
    return Description(vocabularies, table_features(model, vocabularies), kernel_parts(model))


def read_vocabularies(table: Table, transform: tft.TFTransformOutput) -> dict[str, Vocabulary]:
    """Return, by transformed name, what ids or entries stand for, for every feature that has some."""
    domains = allowed_texts(transform.raw_metadata.schema)
    found = {feature.transformed_name: feature.vocabulary_of(transform, domains) for feature in table.features}
    return {name: vocabulary for name, vocabulary in found.items() if vocabulary is not None}


def table_features(model: keras.Model, vocabularies: Mapping[str, Vocabulary]) -> dict[str, str]:
    """Return the feature behind each embedding table of a model, by the name of the layer.

    A table of another size than the vocabulary is left out: its rows stand for something else.
    """
    tables = [layer for layer in model.layers if isinstance(layer, FeatureEmbedding)]
    sizes = {name: vocabulary.size for name, vocabulary in vocabularies.items()}
    return {layer.name: layer.feature for layer in tables if sizes.get(layer.feature) == layer.input_dim}


def embedding_weights(model: keras.Model) -> frozenset[str]:
    """Return the names of the weights of all embedding layers of a model, also of those inside other layers."""
    layers = [layer for layer in model.submodules if isinstance(layer, keras.layers.Embedding)]
    return frozenset(weight.name.removesuffix(":0") for layer in layers for weight in layer.weights)


def kernel_parts(model: keras.Model) -> dict[str, tuple[Part, ...]]:
    """Return the parts of the input of each dense layer, in order, as (description, width), by the layer's name.

    Only for layers of functional models that are called once.
    """
    if not is_functional(model):
        return {}
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense) and len(layer.inbound_nodes) == 1]
    found = {layer.name: tuple(parts_of(layer.input)) for layer in dense}
    widths = {layer.name: layer.kernel.shape[0] for layer in dense}
    return {name: parts for name, parts in found.items() if sum(width for _, width in parts) == widths[name]}


def parts_of(tensor: Any) -> Iterator[Part]:
    """Yield the concatenated parts of a symbolic tensor."""
    layer, _ = origin_of(tensor)
    if isinstance(layer, (*TRANSPARENT, keras.layers.Concatenate)):
        for inner in tf.nest.flatten(layer.input):
            yield from parts_of(inner)
    else:
        yield described(tensor), int(tensor.shape[-1])


def described(tensor: Any) -> str:
    """Describe a symbolic tensor by the nearest inputs or layers with weights, and the layers in between."""
    layer, index = origin_of(tensor)
    if isinstance(layer, keras.layers.InputLayer) or layer.weights:
        return str(layer.name)
    inner = ", ".join(described(part) for part in tf.nest.flatten(layer.input))
    if isinstance(layer, TRANSPARENT):
        return inner
    outputs = tf.nest.flatten(layer.output)
    return f"{type(layer).__name__}({inner})" + (f"[{index}]" if len(outputs) > 1 else "")
