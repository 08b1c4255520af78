"""Writes the evaluation and the verdict with TFMA's own code, so that all of TFMA's readers can read them."""

import os
from collections.abc import Iterable, Mapping
from typing import Any

import tensorflow as tf
import tensorflow_model_analysis as tfma
from google.protobuf import json_format
from tensorflow_model_analysis.proto import config_pb2, metrics_for_slice_pb2, validation_result_pb2

from components.batch_evaluator.evaluation import Values
from components.batch_evaluator.plan import Plan
from components.compat import tfma as internal
from components.compat.tfma import MetricKey, eval_config_writer, metrics_validator, metrics_writer, slicer_lib
from components.evaluation.influence import StandardError
from components.evaluation.results import as_measured
from components.evaluation.slice_values import value_text
from components.evaluation.slices import SliceKey, specs_of

MARK = "="
SlicedMetrics = tuple[SliceKey, dict[MetricKey, Any]]


def sliced_metrics(key: SliceKey, values: Values, units: int, plan: Plan) -> SlicedMetrics:
    """Return the metrics of a slice as TFMA represents them, with an error message if they have no intervals."""
    metrics: dict[MetricKey, Any] = {name: tfma_value(value, error) for name, (value, error) in values.items()}
    if plan.intervals and units < 2:
        unit = ", ".join(plan.cluster_by)
        metrics[MetricKey(internal.ERROR_METRIC_NAME)] = (
            f"no interval: all rows have the same {unit}" if unit else "no interval: the slice has one row"
        )
    return key, metrics


def tfma_value(value: float, error: StandardError | None) -> Any:
    """Return a value in TFMA's representation."""
    if error is None:
        return value
    return tfma.types.ValueWithTDistribution(
        sample_mean=value,
        sample_standard_deviation=error.value,
        sample_degrees_of_freedom=error.degrees_of_freedom,
        unsampled_value=value,
    )


def metrics_message(metrics: SlicedMetrics) -> metrics_for_slice_pb2.MetricsForSlice:
    """Return TFMA's message of a slice, with intervals that stay in the range of their metric; TFMA's may not."""
    message = metrics_writer.convert_slice_metrics_to_proto(metrics, None)
    for item in message.metric_keys_and_values:
        if item.HasField("confidence_interval"):
            measured = as_measured(item)
            if measured is None or measured.interval is None:
                item.ClearField("confidence_interval")
            else:
                low, high = measured.interval
                item.confidence_interval.lower_bound.double_value.value = low
                item.confidence_interval.upper_bound.double_value.value = high
    return message


def write_results(
    path: str, metrics: Iterable[SlicedMetrics], config: config_pb2.EvalConfig, model_locations: Mapping[str, str]
) -> None:
    """Write the files of stock Evaluator: config, metrics, validation, and empty plots and attributions."""
    slices = list(metrics)
    write_config(path, config, model_locations)
    shard = "-00000-of-00001.tfrecord"
    write_records(path, internal.METRICS_KEY + shard, [metrics_message(metrics) for metrics in slices])
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
    """Write the effective config as tensorflow_model_analysis/writers/eval_config_writer.py does."""
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
    """Write a TFRecord file."""
    with tf.io.TFRecordWriter(os.path.join(path, name)) as writer:
        for message in messages:
            writer.write(message.SerializeToString())


def validate(slices: Iterable[SlicedMetrics], config: config_pb2.EvalConfig) -> validation_result_pb2.ValidationResult:
    """Validate all slices against the thresholds; a threshold on a slice without rows fails.

    TFMA parses numbers in the values of slices: it takes the text ``007`` for ``7``, and finds no float32 equal to 0.1.
    So each value is prefixed with a mark that makes it text, and the mark is removed from the result.
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
    """Prefix each value of a slice with the mark."""
    for name, text in dict(spec.feature_values).items():
        spec.feature_values[name] = MARK + text


def unmarked(
    result: validation_result_pb2.ValidationResult, keys: Mapping[SliceKey, SliceKey]
) -> validation_result_pb2.ValidationResult:
    """Remove the mark from the slices of a result."""
    for of_slice in result.metric_validations_per_slice:
        key = keys[slicer_lib.deserialize_slice_key(of_slice.slice_key)]
        of_slice.slice_key.CopyFrom(slicer_lib.serialize_slice_key(key))
    details = [detail.slicing_spec for detail in result.validation_details.slicing_details]
    for spec in [*details, *result.missing_slices]:
        for name, text in dict(spec.feature_values).items():
            spec.feature_values[name] = text.removeprefix(MARK)
    return result
