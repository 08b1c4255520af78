"""Tasks as the pods of an Indexed Job, which outlive the pod that started them until it is gone for good."""

import logging
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from components.distributed_trainer.cluster import BACKEND_ENV, Cluster, Task
from components.distributed_trainer.kubernetes.api import Api, UnreachableError, connect
from components.distributed_trainer.kubernetes.indexed_job import (
    ATTEMPT_LABEL,
    NAME_ENV,
    NAMESPACE_ENV,
    UID_ENV,
    Json,
    Launch,
    call_labels,
    make_job,
    make_service,
    owners,
)
from components.distributed_trainer.kubernetes.pod_log import Follower
from components.distributed_trainer.kubernetes.pods import Pod, Roll, read_pod
from components.distributed_trainer.kubernetes.worker_pod import WORKER_POD_ENV, WorkerPod, read_worker_pod
from pipeline.errors import ConfigError, MainlineError

Command = Callable[[Path, int], list[str]]
JOIN_S = 5.0


@dataclass(frozen=True)
class Patience:
    """How long to wait, in seconds.

    Attributes:
        look_s: between two looks at the pods.
        stuck_s: for a pod that cannot start, such as one whose image is not there.
        outage_s: for an API that does not answer while the tasks run.
        stop_s: for pods to go.
    """

    look_s: float = 0.5
    stuck_s: float = 60.0
    outage_s: float = 600.0
    stop_s: float = 60.0


PATIENCE = Patience()


def indexed_command(folder: Path, attempt: int) -> list[str]:
    """How the task of a pod is started; the image is the one that this runs in."""
    return [sys.executable, "-m", "components.distributed_trainer.kubernetes.pod_entrypoint", str(folder), str(attempt)]


def backend_here(environment: Mapping[str, str] = os.environ) -> "KubernetesBackend":
    """The backend of the pod that this runs in.

    Raises:
        ConfigError: this is no pod, or it may not use the API.
        MainlineError: the API does not answer.
    """
    missing = [name for name in (NAME_ENV, UID_ENV, NAMESPACE_ENV) if not environment.get(name)]
    if missing:
        raise ConfigError(
            f"training.backend, {BACKEND_ENV}", "this is no pod of a cluster", received=f"no {', '.join(missing)}",
            expected="kubernetes in a pipeline that was compiled for a cluster; here it is local",
            next_step="Set training.backend=local: the workers are then processes of this machine.",
        )  # fmt: skip
    worker = read_worker_pod(environment.get(WORKER_POD_ENV, ""))
    api = Api(connect(), environment[NAMESPACE_ENV])
    return KubernetesBackend(api, own_pod(api, environment[NAME_ENV], environment[UID_ENV]), worker)


def own_pod(api: Api, name: str, uid: str) -> Json:
    """The pod that this runs in."""
    pod = api.read("pod", name)
    if pod is None or pod["metadata"]["uid"] != uid:
        raise MainlineError(
            f"{NAME_ENV}, {UID_ENV}", "there is no such pod", received=f"{name}, {uid} in namespace {api.namespace}",
            expected="the pod that this runs in",
        )  # fmt: skip
    return pod


class JobTasks:
    """The pods of the Job of one attempt."""

    def __init__(self, api: Api, launch: Launch, patience: Patience, *, adopted: bool = False) -> None:
        self._api, self._launch, self._patience = api, launch, patience
        self._tasks = launch.cluster.tasks
        self._followers: dict[str, Follower] = {}
        self._stuck_since_s: dict[str, float] = {}
        self._looked_s = self._answered_s = time.monotonic()
        replaced = frozenset(index for index, task in enumerate(self._tasks) if launch.cluster.survives(task))
        self._roll = Roll(self._pods(patience.stop_s) if adopted else (), replaced)

    @property
    def attempt(self) -> int:
        """Counts from 0."""
        return self._launch.attempt

    def exit_codes(self) -> Mapping[Task, int | None]:
        """How each pod ended, None before.

        Raises:
            MainlineError: a pod cannot start and will not, or the API has not answered for long.
        """
        if time.monotonic() - self._looked_s >= self._patience.look_s:
            self._look()
            self._looked_s = time.monotonic()
        counting = {task: self._roll.counts(index) for index, task in enumerate(self._tasks)}
        return {task: pod.code if pod else None for task, pod in counting.items()}

    def why(self, task: Task) -> str:
        """What the cluster says of a task's pod."""
        pod = self._roll.counts(self._tasks.index(task))
        return pod.why if pod else f"it has no pod; kubectl describe job {self._launch.name} says why"

    def restart(self, task: Task) -> None:
        """Leaves it to the Job's controller to make a new pod; one that hangs is deleted first."""
        for pod in self._roll.write_off(self._tasks.index(task)):
            self._api.delete("pod", pod.name)

    def cancel(self) -> None:
        """Deletes all, and waits until no pod is left and all that they printed is copied."""
        remove(self._api, self._launch.name, self._launch.labels, self._patience.stop_s)
        end_s = time.monotonic() + JOIN_S
        for follower in self._followers.values():
            follower.close()
        for follower in self._followers.values():
            follower.wait(max(0.0, end_s - time.monotonic()))

    def _pods(self, patience_s: float = 0.0) -> list[Pod]:
        found = self._api.listed("pod", self._launch.labels, patience_s)
        self._answered_s = time.monotonic()
        return [read_pod(pod) for pod in found]

    def _look(self) -> None:
        try:
            self._roll.take(self._pods())
        except UnreachableError as error:
            # The tasks may well go on meanwhile: their signs of life come by the folder.
            logging.getLogger(__name__).warning("the pods are not seen: %s", error)
            if time.monotonic() - self._answered_s > self._patience.outage_s:
                raise
            return
        for index, task in enumerate(self._tasks):
            self._check_start(task, self._roll.counts(index))
        for pod in self._roll.pods():
            if pod.has_started and pod.uid not in self._followers:
                self._followers[pod.uid] = self._follow(pod)

    def _check_start(self, task: Task, pod: Pod | None) -> None:
        if pod is None or not pod.is_stuck:
            self._stuck_since_s.pop(task.name, None)
            return
        since_s = self._stuck_since_s.setdefault(task.name, time.monotonic())
        if time.monotonic() - since_s >= self._patience.stuck_s:
            raise MainlineError(
                f"Trainer, {task.name}", "its pod cannot start", received=pod.why,
                next_step=f"Workers have the image and the secrets of the node's own pod: see that {pod.name} may too.",
            )  # fmt: skip

    def _follow(self, pod: Pod) -> Follower:
        return Follower(self._tasks[pod.index].name, lambda: self._api.log(pod.name), lambda: self._roll.ended(pod.uid))


