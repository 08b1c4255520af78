"""Trainer on several workers; its inputs, outputs and properties are those of stock Trainer."""

from tfx.components.trainer.component import Trainer
from tfx.dsl.components.base import executor_spec

from components.distributed_trainer.executor import Executor


class DistributedTrainer(Trainer):
    """Stock Trainer with another executor.

    ``custom_config["training"]`` says how many workers there are, and when they count as lost:
    ``components.distributed_trainer.cluster.Cluster``. With one worker ``run_fn`` runs in this process, as under stock
    Trainer. With several each runs it in a process of its own, with TF_CONFIG set.
    """

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)
