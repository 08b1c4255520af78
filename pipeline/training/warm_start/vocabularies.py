"""What each row of a model's variables stands for: terms of embedding tables, input parts of kernels."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import tensorflow as tf
import tensorflow_transform as tft
import tf_keras as keras

from components.compat.tf_keras import is_functional, origin_of
from pipeline.features import stateless_random
from pipeline.features.table import Table
from pipeline.features.vocabulary import Vocabulary

Part: TypeAlias = tuple[str, int]
# Layers behind which a vector means what it meant before.
TRANSPARENT = (keras.layers.Flatten, keras.layers.Dropout, keras.layers.Reshape, stateless_random.Dropout)


def read_vocabularies(table: Table, transform: tft.TFTransformOutput) -> dict[str, Vocabulary]:
    """Return, by transformed name, what ids or entries stand for, for every feature that has some."""
    domains = {item.name: item.string_domain.value for item in transform.raw_metadata.schema.feature}
    found = {feature.transformed_name: feature.vocabulary_of(transform, domains) for feature in table.features}
    return {name: vocabulary for name, vocabulary in found.items() if vocabulary is not None}


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
    if not is_functional(model):
        return {}
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense) and len(layer.inbound_nodes) == 1]
    found = {layer.name: tuple(parts_of(layer.input)) for layer in dense}
    widths = {layer.name: layer.kernel.shape[0] for layer in dense}
    return {name: parts for name, parts in found.items() if sum(width for _, width in parts) == widths[name]}


def parts_of(tensor: Any) -> Iterator[Part]:
    """A Keras tensor as its concatenated parts."""
    layer, _ = origin_of(tensor)
    if isinstance(layer, (*TRANSPARENT, keras.layers.Concatenate)):
        for inner in tf.nest.flatten(layer.input):
            yield from parts_of(inner)
    else:
        yield described(tensor), int(tensor.shape[-1])


def described(tensor: Any) -> str:
    """Where a Keras tensor comes from: the nearest input or layer with weights, and what is done with it on the way."""
    layer, index = origin_of(tensor)
    if isinstance(layer, keras.layers.InputLayer) or layer.weights:
        return str(layer.name)
    inner = ", ".join(described(part) for part in tf.nest.flatten(layer.input))
    if isinstance(layer, TRANSPARENT):
        return inner
    outputs = tf.nest.flatten(layer.output)
    return f"{type(layer).__name__}({inner})" + (f"[{index}]" if len(outputs) > 1 else "")
