"""Evaluator whose metrics are counted in batches; its inputs, outputs and properties are those of stock Evaluator."""

from tfx.components.evaluator.component import Evaluator
from tfx.dsl.components.base import executor_spec

from components.batch_evaluator.executor import Executor


class BatchEvaluator(Evaluator):
    """Stock Evaluator with another executor.

    A subclass, since the constructor of ``Evaluator`` takes no executor.

    It needs ``schema`` and ``eval_config``, and knows the metrics in ``components.batch_evaluator.plan.ALLOWED``; it
    takes no ``module_file``. Below the evaluation it also leaves the predictions:
    ``components.evaluation.predictions.read_predictions``.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
