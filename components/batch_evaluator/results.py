"""The evaluation on disk and the verdict, by TFMA's own code, so that every reader of TFMA reads them."""

import os
from collections.abc import Iterable, Mapping
from typing import Any

import tensorflow as tf
from google.protobuf import json_format
from tensorflow_model_analysis.proto import config_pb2, validation_result_pb2

from components.batch_evaluator.evaluation import Values
from components.compat import tfma as internal
from components.compat.tfma import MetricKey, eval_config_writer, metrics_validator, metrics_writer, slicer_lib
from components.evaluation.intervals import tfma_value
from components.evaluation.slice_values import value_text
from components.evaluation.slices import SliceKey, specs_of

MARK = "="
SlicedMetrics = tuple[SliceKey, dict[MetricKey, Any]]


def sliced_metrics(key: SliceKey, values: Values, buckets: int, empty: int) -> SlicedMetrics:
    """The metrics of a slice as TFMA holds them; a slice without intervals says why, in TFMA's words."""
    metrics: dict[MetricKey, Any] = {name: tfma_value(value, buckets) for name, value in values.items()}
    if empty:
        metrics[MetricKey(internal.ERROR_METRIC_NAME)] = (
            f"CI not computed because only {buckets - empty} samples were non-empty. Expected {buckets}."
        )
    return key, metrics


def write_results(
    path: str, metrics: Iterable[SlicedMetrics], config: config_pb2.EvalConfig, model_locations: Mapping[str, str]
) -> None:
    """Writes the files of stock Evaluator: config, metrics, validation, and the empty plots and attributions."""
    slices = list(metrics)
    write_config(path, config, model_locations)
    shard = "-00000-of-00001.tfrecord"
    write_records(
        path, internal.METRICS_KEY + shard, [metrics_writer.convert_slice_metrics_to_proto(s, None) for s in slices]
    )
    write_records(
        path,
        internal.PLOTS_KEY + shard,
        [metrics_writer.convert_slice_plots_to_proto((key, {}), None) for key, _ in slices],
    )
    write_records(
        path,
        internal.ATTRIBUTIONS_KEY + shard,
        [metrics_writer.convert_slice_attributions_to_proto((key, {})) for key, _ in slices],
    )
    write_records(path, f"{internal.VALIDATIONS_KEY}.tfrecord", [validate(slices, config)])


def write_config(path: str, config: config_pb2.EvalConfig, model_locations: Mapping[str, str]) -> None:
    """Writes the effective config as tensorflow_model_analysis/writers/eval_config_writer.py does."""
    run = config_pb2.EvalRun(
        eval_config=config,
        version=internal.VERSION,
        data_location="<user provided PCollection>",
        file_format="<unknown>",
        model_locations=model_locations,
    )
    name = f"{eval_config_writer.EVAL_CONFIG_FILE}.{eval_config_writer.EVAL_CONFIG_FILE_FORMAT}"
    with tf.io.gfile.GFile(os.path.join(path, name), "w") as file:
        file.write(json_format.MessageToJson(run) + "\n")


def write_records(path: str, name: str, messages: Iterable[Any]) -> None:
    """Writes one TFRecord file."""
    with tf.io.TFRecordWriter(os.path.join(path, name)) as writer:
        for message in messages:
            writer.write(message.SerializeToString())


def validate(slices: Iterable[SlicedMetrics], config: config_pb2.EvalConfig) -> validation_result_pb2.ValidationResult:
    """The verdict over all slices; it fails for a threshold whose slice has no rows.

    TFMA reads numbers in the values of slices: for it the text ``007`` is the text ``7``, and no float32 is 0.1. Here
    each value is a text that begins with a mark, which is none of its numbers, and is put back in the result.
    """
    marked = config_pb2.EvalConfig()
    marked.CopyFrom(config)
    for spec in specs_of(marked):
        mark(spec)
    combine = metrics_writer.CombineValidations(marked, rubber_stamp=False)
    result = combine.create_accumulator()
    keys: dict[SliceKey, SliceKey] = {}
    for key, metrics in slices:
        as_text = tuple((name, MARK + value_text(value)) for name, value in key)
        keys[as_text] = key
        result = combine.add_input(result, metrics_validator.validate_metrics((as_text, metrics), marked))
    return unmarked(combine.extract_output(result), keys)


def mark(spec: config_pb2.SlicingSpec) -> None:
    """Puts the mark before each value."""
    for name, text in dict(spec.feature_values).items():
        spec.feature_values[name] = MARK + text


def unmarked(
    result: validation_result_pb2.ValidationResult, keys: Mapping[SliceKey, SliceKey]
) -> validation_result_pb2.ValidationResult:
    """The same with the slices as they are."""
    for of_slice in result.metric_validations_per_slice:
        key = keys[slicer_lib.deserialize_slice_key(of_slice.slice_key)]
        of_slice.slice_key.CopyFrom(slicer_lib.serialize_slice_key(key))
    details = [detail.slicing_spec for detail in result.validation_details.slicing_details]
    for spec in [*details, *result.missing_slices]:
        for name, text in dict(spec.feature_values).items():
            spec.feature_values[name] = text.removeprefix(MARK)
    return result
