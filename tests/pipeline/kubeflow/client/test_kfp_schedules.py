import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from fakes.kubeflow.kfp_server import Fault

from pipeline.kubeflow.client.schedules import Plan, RecurringRun, ScheduleSpec, plan

CENSUS = ("--config", "census", "--image", "registry/image:1")
DAILY = "0 0 3 * * *"
WANTED = ScheduleSpec("version-1", "experiment-1", DAILY, {"training_epochs": 3})
THEN = datetime(2026, 5, 1, tzinfo=timezone.utc)


def there(name, spec=WANTED, enabled=True, after_s=0):
    return RecurringRun(name, "census-schedule", enabled, THEN + timedelta(seconds=after_s), spec.digest, spec)


def test_without_a_recurring_run_one_is_created():
    assert plan([], WANTED) == Plan(create=True)


def test_an_equal_recurring_run_is_kept():
    assert plan([there("a")], WANTED).empty


def test_a_paused_recurring_run_is_enabled():
    assert plan([there("a", enabled=False)], WANTED) == Plan(create=False, enable=("a",))


@pytest.mark.parametrize(
    "change",
    [
        {"version": "version-2"}, {"cron": "0 0 4 * * *"}, {"parameters": {}}, {"max_concurrency": 2},
        {"no_catchup": True}, {"experiment": "experiment-2"}, {"service_account": "other"},
    ],
)  # fmt: skip
def test_any_difference_replaces_the_recurring_run(change):
    assert plan([there("a")], replace(WANTED, **change)) == Plan(create=True, remove=("a",))


def test_the_oldest_of_several_equal_recurring_runs_stays():
    both = [there("b", after_s=1), there("a")]
    assert plan(both, WANTED) == plan(both[::-1], WANTED) == Plan(create=False, remove=("b",))
    tied = [there("b"), there("a")]
    assert plan(tied, WANTED) == Plan(create=False, remove=("b",))


def test_leftovers_of_a_killed_command_are_removed():
    old = there("old", replace(WANTED, version="version-0"))
    assert plan([old, there("new", after_s=1)], WANTED) == Plan(create=False, remove=("old",))


def schedule(kubeflow, *more, code=0):
    said = kubeflow("schedule", *CENSUS, "--cron", DAILY, "--json", *more)
    assert said.code == code, said.err
    return json.loads(said.out)


def test_schedule_creates_an_enabled_recurring_run(kubeflow, world):
    facts = schedule(kubeflow, "--max-concurrency", "2", "--no-catchup", "--set", "training.epochs=3")
    (one,) = world.recurring.values()
    (body,) = world.bodies("/recurringruns$")
    assert body["trigger"] == {"cron_schedule": {"cron": DAILY}}
    assert (body["mode"], int(body["max_concurrency"]), body["no_catchup"]) == ("ENABLE", 2, True)
    assert body["runtime_config"]["parameters"] == {"training_epochs": 3}
    assert body["service_account"] == "mainline-runner"
    assert one["display_name"] == "census-schedule"
    assert facts["recurring_run"] == one["recurring_run_id"]
    assert facts["next"].endswith("T03:00:00+00:00")
    assert world.runs == {}


def test_scheduling_twice_changes_nothing(kubeflow, world):
    first = schedule(kubeflow)
    before = len(world.requests)
    second = schedule(kubeflow)
    assert (first["changed"], second["changed"]) == (True, False)
    assert second["done"] == "unchanged"
    assert second["recurring_run"] == first["recurring_run"]
    assert {method for method, _, _ in world.requests[before:]} == {"GET"}


def test_the_old_recurring_run_is_removed_after_the_new_one_exists(kubeflow, world):
    first = schedule(kubeflow)
    before = len(world.requests)
    second = schedule(kubeflow, "--set", "data.seed=7")
    assert [(method, path.split("?")[0].split("/")[3:]) for method, path, _ in world.requests[before:]
            if method != "GET"] == [
        ("POST", ["pipelines", "upload_version"]),
        ("POST", ["recurringruns"]),
        ("POST", ["recurringruns", f"{first['recurring_run']}:disable"]),
        ("DELETE", ["recurringruns", first["recurring_run"]]),
    ]  # fmt: skip
    assert list(world.recurring) == [second["recurring_run"]]
    assert second["removed"] == 1


