"""Evaluator with our executor or with TFX's; inputs, outputs and properties are those of stock Evaluator.

They are subclasses, since the constructor of ``Evaluator`` accepts no executor.
"""

from tfx.components.evaluator.component import Evaluator
from tfx.dsl.components.base import executor_spec

from components.batch_evaluator.executor import Executor
from components.batch_evaluator.stock_executor import StockExecutor


class BatchEvaluator(Evaluator):
    """Evaluator that computes metrics in batches.

    It needs ``schema`` and ``eval_config``, supports the metrics in ``components.batch_evaluator.plan.ALLOWED``, and
    accepts no ``module_file``. It also leaves the predictions: ``components.evaluation.predictions.read_predictions``.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)


class StockEvaluator(Evaluator):
    """Evaluator with TFMA's computation, which leaves the same predictions."""

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(StockExecutor)
