"""Internal modules of TensorFlow Model Analysis that BatchEvaluator is built on.

``evaluation.engine: stock`` in the config runs stock Evaluator, which needs none of this to compute.

========================== ========================================================================================
MetricKey                  (tensorflow_model_analysis/metrics/metric_types.py) The identity of a metric's value.
metric_specs               (tensorflow_model_analysis/metrics/metric_specs.py) The metrics of an EvalConfig by key, and
                           those without intervals.
metrics_validator          (tensorflow_model_analysis/evaluators/metrics_validator.py) Compares the metrics of a slice
                           with their thresholds.
slicer_lib                 (tensorflow_model_analysis/slicer/slicer_lib.py) Slice keys as protocol buffers.
metrics_writer             (tensorflow_model_analysis/writers/metrics_plots_and_validations_writer.py) Metrics as
                           protocol buffers, and the verdict over all slices.
eval_config_writer         (tensorflow_model_analysis/writers/eval_config_writer.py) The name of the config's file.
*_KEY, ERROR_METRIC_NAME,  (tensorflow_model_analysis/constants.py, version.py) Names in the files of an evaluation.
VERSION
========================== ========================================================================================

If any of them goes, importing BatchEvaluator fails, and ``tests/components/compat/test_compat_tfma.py`` names it.
"""

from tensorflow_model_analysis.constants import (
    ATTRIBUTIONS_KEY,
    ERROR_METRIC_NAME,
    METRICS_KEY,
    PLOTS_KEY,
    VALIDATIONS_KEY,
)
from tensorflow_model_analysis.evaluators import metrics_validator
from tensorflow_model_analysis.metrics import metric_specs
from tensorflow_model_analysis.metrics.metric_types import MetricKey
from tensorflow_model_analysis.slicer import slicer_lib
from tensorflow_model_analysis.version import VERSION
from tensorflow_model_analysis.writers import eval_config_writer
from tensorflow_model_analysis.writers import metrics_plots_and_validations_writer as metrics_writer

__all__ = [
    "ATTRIBUTIONS_KEY",
    "ERROR_METRIC_NAME",
    "METRICS_KEY",
    "PLOTS_KEY",
    "VALIDATIONS_KEY",
    "VERSION",
    "MetricKey",
    "eval_config_writer",
    "metric_specs",
    "metrics_validator",
    "metrics_writer",
    "slicer_lib",
]