class KubernetesBackend:
    """Pods of the cluster that this runs in.

    Args:
        api: of the cluster.
        pod: that this runs in, after which those of workers are made, and with which they go.
        worker: what the config asks for workers.
        command: the words that start the task of a pod.
        patience: how long to wait.
    """

    def __init__(
        self, api: Api, pod: Json, worker: WorkerPod, command: Command = indexed_command,
        patience: Patience = PATIENCE,
    ) -> None:  # fmt: skip
        self._api, self._pod, self._worker = api, pod, worker
        self._command, self._patience = command, patience

    def adopt(self, cluster: Cluster, folder: Path) -> JobTasks | None:
        """Takes over the latest Job of the call that runs; what else is left of the call is deleted."""
        labels = call_labels(self._pod, folder)
        jobs = {job["metadata"]["name"]: job for job in self._api.listed("job", labels)}
        services = {service["metadata"]["name"]: service for service in self._api.listed("service", labels)}
        live = [name for name, job in jobs.items() if name in services and is_live(job, cluster)]
        kept = max(live, key=lambda name: attempt_of(jobs[name]), default=None)
        for name, leftover in (services | jobs).items():
            if name != kept:
                remove(self._api, name, {**labels, ATTEMPT_LABEL: str(attempt_of(leftover))}, self._patience.stop_s)
        return self._take_over(self._launch(cluster, folder, attempt_of(jobs[kept]))) if kept else None

    def start(self, cluster: Cluster, folder: Path, attempt: int) -> JobTasks:
        """Makes Service and Job; what was made is deleted if all does not go well."""
        launch = self._launch(cluster, folder, attempt)
        try:
            self._api.create("service", make_service(launch))
            self._api.create("job", make_job(launch))
            return JobTasks(self._api, launch, self._patience)
        except BaseException:
            remove(self._api, launch.name, launch.labels, self._patience.stop_s)
            raise

    def _launch(self, cluster: Cluster, folder: Path, attempt: int) -> Launch:
        return Launch(self._pod, self._worker, cluster, folder, attempt, self._command(folder, attempt))

    def _take_over(self, launch: Launch) -> JobTasks | None:
        """Makes this pod the owner, before the end of the earlier one takes the Job with it."""
        own = [{"op": "add", "path": "/metadata/ownerReferences", "value": owners(self._pod)}]
        if all([self._api.patch(kind, launch.name, own) for kind in ("job", "service")]):
            return JobTasks(self._api, launch, self._patience, adopted=True)
        remove(self._api, launch.name, launch.labels, self._patience.stop_s)
        return None


def attempt_of(made: Json) -> int:
    """Which attempt a Job or a Service is of."""
    return int(made["metadata"]["labels"][ATTEMPT_LABEL])


def is_live(job: Json, cluster: Cluster) -> bool:
    """Whether a Job runs, and has the tasks that are wanted."""
    over = {"Complete", "Failed", "FailureTarget", "SuccessCriteriaMet"}
    conditions = job.get("status", {}).get("conditions", [])
    is_over = any(one["type"] in over and one["status"] == "True" for one in conditions)
    is_fit = job["spec"].get("completions") == len(cluster.tasks)
    return is_fit and not is_over and "deletionTimestamp" not in job["metadata"]


def remove(api: Api, name: str, labels: Mapping[str, str], timeout_s: float) -> None:
    """Deletes a Job and its Service, and waits until none of its pods is left.

    It does not fail: the owner reference sees to what is left, and how the training ended is to be told.
    """
    try:
        for kind in ("job", "service"):
            api.delete(kind, name)
        end_s = time.monotonic() + timeout_s
        while pods := api.listed("pod", labels):
            if time.monotonic() > end_s:
                left = ", ".join(pod["metadata"]["name"] for pod in pods)
                logging.getLogger(__name__).warning(
                    "still there after %.0f s, on a node that is lost: %s", timeout_s, left
                )
                return
            time.sleep(0.2)
    except MainlineError as error:
        logging.getLogger(__name__).warning("what is left goes with this pod: %s", error)
