"""Runs tasks as the pods of an Indexed Job, which survive a restart of the launcher's pod."""

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
    main_container,
    make_job,
    make_service,
    owners,
)
from components.distributed_trainer.kubernetes.pod_log import LogFollower
from components.distributed_trainer.kubernetes.pods import Pod, PodHistory, read_pod
from components.distributed_trainer.kubernetes.worker_pod import WORKER_POD_ENV, WorkerPod, read_worker_pod
from pipeline.errors import ConfigError, MainlineError

Command = Callable[[Path, int], list[str]]
JOIN_S = 5.0


@dataclass(frozen=True)
class Timeouts:
    """Timeouts of the backend.

    Attributes:
        poll_s: time between two queries of the pods.
        stuck_s: how long a pod may be unable to start, for example because its image is missing.
        outage_s: how long the API may be unreachable while tasks run.
        stop_s: how long to wait for deleted pods to end.
    """

    poll_s: float = 0.5
    stuck_s: float = 60.0
    outage_s: float = 600.0
    stop_s: float = 60.0


TIMEOUTS = Timeouts()


def pod_command(folder: Path, attempt: int) -> list[str]:
    """Return the command line of a worker's pod, which has the image of this pod."""
    return [sys.executable, "-m", "components.distributed_trainer.kubernetes.pod_entrypoint", str(folder), str(attempt)]


def make_kubernetes_backend(environment: Mapping[str, str] = os.environ) -> "KubernetesBackend":
    """Return a backend for the cluster of this pod.

    Raises:
        ConfigError: this process does not run in a pod, or the pod may not use the API.
        MainlineError: the API does not answer.
    """
    missing = [name for name in (NAME_ENV, UID_ENV, NAMESPACE_ENV) if not environment.get(name)]
    if missing:
        raise ConfigError(
            f"training.backend, {BACKEND_ENV}", "this is not a pod of a cluster", received=f"no {', '.join(missing)}",
            expected="kubernetes only in a pipeline that was compiled for a cluster",
            next_step="Set training.backend=local to run the workers as processes of this machine.",
        )  # fmt: skip
    worker = read_worker_pod(environment.get(WORKER_POD_ENV, ""))
    api = Api(connect(), environment[NAMESPACE_ENV])
    return KubernetesBackend(api, own_pod(api, environment[NAME_ENV], environment[UID_ENV]), worker)


def own_pod(api: Api, name: str, uid: str) -> Json:
    """Read this pod from the API.

    Raises:
        MainlineError: there is no such pod.
    """
    pod = api.read("pod", name)
    if pod is None or pod["metadata"]["uid"] != uid:
        raise MainlineError(
            f"{NAME_ENV}, {UID_ENV}", "there is no such pod", received=f"{name}, {uid} in namespace {api.namespace}",
            expected="the pod of this process",
        )  # fmt: skip
    return pod


class JobTasks:
    """The pods of one attempt's Job."""

    def __init__(self, api: Api, launch: Launch, timeouts: Timeouts, *, adopted: bool = False) -> None:
        self._api, self._launch, self._timeouts = api, launch, timeouts
        self._tasks = launch.cluster.tasks
        self._followers: dict[str, LogFollower] = {}
        self._stuck_since_s: dict[str, float] = {}
        self._polled_s = self._answered_s = time.monotonic()
        replaced = frozenset(index for index, task in enumerate(self._tasks) if launch.cluster.is_replaceable(task))
        self._history = PodHistory(self._pods(timeouts.stop_s) if adopted else (), replaced)

    @property
    def attempt(self) -> int:
        """The number of the attempt, from 0."""
        return self._launch.attempt

    def exit_codes(self) -> Mapping[Task, int | None]:
        """Return the exit code of each pod, None before it has ended.

        Raises:
            MainlineError: a pod cannot start, or the API has been unreachable for too long.
        """
        if time.monotonic() - self._polled_s >= self._timeouts.poll_s:
            self._poll()
            self._polled_s = time.monotonic()
        current = {task: self._history.current(index) for index, task in enumerate(self._tasks)}
        return {task: pod.code if pod else None for task, pod in current.items()}

    def reason(self, task: Task) -> str:
        """Return what the cluster says about a task's pod."""
        pod = self._history.current(self._tasks.index(task))
        return pod.reason if pod else f"it has no pod; see kubectl describe job {self._launch.name}"

    def restart(self, task: Task) -> None:
        """Let the Job controller make a new pod, after deleting one that hangs."""
        for pod in self._history.discard(self._tasks.index(task)):
            self._api.delete("pod", pod.name)

    def cancel(self) -> None:
        """Delete everything, and wait until no pod is left and all logs are copied."""
        remove(self._api, self._launch.name, self._launch.labels, self._timeouts.stop_s)
        end_s = time.monotonic() + JOIN_S
        for follower in self._followers.values():
            follower.close()
        for follower in self._followers.values():
            follower.wait(max(0.0, end_s - time.monotonic()))

    def _pods(self, patience_s: float = 0.0) -> list[Pod]:
        found = self._api.listed("pod", self._launch.labels, patience_s)
        self._answered_s = time.monotonic()
        return [read_pod(pod) for pod in found]

    def _poll(self) -> None:
        try:
            self._history.take(self._pods())
        except UnreachableError as error:
            # The tasks may well go on: their heartbeats come through the shared folder.
            logging.getLogger(__name__).warning("the pods could not be listed: %s", error)
            if time.monotonic() - self._answered_s > self._timeouts.outage_s:
                raise
            return
        for index, task in enumerate(self._tasks):
            self._check_start(task, self._history.current(index))
        for pod in self._history.pods():
            if pod.has_started and pod.uid not in self._followers:
                self._followers[pod.uid] = self._follow(pod)

    def _check_start(self, task: Task, pod: Pod | None) -> None:
        if pod is None or not pod.is_stuck:
            self._stuck_since_s.pop(task.name, None)
            return
        since_s = self._stuck_since_s.setdefault(task.name, time.monotonic())
        if time.monotonic() - since_s >= self._timeouts.stuck_s:
            raise MainlineError(
                f"Trainer, {task.name}", "its pod cannot start", received=pod.reason,
                next_step=f"Workers use the image and the secrets of the node's pod: check that {pod.name} may, too.",
            )  # fmt: skip

    def _follow(self, pod: Pod) -> LogFollower:
        return LogFollower(
            self._tasks[pod.index].name, lambda: self._api.log(pod.name), lambda: self._history.ended(pod.uid)
        )


