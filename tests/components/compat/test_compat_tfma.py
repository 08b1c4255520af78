"""Every internal part of TFMA that ``components.compat.tfma`` exports, as BatchEvaluator uses it."""

import pytest
import tensorflow_model_analysis as analysis
from google.protobuf import text_format
from tensorflow_model_analysis.proto import config_pb2

from components.compat import tfma

CONFIG = text_format.Parse(
    """
    model_specs { label_key: "label" }
    slicing_specs {}
    metrics_specs { metrics { class_name: "ExampleCount" threshold { value_threshold { lower_bound { value: 1 } } } } }
    """,
    config_pb2.EvalConfig(),
)
USED = {
    "metric_specs": ("keys_and_metrics_from_specs", "metric_keys_to_skip_for_confidence_intervals"),
    "metrics_validator": ("validate_metrics",),
    "metrics_writer": (
        "convert_slice_metrics_to_proto", "convert_slice_plots_to_proto", "convert_slice_attributions_to_proto",
        "CombineValidations",
    ),
    "eval_config_writer": ("EVAL_CONFIG_FILE", "EVAL_CONFIG_FILE_FORMAT"),
    "slicer_lib": ("serialize_slice_key", "deserialize_slice_key"),
}  # fmt: skip


@pytest.mark.parametrize("entry", sorted(USED))
def test_an_entry_has_what_is_used_of_it(entry):
    missing = [name for name in USED[entry] if not hasattr(getattr(tfma, entry), name)]
    assert missing == [], f"components.compat.tfma: {entry} no longer has {', '.join(missing)}"


def test_the_names_in_the_files_of_an_evaluation():
    found = (tfma.METRICS_KEY, tfma.PLOTS_KEY, tfma.ATTRIBUTIONS_KEY, tfma.VALIDATIONS_KEY, tfma.ERROR_METRIC_NAME)
    assert found == ("metrics", "plots", "attributions", "validations", "__ERROR__")
    assert tfma.VERSION


@pytest.mark.parametrize(("rows", "passes"), [(1.0, True), (0.0, False)])
def test_thresholds_are_judged_over_all_slices(rows, passes):
    config = analysis.utils.update_eval_config_with_defaults(CONFIG, has_baseline=False, rubber_stamp=True)
    ((key, *_),) = tfma.metric_specs.keys_and_metrics_from_specs(config, config.metrics_specs)
    assert key == tfma.MetricKey("example_count"), "components.compat.tfma: MetricKey"
    combine = tfma.metrics_writer.CombineValidations(config, rubber_stamp=False)
    validated = tfma.metrics_validator.validate_metrics(((), {key: rows}), config)
    result = combine.extract_output(combine.add_input(combine.create_accumulator(), validated))
    assert result.validation_ok is passes, "components.compat.tfma: metrics_writer.CombineValidations"


def test_slice_keys_go_to_protocol_buffers_and_back():
    key = (("city", "Rome"), ("n", 3))
    found = tfma.slicer_lib.deserialize_slice_key(tfma.slicer_lib.serialize_slice_key(key))
    assert found == key, "components.compat.tfma: slicer_lib"


def test_metrics_become_protocol_buffers():
    key = tfma.MetricKey("auc")
    made = tfma.metrics_writer.convert_slice_metrics_to_proto(((), {key: 0.5}), None)
    assert made.metric_keys_and_values[0].value.double_value.value == 0.5
