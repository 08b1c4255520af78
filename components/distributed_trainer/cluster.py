"""Which tasks a training has, and what TF_CONFIG tells each of them."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

# Where tasks run is a matter of the place, not of the graph, so that the graph is the same everywhere.
BACKEND_ENV = "MAINLINE_TRAINING_BACKEND"
# A busy machine or disk may need them, however short the limit of a step is.
LEAST_BUILDING_S, LEAST_WRITING_S = 60.0, 120.0
Role = Literal["chief", "worker", "ps"]


@dataclass(frozen=True, order=True)
class Task:
    """One process of a cluster."""

    role: Role
    index: int

    @property
    def name(self) -> str:
        """As logs and folders call it.

        >>> Task("worker", 1).name
        'worker-1'
        """
        return f"{self.role}-{self.index}"


@dataclass(frozen=True)
class Cluster:
    """How a training is spread, from the settings of the training.

    Attributes:
        max_restarts: how often all tasks are started again before the training fails.
        startup_timeout_s: how long a task may take until it runs.
        hang_timeout_s: how long a task may give no sign of life, or not come to its next step.
        steps_per_execution: how many steps are made before one is heard of.
    """

    strategy: str = "none"
    workers: int = 1
    parameter_servers: int = 1
    max_restarts: int = 3
    startup_timeout_s: float = 300.0
    hang_timeout_s: float = 30.0
    steps_per_execution: int = 1

    def limit_s(self, phase: str) -> float:
        """How long a task may stand still in a phase; without end where it serves others, or says of no phase.

        >>> Cluster(hang_timeout_s=30.0).limit_s("validating"), Cluster(hang_timeout_s=30.0).limit_s("exporting")
        (30.0, 300.0)
        >>> Cluster(hang_timeout_s=30.0, steps_per_execution=20).limit_s("training")
        600.0
        """
        rarely_s = max(10 * self.hang_timeout_s, LEAST_WRITING_S)
        return {
            "starting": self.startup_timeout_s,
            "reading rows": self.startup_timeout_s,
            "building": max(4 * self.hang_timeout_s, LEAST_BUILDING_S),
            "reading weights": rarely_s,
            "tracing": max(self.startup_timeout_s, self.executing_s),
            "training": self.executing_s,
            "validating": self.executing_s,
            "leading": self.hang_timeout_s,
            "writing": rarely_s,
            "exporting": rarely_s,
        }.get(phase, math.inf)

    @property
    def executing_s(self) -> float:
        """How long the steps may take that are made in one call."""
        return self.hang_timeout_s * self.steps_per_execution

    @property
    def is_spread(self) -> bool:
        """Whether there are several processes."""
        return self.strategy == "parameter_server" or (self.strategy == "multi_worker" and self.workers > 1)

    @property
    def tasks(self) -> tuple[Task, ...]:
        """All processes, the one that saves the model first.

        With ``multi_worker`` all are alike, and worker 0 saves; with ``parameter_server`` a chief leads the others.

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

    def survives(self, task: Task) -> bool:
        """Whether the others go on without a task: under a chief, without a worker."""
        return self.strategy == "parameter_server" and task.role == "worker"


def read_cluster(training: Mapping[str, Any]) -> Cluster:
    """The cluster that the settings of a training describe; other settings are passed over.

    >>> read_cluster({"strategy": "multi_worker", "workers": 2, "epochs": 3}).workers
    2
    """
    return Cluster(**{name: training[name] for name in Cluster.__dataclass_fields__ if name in training})


def task_named(name: str) -> Task:
    """The task that a name stands for.

    >>> task_named("ps-2")
    Task(role='ps', index=2)
    """
    role, _, index = name.rpartition("-")
    return Task(cast(Role, role), int(index))


def tf_config(task: Task, addresses: Mapping[Task, str]) -> str:
    """TF_CONFIG of a task: the addresses of all, by role, and which one it is.

    https://www.tensorflow.org/guide/distributed_training#setting_up_the_tf_config_environment_variable

    >>> tf_config(Task("worker", 0), {Task("worker", 0): "127.0.0.1:1"})
    '{"cluster": {"worker": ["127.0.0.1:1"]}, "task": {"type": "worker", "index": 0}}'
    """
    by_role: dict[str, list[str]] = {}
    for other in sorted(addresses):
        by_role.setdefault(other.role, []).append(addresses[other])
    return json.dumps({"cluster": by_role, "task": {"type": task.role, "index": task.index}})


def names(tasks: Sequence[Task]) -> str:
    """Tasks in words.

    >>> names([Task("chief", 0), Task("worker", 1)])
    'chief-0, worker-1'
    """
    return ", ".join(task.name for task in tasks)
