"""Runs Trainer in this process, or on a cluster that it starts."""

import os
import shutil
from typing import Any

from components.distributed_trainer.backend import Backend
from components.distributed_trainer.cluster import BACKEND_ENV
from components.distributed_trainer.kubernetes.worker_pod import WORKER_POD_ENV, read_worker_pod
from components.distributed_trainer.local_backend import LocalBackend
from components.distributed_trainer.supervisor import Supervisor
from components.distributed_trainer.task_files import Artifacts, TrainerCall
from components.distributed_trainer.trainer_executor import TrainerExecutor
from components.distributed_trainer.xla_support import check_compiled, has_gpu
from pipeline.errors import ConfigError


class Executor(TrainerExecutor):
    """Stock Trainer's executor, in this process or in every process of a cluster."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Train a model; the outputs are those of stock Trainer.

        Raises:
            MainlineError: a worker failed.
            ConfigError: there is no such backend, or the workers cannot use XLA.
        """
        call = TrainerCall(input_dict, output_dict, exec_properties)
        if not call.cluster.is_distributed:
            super().Do(input_dict, output_dict, exec_properties)
            return
        name = os.environ.get(BACKEND_ENV, "local")
        check_compiled(call.cluster.strategy, call.jit_compile, workers_have_gpus(name), f"the workers of {name}")
        backend = make_backend(name)
        call.save()
        Supervisor(backend, call.cluster, call.folder).run()
        shutil.rmtree(call.folder)


def workers_have_gpus(backend: str) -> bool:
    """Whether the workers of a backend have GPUs."""
    if backend == "kubernetes":
        return bool(read_worker_pod(os.environ.get(WORKER_POD_ENV, "")).gpu)
    return has_gpu()


def make_backend(name: str) -> Backend:
    """Return the backend of a name.

    Raises:
        ConfigError: there is none of that name, or it is not available here.
    """
    if name == "local":
        return LocalBackend()
    if name == "kubernetes":
        from components.distributed_trainer.kubernetes.backend import make_kubernetes_backend

        return make_kubernetes_backend()
    raise ConfigError(
        f"training.backend, {BACKEND_ENV}", "no such backend", expected="local or kubernetes", received=name,
        next_step="Set training.backend=local to run the workers as processes of this machine.",
    )  # fmt: skip
