"""The tasks of a training, their timeouts, and the TF_CONFIG of each."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

# Set by whoever runs the pipeline, not by the graph, so that the graph is the same everywhere.
BACKEND_ENV = "MAINLINE_TRAINING_BACKEND"
# A busy machine or disk may need this long, however short the timeout of a step is.
MIN_BUILDING_S, MIN_WRITING_S = 60.0, 120.0
Role = Literal["chief", "worker", "ps"]


@dataclass(frozen=True, order=True)
class Task:
    """One process of a cluster."""

    role: Role
    index: int

    @property
    def name(self) -> str:
        """The name in logs and folders.

        >>> Task("worker", 1).name
        'worker-1'
        """
        return f"{self.role}-{self.index}"


@dataclass(frozen=True)
class Cluster:
    """How a training is distributed: a part of the settings of the training.

    Attributes:
        max_restarts: how often all tasks are restarted before the training fails.
        startup_timeout_s: time in which a task must send its first heartbeat.
        hang_timeout_s: longest time without a heartbeat, or without a finished step.
        steps_per_execution: steps per call of the training function, during which none is reported.
    """

    strategy: str = "none"
    workers: int = 1
    parameter_servers: int = 1
    max_restarts: int = 3
    startup_timeout_s: float = 300.0
    hang_timeout_s: float = 30.0
    steps_per_execution: int = 1

    def stall_timeout_s(self, phase: str) -> float:
        """Return how long a task may make no progress in a phase; infinite where it only serves others.

        >>> [Cluster(hang_timeout_s=30.0).stall_timeout_s(phase) for phase in ("validating", "exporting")]
        [30.0, 300.0]
        >>> Cluster(hang_timeout_s=30.0, steps_per_execution=20).stall_timeout_s("training")
        600.0
        """
        writing_s = max(10 * self.hang_timeout_s, MIN_WRITING_S)
        return {
            "starting": self.startup_timeout_s,
            "reading rows": self.startup_timeout_s,
            "building": max(4 * self.hang_timeout_s, MIN_BUILDING_S),
            "reading weights": writing_s,
            "tracing": max(self.startup_timeout_s, self.execution_timeout_s),
            "training": self.execution_timeout_s,
            "validating": self.execution_timeout_s,
            "leading": self.hang_timeout_s,
            "writing": writing_s,
            "exporting": writing_s,
        }.get(phase, math.inf)

    @property
    def execution_timeout_s(self) -> float:
        """Timeout of one call of the training function."""
        return self.hang_timeout_s * self.steps_per_execution

    @property
    def is_distributed(self) -> bool:
        """Whether the training has several processes."""
        return self.strategy == "parameter_server" or (self.strategy == "multi_worker" and self.workers > 1)

    @property
    def tasks(self) -> tuple[Task, ...]:
        """All tasks; the first one saves the model.

        Under ``multi_worker`` that is worker 0; under ``parameter_server`` it is the chief, which coordinates the rest.

        >>> [task.name for task in Cluster("parameter_server", workers=2).tasks]
        ['chief-0', 'worker-0', 'worker-1', 'ps-0']
        """
        workers = tuple(Task("worker", index) for index in range(self.workers))
        if self.strategy != "parameter_server":
            return workers
        return (Task("chief", 0), *workers, *(Task("ps", index) for index in range(self.parameter_servers)))

    @property
    def chief(self) -> Task:
        """The task that saves the model."""
        return self.tasks[0]

    def is_replaceable(self, task: Task) -> bool:
        """Whether the other tasks go on while this one is restarted: true for a worker of a parameter server."""
        return self.strategy == "parameter_server" and task.role == "worker"


def read_cluster(training: Mapping[str, Any]) -> Cluster:
    """Return the cluster that the settings of a training describe, ignoring all other settings.

    >>> read_cluster({"strategy": "multi_worker", "workers": 2, "epochs": 3}).workers
    2
    """
    return Cluster(**{name: training[name] for name in Cluster.__dataclass_fields__ if name in training})


def parse_task(name: str) -> Task:
    """Return the task of a name.

    >>> parse_task("ps-2")
    Task(role='ps', index=2)
    """
    role, _, index = name.rpartition("-")
    return Task(cast(Role, role), int(index))


def tf_config(task: Task, addresses: Mapping[Task, str]) -> str:
    """Return the TF_CONFIG of a task: the addresses of all tasks by role, and which one it is.

    https://www.tensorflow.org/guide/distributed_training#setting_up_the_tf_config_environment_variable

    >>> tf_config(Task("worker", 0), {Task("worker", 0): "127.0.0.1:1"})
    '{"cluster": {"worker": ["127.0.0.1:1"]}, "task": {"type": "worker", "index": 0}}'
    """
    by_role: dict[str, list[str]] = {}
    for other in sorted(addresses):
        by_role.setdefault(other.role, []).append(addresses[other])
    return json.dumps({"cluster": by_role, "task": {"type": task.role, "index": task.index}})


def join_names(tasks: Sequence[Task]) -> str:
    """Join the names of tasks.

    >>> join_names([Task("chief", 0), Task("worker", 1)])
    'chief-0, worker-1'
    """
    return ", ".join(task.name for task in tasks)
