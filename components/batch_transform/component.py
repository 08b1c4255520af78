"""Transform with our executor or with TFX's; inputs, outputs and properties are those of stock Transform.

They are subclasses, since the constructor of ``Transform`` accepts no executor.
"""

from tfx.components.transform.component import Transform
from tfx.dsl.components.base import executor_spec

from components.batch_transform.executor import Executor
from components.batch_transform.stock_executor import StockExecutor


class BatchTransform(Transform):
    """Transform that files in batches.

    It needs ``disable_statistics=True`` and ``disable_analyzer_cache=True``; what else it refuses is in
    ``components.batch_transform.options``.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)


class StockTransform(Transform):
    """Transform as TensorFlow Transform computes it."""

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(StockExecutor)
