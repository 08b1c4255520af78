"""The state of a Job's tasks, read from its pods: how each ended, or why it does not start."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from components.distributed_trainer.kubernetes.indexed_job import CONTAINER, Json

INDEX = "batch.kubernetes.io/job-completion-index"
KILLED = -9
# Reasons of the kubelet for a waiting container that waiting alone will not resolve:
# https://kubernetes.io/docs/concepts/containers/images/#imagepullbackoff
STUCK = frozenset({
    "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError",
    "RegistryUnavailable", "CreateContainerConfigError", "CreateContainerError", "RunContainerError",
})  # fmt: skip


@dataclass(frozen=True)
class Pod:
    """A pod of a Job.

    Attributes:
        index: of its task.
        code: exit code, negative for the signal that killed it; None while it runs.
        reason: the cluster's reason for its state, may be empty.
        is_stuck: whether it waits for something that will not come by itself.
        has_started: whether there is a log.
        deleted_at: when its deletion was requested, empty if it was not.
    """

    name: str
    uid: str
    index: int
    created_at: str
    code: int | None = None
    reason: str = ""
    is_stuck: bool = False
    has_started: bool = False
    deleted_at: str = ""


def read_pod(pod: Json) -> Pod:
    """Read a pod as the API returns it: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/."""
    metadata, status = pod["metadata"], pod.get("status", {})
    state = container_state(status)
    waiting = state.get("waiting", {})
    # Until Kubernetes 1.28 the index was only an annotation.
    index = metadata.get("labels", {}).get(INDEX) or metadata.get("annotations", {})[INDEX]
    return Pod(
        metadata["name"], metadata["uid"], int(index), metadata.get("creationTimestamp", ""),
        code=exit_code(status, state), reason=reason_of(status, state), is_stuck=waiting.get("reason") in STUCK,
        has_started="running" in state or "terminated" in state, deleted_at=metadata.get("deletionTimestamp", ""),
    )  # fmt: skip


def container_state(status: Json) -> Json:
    """Return the state of the task's container; a service mesh may have added others."""
    containers = status.get("containerStatuses", [])
    return next((one.get("state", {}) for one in containers if one["name"] == CONTAINER), {})


def exit_code(status: Json, state: Json) -> int | None:
    """Return the exit code of a task; above 128 it is a signal. A pod may fail without a state of its container.

    >>> exit_code({"phase": "Failed"}, {"terminated": {"exitCode": 137}}), exit_code({"phase": "Pending"}, {})
    (-9, None)
    """
    if "terminated" in state:
        code: int = state["terminated"]["exitCode"]
        return 128 - code if 128 < code < 128 + 65 else code
    return {"Failed": KILLED, "Succeeded": 0}.get(status.get("phase", ""))


def reason_of(status: Json, state: Json) -> str:
    """Return the reason for the state of a pod, unless it only repeats the exit code.

    >>> reason_of({"reason": "Evicted", "message": "The node was low on memory."}, {})
    'Evicted: The node was low on memory.'
    """
    # The first condition tells of a pod that fits no node, the second of one that is evicted from its node.
    telling = {("PodScheduled", "False"), ("DisruptionTarget", "True")}
    conditions = [one for one in status.get("conditions", []) if (one["type"], one["status"]) in telling]
    sources: list[dict[str, Any]] = [
        status, *conditions, state.get("terminated", {}), state.get("waiting", {}),
    ]  # fmt: skip
    for source in sources:
        reason = source.get("reason", "")
        if reason and reason not in ("Error", "Completed", "ContainerCreating", "PodInitializing"):
            return ": ".join(filter(None, [reason, source.get("message", "").strip()]))
    return ""


class PodHistory:
    """All pods that a Job has had, and which of them represent its tasks.

    Args:
        pods: the pods found when an existing Job is taken over.
        replaced: indices whose pods the Job controller replaces; of these only the newest pod counts.
    """

    def __init__(self, pods: Iterable[Pod] = (), replaced: frozenset[int] = frozenset()) -> None:
        self._known: dict[str, Pod] = {}
        self._past: set[str] = set()
        self.take(pods)
        for index in replaced:
            self._past.update(pod.uid for pod in self._of(index)[:-1])

    def take(self, pods: Iterable[Pod]) -> None:
        """Record the pods that exist now; one that is gone without having ended was deleted."""
        now = {pod.uid: pod for pod in pods}
        for uid, pod in self._known.items():
            if uid not in now and pod.code is None:
                self._known[uid] = replace(
                    pod, code=KILLED, reason=pod.reason or "its pod was deleted", deleted_at=pod.deleted_at or "0"
                )
        # The first end of a pod counts; that it is deleted later does not matter.
        self._known.update({uid: pod for uid, pod in now.items() if uid not in self._known or not self.ended(uid)})

    def pods(self) -> list[Pod]:
        """Return all pods ever seen."""
        return list(self._known.values())

    def ended(self, uid: str) -> bool:
        """Whether a pod has ended."""
        return self._known[uid].code is not None

    def current(self, index: int) -> Pod | None:
        """Return the pod that represents a task: the first that failed, else the newest; None if there is none yet.

        When one pod fails, the Job controller deletes the others; those deletions are not failures.
        """
        pods = self._of(index)
        to_blame = self._to_blame()
        failed = [pod for pod in pods if pod.uid in to_blame]
        if failed:
            return failed[0]
        return replace(pods[-1], code=None) if pods and pods[-1].code else next(reversed(pods), None)

    def discard(self, index: int) -> list[Pod]:
        """Stop counting the failed pods of a task, or else its running pod, which is returned for deletion."""
        pods = self._of(index)
        past = [pod for pod in pods if pod.code is not None] or pods
        self._past.update(pod.uid for pod in past)
        return [pod for pod in past if pod.code is None]

    def _of(self, index: int) -> list[Pod]:
        pods = (pod for uid, pod in self._known.items() if pod.index == index and uid not in self._past)
        return sorted(pods, key=lambda pod: pod.created_at)

    def _to_blame(self) -> set[str]:
        failed = [pod for uid, pod in self._known.items() if pod.code and uid not in self._past]
        first = min((pod.deleted_at for pod in failed), default="")
        return {pod.uid for pod in failed if pod.deleted_at == first}
