"""StatisticsGen that works in batches; its inputs, outputs and properties are those of stock StatisticsGen."""

from tfx.components.statistics_gen.component import StatisticsGen
from tfx.dsl.components.base import executor_spec

from components.batch_statistics.executor import Executor


class BatchStatisticsGen(StatisticsGen):
    """Stock StatisticsGen with another executor, in a subclass, since its constructor accepts none.

    TFDV's own generators compute the statistics; the supported ``stats_options`` are in
    ``components.batch_statistics.options.ALLOWED``.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
