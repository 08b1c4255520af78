"""Every internal part of TensorFlow Transform that ``components.compat.tft`` exports, as BatchTransform uses it."""

import inspect

import pytest
import tensorflow as tf
import tensorflow_transform as transform
from tensorflow_metadata.proto.v0 import schema_pb2

from components.compat import tft

USED = {
    "analyzer_nodes": (
        "Combiner", "TensorSource", "TensorSink", "TENSOR_REPLACEMENTS", "CacheableCombineAccumulate",
        "CacheableCombineMerge", "CacheableCombinePerKeyAccumulate", "CacheableCombinePerKeyMerge",
        "CacheableCombinePerKeyFormatKeys", "ExtractCombineMergeOutputs", "ExtractVocabularyReservedTokens",
        "VocabularyAccumulate", "VocabularyMerge", "VocabularyCount", "VocabularyPrune", "VocabularyOrderAndWrite",
    ),
    "annotators": ("get_asset_annotations",),
    "graph_tools": (
        "InitializableGraphAnalyzer", "get_analyzers_fingerprint", "get_dependent_inputs", "SourcedTensorsVisitor",
        "AnalyzersFingerprint", "describe_path_as_analyzer_cache_hash",
    ),
    "impl_helper": (
        "METADATA_DIR_NAME", "trace_preprocessing_function", "trace_and_write_v2_saved_model",
        "make_tensor_to_arrow_converter",
    ),
    "nodes": ("Visitor", "Traverser", "OperationNode", "ValueNode"),
    "tf_utils": ("fetch_vocabulary_reserved_tokens",),
    "tf2_utils": ("strip_and_get_tensors_and_control_dependencies",),
    "SavedModelLoader": ("finalize", "apply_transform_model", "structured_outputs"),
    "dataset_metadata": ("DatasetMetadata",),
    "metadata_io": ("read_metadata", "write_metadata"),
    "schema_utils": ("schema_as_feature_spec",),
}  # fmt: skip


def scaled(inputs):
    return {"x_xf": transform.scale_to_0_1(inputs["x"])}


@pytest.mark.parametrize("entry", sorted(tft.__all__))
def test_an_entry_has_what_is_used_of_it(entry):
    missing = [name for name in USED[entry] if not hasattr(getattr(tft, entry), name)]
    assert missing == [], f"components.compat.tft: {entry} no longer has {', '.join(missing)}"


def test_a_function_is_traced_into_a_graph_with_analyzers(tmp_path):
    specs = {"x": tf.TensorSpec([None], tf.float32)}
    graph, inputs, outputs = tft.impl_helper.trace_preprocessing_function(scaled, specs, False, str(tmp_path))
    assert (set(inputs), set(outputs)) == ({"x"}, {"x_xf"})
    sinks = graph.get_collection(tft.analyzer_nodes.TENSOR_REPLACEMENTS)
    assert sinks, "components.compat.tft: analyzers leave no sinks in the graph"
    (operation, *_) = {sink.future.parent_operation for sink in sinks}
    assert isinstance(operation.operation_def, tft.analyzer_nodes.ExtractCombineMergeOutputs)
    assert set(tft.graph_tools.get_dependent_inputs(graph, inputs, outputs)) == {"x"}


def test_a_saved_function_is_written_with_the_arguments_that_are_passed():
    parameters = list(inspect.signature(tft.impl_helper.trace_and_write_v2_saved_model).parameters)
    assert parameters == [
        "saved_model_dir", "preprocessing_fn", "input_signature", "base_temp_dir", "baseline_analyzers_fingerprint",
        "tensor_replacement_map", "output_keys_to_name_map", "save_options",
    ], "components.compat.tft: impl_helper.trace_and_write_v2_saved_model takes other arguments"  # fmt: skip


def test_outputs_become_a_record_batch():
    feature = schema_pb2.Feature(name="x", type=schema_pb2.FLOAT)
    feature.presence.min_fraction = 1.0
    feature.shape.dim.add(size=1)
    made = tft.impl_helper.make_tensor_to_arrow_converter(schema_pb2.Schema(feature=[feature]))
    batch = made.convert({"x": tf.constant([[1.0], [2.0]])})
    assert batch.to_pydict() == {"x": [[1.0], [2.0]]}
