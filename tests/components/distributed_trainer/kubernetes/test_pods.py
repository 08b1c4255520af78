"""The state of tasks, read from the pods that the API returns."""

import pytest

from components.distributed_trainer.kubernetes.pods import INDEX, Pod, PodHistory, read_pod


def pod(status, labels=None, annotations=None, **metadata):
    own = {"name": "p", "uid": "u", "labels": labels or {INDEX: "1"}, "annotations": annotations or {}, **metadata}
    return read_pod({"metadata": own, "status": status})


def main(**state):
    return {"containerStatuses": [{"name": "proxy", "state": {"running": {}}}, {"name": "main", "state": state}]}


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        ({"phase": "Pending"}, None, ""),
        ({"phase": "Running", **main(running={})}, None, ""),
        ({"phase": "Succeeded", **main(terminated={"exitCode": 0, "reason": "Completed"})}, 0, ""),
        ({"phase": "Failed", **main(terminated={"exitCode": 1, "reason": "Error"})}, 1, ""),
        ({"phase": "Failed", **main(terminated={"exitCode": 137, "reason": "OOMKilled"})}, -9, "OOMKilled"),
        ({"phase": "Running", **main(terminated={"exitCode": 143, "reason": "Error"})}, -15, ""),
        ({"phase": "Failed", "reason": "Evicted", "message": "no memory"}, -9, "Evicted: no memory"),
        ({"phase": "Pending", **main(waiting={"reason": "ContainerCreating"})}, None, ""),
        ({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
          "message": "0/3 nodes are available"}]}, None, "Unschedulable: 0/3 nodes are available"),
        ({"phase": "Running", **main(running={}), "conditions": [{"type": "PodScheduled", "status": "True"}, {
          "type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler", "message": "preempted"}]},
         None, "PreemptionByScheduler: preempted"),
    ],
)  # fmt: skip
def test_how_a_pod_ended_and_why(status, code, reason):
    read = pod(status)
    assert (read.code, read.reason, read.is_stuck) == (code, reason, False)


@pytest.mark.parametrize(
    "reason", ["ErrImagePull", "ImagePullBackOff", "InvalidImageName", "CreateContainerConfigError"]
)
def test_a_pod_waiting_for_a_missing_image_or_setting_is_stuck(reason):
    read = pod({"phase": "Pending", **main(waiting={"reason": reason, "message": "not found"})})
    assert (read.code, read.is_stuck, read.reason, read.has_started) == (None, True, f"{reason}: not found", False)


def test_the_index_is_a_label_or_an_annotation():
    assert pod({}, labels={INDEX: "3"}).index == 3
    assert pod({}, labels={"app": "x"}, annotations={INDEX: "4"}).index == 4


def test_deletions_caused_by_a_failure_do_not_count():
    roll = PodHistory([Pod("a", "a", 0, "1"), Pod("b", "b", 1, "1")])
    roll.take([Pod("a", "a", 0, "1", code=-9, deleted_at="3"), Pod("b", "b", 1, "1", code=1)])
    assert (roll.current(0).code, roll.current(1).code) == (None, 1)
    roll.take([])
    assert (roll.current(0).code, roll.current(1).code) == (None, 1)


def test_of_several_deleted_pods_the_first_counts():
    roll = PodHistory([Pod("a", "a", 0, "1", deleted_at="4"), Pod("b", "b", 1, "1", deleted_at="3")])
    roll.take([])
    assert (roll.current(0).code, roll.current(1).code) == (None, -9)
    assert roll.current(1).reason == "its pod was deleted"


def test_the_reason_of_an_eviction_is_kept_after_deletion():
    roll = PodHistory([Pod("a", "a", 0, "1", reason="PreemptionByScheduler: preempted", deleted_at="4")])
    roll.take([])
    assert (roll.current(0).code, roll.current(0).reason) == (-9, "PreemptionByScheduler: preempted")


def test_a_failed_pod_counts_until_it_is_discarded():
    failed, newer = Pod("a", "a", 0, "1", code=1), Pod("b", "b", 0, "2")
    roll = PodHistory([failed, newer])
    assert roll.current(0).code == 1
    assert roll.discard(0) == []
    assert roll.current(0) == newer


def test_a_hanging_pod_is_returned_for_deletion():
    roll = PodHistory([Pod("a", "a", 0, "1")])
    assert [pod.name for pod in roll.discard(0)] == ["a"]
    roll.take([])
    assert roll.current(0) is None


def test_of_adopted_replaceable_pods_only_the_newest_counts():
    pods = [Pod("b", "b", 0, "2"), Pod("a", "a", 0, "1", code=1)]
    assert PodHistory(pods, frozenset({0})).current(0).name == "b"
    assert PodHistory(pods).current(0).name == "a"
