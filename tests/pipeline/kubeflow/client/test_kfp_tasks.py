from datetime import datetime, timedelta, timezone

import pytest
import yaml
from fakes.kubeflow import kfp_parts

from pipeline.kubeflow.client.tasks import (
    ArgoNode,
    Task,
    attempts_of,
    hash_of,
    in_order,
    observe,
    parameters_of,
    pods_of,
    tasks_of,
)

NOW = datetime(2026, 5, 1, 12, tzinfo=timezone.utc)
TRAINER = Task("trainer", "Trainer")


def ago(seconds):
    return NOW - timedelta(seconds=seconds)


def test_the_tasks_of_a_pipeline_are_those_inside_the_exit_handler_and_the_exit_task():
    spec = yaml.safe_load(kfp_parts.tiny_text())
    tasks = tasks_of(spec)
    assert [task.name for task in tasks] == ["ExampleGen", "Trainer", "Pusher", "Finish"]
    assert [task.at_exit for task in tasks] == [False, False, False, True]
    assert tasks_of({"pipeline_spec": spec, "platform_spec": {}}) == tasks
    assert parameters_of(spec) == {"overrides": "STRING", "training_epochs": "NUMBER_INTEGER"}


def test_a_pipeline_without_tasks_has_none():
    assert tasks_of({}) == ()
    assert parameters_of({}) == {}


def test_tasks_in_a_cycle_are_ordered_too():
    assert sorted(in_order({"a": ["b"], "b": ["a"]})) == ["a", "b"]


@pytest.mark.parametrize(
    ("state", "shown"),
    [("PENDING", "running"), ("RUNNING", "running"), ("SUCCEEDED", "done"), ("FAILED", "failed"), ("CACHED", "cached"),
     ("SKIPPED", "skipped"), ("CANCELING", "running"), ("CANCELED", "failed"), ("PAUSED", "running"), ("", "skipped")],
)  # fmt: skip
def test_states_of_the_server_are_converted(state, shown):
    details = [ArgoNode("trainer-driver", "SUCCEEDED", ago(20)), ArgoNode("trainer", state, ago(15), ago(5))]
    assert observe(TRAINER, details, ended=False, now=NOW).state == shown


def test_a_task_unknown_to_the_server_is_waiting_or_was_skipped():
    assert observe(TRAINER, [], ended=False, now=NOW).state == "waiting"
    assert observe(TRAINER, [], ended=True, now=NOW).state == "skipped"


def test_a_running_driver_means_a_running_node():
    status = observe(TRAINER, [ArgoNode("trainer-driver", "RUNNING", ago(5))], ended=False, now=NOW)
    assert (status.state, status.detail) == ("running", "driver is running")
    assert status.seconds() == pytest.approx(5, abs=0.5)


def test_a_failed_driver_means_a_failed_node():
    details = [ArgoNode("trainer-driver", "FAILED", ago(5), ago(2), error="no such claim")]
    status = observe(TRAINER, details, ended=True, now=NOW)
    assert (status.state, status.detail, status.elapsed_s) == ("failed", "driver: no such claim", 3.0)


def test_the_time_of_a_node_includes_its_driver():
    details = [ArgoNode("trainer-driver", "SUCCEEDED", ago(60)), ArgoNode("trainer", "SUCCEEDED", ago(50), ago(10))]
    assert observe(TRAINER, details, ended=False, now=NOW).elapsed_s == 50.0


@pytest.mark.parametrize(
    "zero", [datetime(1970, 1, 1, tzinfo=timezone.utc), datetime(1, 1, 1, tzinfo=timezone.utc), None]
)
def test_a_missing_end_time_counts_as_now(zero):
    details = [ArgoNode("trainer", "RUNNING", ago(30), zero)]
    assert observe(TRAINER, details, ended=False, now=NOW).seconds() == pytest.approx(30, abs=0.5)


def test_a_fast_clock_gives_no_negative_time():
    details = [ArgoNode("trainer", "RUNNING", ago(-5))]
    assert observe(TRAINER, details, ended=False, now=NOW).seconds() == pytest.approx(0, abs=0.5)


def test_the_last_attempt_counts_if_only_attempts_are_listed():
    details = [ArgoNode("trainer(0)", "FAILED", ago(9), ago(8)), ArgoNode("trainer(1)", "RUNNING", ago(5))]
    assert observe(TRAINER, details, ended=False, now=NOW).state == "running"


def test_a_task_with_the_same_prefix_is_another_task():
    details = [ArgoNode("trainer-2", "FAILED", ago(9), ago(8))]
    assert observe(TRAINER, details, ended=False, now=NOW).state == "waiting"


@pytest.mark.parametrize(
    ("name", "digits"),
    [("hello-world-61985dbf-4299-458b-a183-1f2c2436c21c[0]", 2303694156),
     ("hello-world-61985dbf-4299-458b-a183-1f2c2436c21c[0].say", 3584189705)],
)  # fmt: skip
def test_ids_are_hashed_as_argo_does(name, digits):
    assert hash_of(name) == digits


def test_attempts_are_found_by_their_ids():
    executor = hash_of("wf.root.trainer.executor")
    first, second = (f"wf-{hash_of(f'wf.root.trainer.executor({turn})')}" for turn in range(2))
    known = frozenset({f"wf-{executor}", first, second, "wf-1"})
    assert attempts_of(f"wf-{executor}", known) == [first, second]
    assert attempts_of("wf-1", known) == ["wf-1"]
    assert attempts_of("no number", known) == ["no number"]


def test_the_pod_name_of_the_server_is_used():
    details = [ArgoNode("trainer", "SUCCEEDED", pod="wf-trainer-7", children=("wf-8",))]
    assert pods_of(TRAINER, details) == [("wf-trainer-7",)]


def test_the_pods_of_a_task_are_not_those_of_its_driver():
    details = [
        ArgoNode("trainer-driver", "SUCCEEDED", children=("wf-1",)),
        ArgoNode("trainer", "SUCCEEDED", children=("wf-2",)),
    ]
    (names,) = pods_of(TRAINER, details)
    assert "wf-retry-system-container-impl-2" in names
    assert not any(name.endswith("-1") for name in names)
