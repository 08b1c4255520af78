"""Trainer on several workers, with the inputs, outputs and properties of stock Trainer."""

from tfx.components.trainer.component import Trainer
from tfx.dsl.components.base import executor_spec

from components.distributed_trainer.executor import Executor


class DistributedTrainer(Trainer):
    """Stock Trainer with another executor.

    ``custom_config["training"]`` holds the number of workers and their timeouts:
    ``components.distributed_trainer.cluster.Cluster``. A single worker runs ``run_fn`` in this process, as under stock
    Trainer. Several workers run it in a process each, with TF_CONFIG set.
    """

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)
