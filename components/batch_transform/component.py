"""Transform that works in batches; its inputs, outputs and properties are those of stock Transform."""

from tfx.components.transform.component import Transform
from tfx.dsl.components.base import executor_spec

from components.batch_transform.executor import Executor


class BatchTransform(Transform):
    """Stock Transform with another executor.

    A subclass, since the constructor of ``Transform`` takes no executor. It needs ``disable_statistics=True`` and
    ``disable_analyzer_cache=True``; what else it does not take is in ``components.batch_transform.options``.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
