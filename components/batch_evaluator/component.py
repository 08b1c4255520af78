"""Evaluator with our executor or with TFX's; inputs and outputs are those of stock Evaluator."""

import json
from collections.abc import Sequence
from typing import Any

from tensorflow_model_analysis.proto import config_pb2
from tfx import types
from tfx.components.evaluator.component import Evaluator
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types import standard_component_specs as standard
from tfx.types.component_spec import ExecutionParameter
from tfx.utils import json_utils

from components.batch_evaluator.blessing import bounds_to_json
from components.batch_evaluator.executor import Executor
from components.batch_evaluator.inputs import CLUSTER_BY, LABEL, RATIO_BOUNDS, STRICT_BOUNDS
from components.batch_evaluator.stock_executor import StockExecutor
from components.evaluation.groups.bounds import RatioBounds
from components.evaluation.verdict import Bounds
from pipeline.label import Label


class BatchEvaluatorSpec(standard.EvaluatorSpec):
    """The spec of stock Evaluator with four more parameters."""

    PARAMETERS = {  # noqa: RUF012
        **standard.EvaluatorSpec.PARAMETERS,
        CLUSTER_BY: ExecutionParameter(type=str, optional=True),
        STRICT_BOUNDS: ExecutionParameter(type=str, optional=True),
        RATIO_BOUNDS: ExecutionParameter(type=str, optional=True),
        LABEL: ExecutionParameter(type=str, optional=True),
    }


class BatchEvaluator(Evaluator):
    """Evaluator that computes metrics in batches.

    It needs ``schema`` and ``eval_config``, supports the metrics in ``components.evaluation.tasks``, and accepts no
    ``module_file``. It also leaves the predictions: ``components.evaluation.predictions.read_predictions``.

    Args:
        eval_config: models, slices, metrics and their thresholds.
        example_splits: the splits to evaluate on; ``eval`` by default.
        cluster_by: the columns whose values name the units of rows, such as a user; each row is one by default.
        strict_bounds: bounds that also withhold the blessing if their metric's interval contains them.
        ratio_bounds: bounds on ratios between the groups of a column.
        label: the label with its task; by default, the column that ``eval_config`` names, with 0 and 1.
        stock: other arguments of stock Evaluator.
    """

    SPEC_CLASS = BatchEvaluatorSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        *,
        eval_config: config_pb2.EvalConfig | None = None,
        example_splits: Sequence[str] | None = None,
        cluster_by: Sequence[str] = (),
        strict_bounds: Bounds | None = None,
        ratio_bounds: RatioBounds | None = None,
        label: Label | None = None,
        **stock: Any,
    ) -> None:
        spec = BatchEvaluatorSpec(
            eval_config=eval_config,
            example_splits=json_utils.dumps(example_splits),
            cluster_by=json.dumps(list(cluster_by)),
            strict_bounds=bounds_to_json(strict_bounds) if strict_bounds else None,
            ratio_bounds=ratio_bounds.as_json() if ratio_bounds else None,
            label=json.dumps(label.as_data(), sort_keys=True) if label and not label.is_plain else None,
            evaluation=types.Channel(type=standard_artifacts.ModelEvaluation),
            blessing=types.Channel(type=standard_artifacts.ModelBlessing),
            **stock,
        )
        # Not Evaluator.__init__, which makes the spec itself and accepts no other parameters.
        base_beam_component.BaseBeamComponent.__init__(self, spec=spec)


class StockEvaluator(BatchEvaluator):
    """Evaluator with TFMA's computation, which leaves the same predictions; its intervals take rows as independent."""

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(StockExecutor)
