"""StatisticsGen that counts in batches; its inputs, outputs and properties are those of stock StatisticsGen."""

from tfx.components.statistics_gen.component import StatisticsGen
from tfx.dsl.components.base import executor_spec

from components.batch_statistics.executor import Executor


class BatchStatisticsGen(StatisticsGen):
    """Stock StatisticsGen with another executor.

    A subclass, since the constructor of ``StatisticsGen`` takes no executor. The statistics are counted by TFDV's own
    generators; what it does not take of ``stats_options`` is in ``components.batch_statistics.options.ALLOWED``.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
