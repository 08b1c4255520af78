"""Traces and saves a preprocessing_fn as TensorFlow Transform does (tensorflow_transform/beam/impl.py).

The SavedModel of a phase returns the inputs of its analyzers; the final one returns the outputs of the function.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.dsl.io import fileio

from components.compat.tft import (
    analyzer_nodes,
    annotators,
    dataset_metadata,
    graph_tools,
    impl_helper,
    metadata_io,
    nodes,
    tf2_utils,
)

PreprocessingFn = Callable[[Mapping[str, Any]], Mapping[str, Any]]
METADATA = impl_helper.METADATA_DIR_NAME


@dataclass(frozen=True)
class Traced:
    """A preprocessing_fn and its graph, before any analyzer is computed.

    ``assets`` holds the file name of each vocabulary; ``folder`` is for temporary files.
    """

    function: PreprocessingFn
    specs: Mapping[str, tf.TypeSpec]
    folder: str
    graph: tf.Graph
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    sinks: tuple[analyzer_nodes.TensorSink, ...]
    assets: Mapping[str, str]
    fingerprint: Mapping[str, graph_tools.AnalyzersFingerprint]


def trace(function: PreprocessingFn, specs: Mapping[str, tf.TypeSpec], folder: str) -> Traced:
    """Call a preprocessing_fn with placeholders for the raw columns.

    Raises:
        ValueError: it does not return a non-empty dictionary.
    """
    graph, inputs, outputs = impl_helper.trace_preprocessing_function(function, specs, False, folder)
    if not isinstance(outputs, dict) or not outputs:
        raise ValueError(f"preprocessing_fn must return a non-empty dictionary, but returned {outputs!r}")
    assets = annotators.get_asset_annotations(graph)
    sinks = tuple(graph.get_collection(analyzer_nodes.TENSOR_REPLACEMENTS))
    fingerprint = graph_tools.get_analyzers_fingerprint(graph, inputs)
    return Traced(function, specs, folder, graph, inputs, outputs, sinks, assets, fingerprint)


def columns_for_analysis(traced: Traced) -> set[str]:
    """Return the raw columns that analyzers depend on, and those of operations without outputs, such as checks."""
    visitor = graph_tools.SourcedTensorsVisitor()
    for sink in traced.sinks:
        nodes.Traverser(visitor).visit_value_node(sink.future)
    flat = tf.nest.flatten(traced.outputs, expand_composites=True)
    _, checks = tf2_utils.strip_and_get_tensors_and_control_dependencies(flat)
    return set(graph_tools.get_dependent_inputs(traced.graph, traced.inputs, [*visitor.sourced_tensors, *checks]))


def columns_for_outputs(traced: Traced) -> set[str]:
    """Return the raw columns that the outputs depend on."""
    return set(graph_tools.get_dependent_inputs(traced.graph, traced.inputs, traced.outputs))


def save(traced: Traced, folder: str, values: Mapping[str, tf.Tensor], tensors: tuple[str, ...] = ()) -> None:
    """Write a SavedModel of the function.

    Args:
        traced: the function.
        folder: of the new SavedModel.
        values: the known outputs of analyzers by the names of their tensors.
        tensors: the names of what the SavedModel returns; empty for the outputs of the function.
    """
    names = {name: name for name in tensors}
    impl_helper.trace_and_write_v2_saved_model(
        folder, traced.function, traced.specs, traced.folder, traced.fingerprint, dict(values), names, None
    )


def read_schema(saved: str) -> schema_pb2.Schema:
    """Return the schema of the outputs, which lies beside the final SavedModel."""
    return metadata_io.read_metadata(os.path.join(saved, METADATA)).schema


def publish(traced: Traced, saved: str, raw: schema_pb2.Schema, target: str) -> None:
    """Move the final SavedModel and the metadata to the output, as stock Transform does."""
    output = tft.TFTransformOutput
    transformed = os.path.join(target, output.TRANSFORMED_METADATA_DIR)
    metadata_io.write_metadata(dataset_metadata.DatasetMetadata(raw), os.path.join(target, output.RAW_METADATA_DIR))
    metadata_io.write_metadata(dataset_metadata.DatasetMetadata(read_schema(saved)), transformed)
    if traced.assets:
        with fileio.open(os.path.join(transformed, output.ASSET_MAP), "w") as file:
            file.write(json.dumps(traced.assets))
    # Stock Transform's SavedModel does not have this folder.
    fileio.rmtree(os.path.join(saved, METADATA))
    fileio.rename(saved, os.path.join(target, output.TRANSFORM_FN_DIR))