def test_a_schedule_in_another_experiment_replaces_the_first(kubeflow, world):
    schedule(kubeflow)
    schedule(kubeflow, "--experiment", "nightly")
    assert len(world.recurring) == 1


def test_scheduling_enables_a_paused_recurring_run(kubeflow, world):
    first = schedule(kubeflow)
    assert kubeflow("schedule", "pause", *CENSUS).code == 0
    facts = schedule(kubeflow)
    assert (facts["recurring_run"], facts["enabled_again"]) == (first["recurring_run"], 1)
    assert next(iter(world.recurring.values()))["status"] == "ENABLED"


def test_recurring_runs_created_by_hand_are_not_changed(kubeflow, world):
    schedule(kubeflow)
    (one,) = world.recurring.values()
    world.recurring["by-hand"] = {**one, "recurring_run_id": "by-hand", "description": "of Ada"}
    schedule(kubeflow, "--set", "data.seed=7")
    assert kubeflow("schedule", "delete", *CENSUS).code == 0
    assert list(world.recurring) == ["by-hand"]
    said = kubeflow("schedule", "list", *CENSUS)
    assert "created by hand" in said.out


def test_two_simultaneous_schedules_leave_one_recurring_run(kubeflow, world, monkeypatch):
    from pipeline.kubeflow.client import schedules

    create = schedules.create_recurring_run

    def twice(connection, made, wanted):
        create(connection, made, wanted)
        create(connection, made, wanted)

    monkeypatch.setattr(schedules, "create_recurring_run", twice)
    facts = schedule(kubeflow)
    assert list(world.recurring) == [facts["recurring_run"]]


def test_a_recurring_run_that_another_command_removed_is_not_an_error(kubeflow, world):
    schedule(kubeflow)
    world.faults += [Fault("POST .*:disable", 404, 1), Fault("DELETE", 404, 1)]
    assert kubeflow("schedule", "delete", *CENSUS).code == 0


def test_five_fields_are_refused_with_the_six_that_are_meant(kubeflow, world):
    said = kubeflow("schedule", *CENSUS, "--cron", "0 3 * * *")
    assert said.code == 2
    assert "0 0 3 * * *" in said.err
    assert world.requests == []


@pytest.mark.parametrize(
    "arguments",
    [(), ("--cron", "0 0 25 * * *"), ("--cron", DAILY, "--max-concurrency", "0"),
     ("--cron", DAILY, "--max-concurrency", "11")],
)  # fmt: skip
def test_invalid_options_are_refused_before_a_request(kubeflow, world, arguments):
    said = kubeflow("schedule", *CENSUS, *arguments)
    assert said.code == 2
    assert world.requests == []


def test_pause_resume_and_delete(kubeflow, world):
    schedule(kubeflow)
    (one,) = world.recurring
    for action, status in (("pause", "DISABLED"), ("pause", "DISABLED"), ("resume", "ENABLED")):
        said = kubeflow("schedule", action, *CENSUS, "--json")
        assert json.loads(said.out)["recurring_runs"] == [one]
        assert world.recurring[one]["status"] == status
    assert len(world.asked("POST", ":disable")) == 1
    assert kubeflow("schedule", "delete", *CENSUS).code == 0
    assert world.recurring == {}
    assert kubeflow("schedule", "delete", *CENSUS).code == 0


def test_the_list_has_the_settings_of_each_recurring_run(kubeflow, world):
    schedule(kubeflow, "--max-concurrency", "3")
    (listed,) = json.loads(kubeflow("schedule", "list", *CENSUS, "--json").out)["recurring_runs"]
    assert (listed["cron"], listed["max_concurrency"], listed["enabled"], listed["ours"]) == (DAILY, 3, True, True)
    assert DAILY in kubeflow("schedule", "list", *CENSUS).out


@pytest.mark.parametrize("action", ["pause", "resume"])
def test_a_pipeline_without_a_schedule_is_bad_input(kubeflow, world, action):
    assert kubeflow("submit", *CENSUS).code == 0
    said = kubeflow("schedule", action, *CENSUS)
    assert said.code == 2
    assert "no schedule" in said.err


@pytest.mark.parametrize("action", ["list", "pause", "resume", "delete"])
def test_an_unknown_pipeline_is_bad_input(kubeflow, world, action):
    said = kubeflow("schedule", action, *CENSUS)
    assert said.code == 2
    assert "not on the server" in said.err
