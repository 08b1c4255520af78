"""What the pods of a Job say of its tasks: how each ended, or why it does not come up."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from components.distributed_trainer.kubernetes.indexed_job import CONTAINER, Json

INDEX = "batch.kubernetes.io/job-completion-index"
KILLED = -9
# Reasons that time alone does not mend, as the kubelet gives them for a container that waits:
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
        code: how it ended, negative for the signal that killed it; None while it has not.
        why: the reason that the cluster gives for its state, empty where there is none.
        is_stuck: whether it waits for what will not come by itself.
        has_started: whether there is a log.
        deleted_at: when somebody asked for its end, empty if nobody did.
    """

    name: str
    uid: str
    index: int
    created_at: str
    code: int | None = None
    why: str = ""
    is_stuck: bool = False
    has_started: bool = False
    deleted_at: str = ""


def read_pod(pod: Json) -> Pod:
    """A pod, as the API gives it: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/."""
    metadata, status = pod["metadata"], pod.get("status", {})
    state = container_state(status)
    waiting = state.get("waiting", {})
    # An index was an annotation before it was a label too, in 1.28.
    index = metadata.get("labels", {}).get(INDEX) or metadata.get("annotations", {})[INDEX]
    return Pod(
        metadata["name"], metadata["uid"], int(index), metadata.get("creationTimestamp", ""),
        code=exit_code(status, state), why=reason(status, state), is_stuck=waiting.get("reason") in STUCK,
        has_started="running" in state or "terminated" in state, deleted_at=metadata.get("deletionTimestamp", ""),
    )  # fmt: skip


def container_state(status: Json) -> Json:
    """The state of the task's container; a mesh may have put others beside it."""
    containers = status.get("containerStatuses", [])
    return next((one.get("state", {}) for one in containers if one["name"] == CONTAINER), {})


def exit_code(status: Json, state: Json) -> int | None:
    """How a task ended; what a shell adds 128 to is a signal. A pod may fail without a word of its container.

    >>> exit_code({"phase": "Failed"}, {"terminated": {"exitCode": 137}}), exit_code({"phase": "Pending"}, {})
    (-9, None)
    """
    if "terminated" in state:
        code: int = state["terminated"]["exitCode"]
        return 128 - code if 128 < code < 128 + 65 else code
    return {"Failed": KILLED, "Succeeded": 0}.get(status.get("phase", ""))


def reason(status: Json, state: Json) -> str:
    """Why a pod is as it is; what its exit code says already is no reason.

    >>> reason({"reason": "Evicted", "message": "The node was low on memory."}, {})
    'Evicted: The node was low on memory.'
    """
    # A pod that finds no node says so by one condition; one that is taken from its node, by the other.
    telling = {("PodScheduled", "False"), ("DisruptionTarget", "True")}
    conditions = [one for one in status.get("conditions", []) if (one["type"], one["status"]) in telling]
    sources: list[dict[str, Any]] = [
        status, *conditions, state.get("terminated", {}), state.get("waiting", {}),
    ]  # fmt: skip
    for source in sources:
        said = source.get("reason", "")
        if said and said not in ("Error", "Completed", "ContainerCreating", "PodInitializing"):
            return ": ".join(filter(None, [said, source.get("message", "").strip()]))
    return ""


class Roll:
    """The pods that a Job has had, and which of them count.

    Args:
        replaced: indices whose pods the controller of the Job replaces.
        pods: those that there were before; of an index that has a newer pod, they no longer count.
    """

    def __init__(self, pods: Iterable[Pod] = (), replaced: frozenset[int] = frozenset()) -> None:
        self._known: dict[str, Pod] = {}
        self._past: set[str] = set()
        self.take(pods)
        for index in replaced:
            self._past.update(pod.uid for pod in self._of(index)[:-1])

    def take(self, pods: Iterable[Pod]) -> None:
        """Learns what pods there are now; one that is no more, and had not ended, was deleted."""
        now = {pod.uid: pod for pod in pods}
        for uid, pod in self._known.items():
            if uid not in now and pod.code is None:
                self._known[uid] = replace(
                    pod, code=KILLED, why=pod.why or "its pod was deleted", deleted_at=pod.deleted_at or "0"
                )
        # How a pod ended is said once: that it is deleted later on is of no account.
        self._known.update({uid: pod for uid, pod in now.items() if uid not in self._known or not self.ended(uid)})

    def pods(self) -> list[Pod]:
        """All that were ever seen."""
        return list(self._known.values())

    def ended(self, uid: str) -> bool:
        """Whether a pod is over."""
        return self._known[uid].code is not None

    def counts(self, index: int) -> Pod | None:
        """The pod that speaks for a task: the first that failed, else the newest; None before there is one.

        When one pod fails, the Job's controller deletes the others: their end is no failure of their own.
        """
        pods = self._of(index)
        to_blame = self._to_blame()
        failed = [pod for pod in pods if pod.uid in to_blame]
        if failed:
            return failed[0]
        return replace(pods[-1], code=None) if pods and pods[-1].code else next(reversed(pods), None)

    def write_off(self, index: int) -> list[Pod]:
        """Those that failed no longer count, so that the next one does; gives one that runs, if none has failed."""
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