class KubernetesBackend:
    """Starts pods in the cluster of this process.

    Args:
        api: of the cluster.
        pod: the pod of this process, the template and the owner of the workers' pods.
        worker: the config's settings for workers.
        command: returns the command line of a pod.
        timeouts: of this backend.
    """

    def __init__(
        self, api: Api, pod: Json, worker: WorkerPod, command: Command = pod_command,
        timeouts: Timeouts = TIMEOUTS,
    ) -> None:  # fmt: skip
        self._api, self._pod, self._worker = api, pod, worker
        self._command, self._timeouts = command, timeouts

    def adopt(self, cluster: Cluster, folder: Path) -> JobTasks | None:
        """Take over the latest running Job of a folder and this release, and delete all else that is left of it."""
        labels = call_labels(self._pod, folder)
        jobs = {job["metadata"]["name"]: job for job in self._api.listed("job", labels)}
        services = {service["metadata"]["name"]: service for service in self._api.listed("service", labels)}
        live = [name for name, job in jobs.items() if name in services and self._is_own(job, cluster, folder)]
        kept = max(live, key=lambda name: attempt_of(jobs[name]), default=None)
        for name, leftover in (services | jobs).items():
            if name != kept:
                remove(self._api, name, {**labels, ATTEMPT_LABEL: str(attempt_of(leftover))}, self._timeouts.stop_s)
        return self._take_over(self._launch(cluster, folder, attempt_of(jobs[kept]))) if kept else None

    def start(self, cluster: Cluster, folder: Path, attempt: int) -> JobTasks:
        """Create the Service and the Job, or neither."""
        launch = self._launch(cluster, folder, attempt)
        try:
            self._api.create("service", make_service(launch))
            self._api.create("job", make_job(launch))
            return JobTasks(self._api, launch, self._timeouts)
        except BaseException:
            remove(self._api, launch.name, launch.labels, self._timeouts.stop_s)
            raise

    def _is_own(self, job: Json, cluster: Cluster, folder: Path) -> bool:
        """Whether a Job is running as this launcher would start it; another release speaks to its pods differently."""
        return is_live(job, cluster) and command_of(job) == self._command(folder, attempt_of(job))

    def _launch(self, cluster: Cluster, folder: Path, attempt: int) -> Launch:
        return Launch(self._pod, self._worker, cluster, folder, attempt, self._command(folder, attempt))

    def _take_over(self, launch: Launch) -> JobTasks | None:
        """Make this pod the owner, before the garbage collector deletes the Job with its former owner."""
        own = [{"op": "add", "path": "/metadata/ownerReferences", "value": owners(self._pod)}]
        if all([self._api.patch(kind, launch.name, own) for kind in ("job", "service")]):
            return JobTasks(self._api, launch, self._timeouts, adopted=True)
        remove(self._api, launch.name, launch.labels, self._timeouts.stop_s)
        return None


def attempt_of(body: Json) -> int:
    """Return the attempt that a Job or a Service belongs to."""
    return int(body["metadata"]["labels"][ATTEMPT_LABEL])


def command_of(job: Json) -> list[str]:
    """Return the command line of a Job's pods."""
    command: list[str] = main_container(job["spec"]["template"]).get("command", [])
    return command


def is_live(job: Json, cluster: Cluster) -> bool:
    """Whether a Job is running, with the right number of tasks."""
    final = {"Complete", "Failed", "FailureTarget", "SuccessCriteriaMet"}
    conditions = job.get("status", {}).get("conditions", [])
    has_ended = any(one["type"] in final and one["status"] == "True" for one in conditions)
    fits = job["spec"].get("completions") == len(cluster.tasks)
    return fits and not has_ended and "deletionTimestamp" not in job["metadata"]


def remove(api: Api, name: str, labels: Mapping[str, str], timeout_s: float) -> None:
    """Delete a Job and its Service, and wait until none of its pods is left.

    It never fails: leftovers go with their owner, and an error here would hide how the training ended.
    """
    try:
        for kind in ("job", "service"):
            api.delete(kind, name)
        end_s = time.monotonic() + timeout_s
        while pods := api.listed("pod", labels):
            if time.monotonic() > end_s:
                left = ", ".join(pod["metadata"]["name"] for pod in pods)
                logging.getLogger(__name__).warning(
                    "still there after %.0f s, perhaps on a lost node: %s", timeout_s, left
                )
                return
            time.sleep(0.2)
    except MainlineError as error:
        logging.getLogger(__name__).warning("leftovers will be deleted with this pod: %s", error)
