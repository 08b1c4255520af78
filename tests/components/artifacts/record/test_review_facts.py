"""The facts on a report, read from a real ML Metadata store and a real served folder."""

import pytest
from fakes.reviews import PIPELINE, RunsRoot, put_model

from components.artifacts.record.facts import baseline_of, facts_on, pipeline_record
from components.artifacts.record.models import blessed_before, model_digests
from components.artifacts.record.status import status_of


@pytest.fixture
def world(tmp_path):
    return RunsRoot(tmp_path / "runs")


def read(world):
    return pipeline_record(world.store(), PIPELINE, world.runs / PIPELINE)


def labels(world) -> dict[str, str]:
    record = read(world)
    return {report.run: status_of(facts_on(record, report)).label for report in record.reports}


def test_models_are_followed_from_the_report_to_what_is_served(world):
    first = world.report("r1", model_id=11, model="a")
    assert labels(world) == {"r1": "awaiting review"}
    world.decide(first, "approved")
    assert labels(world) == {"r1": "approved"}
    world.push("a", "r1", 100)
    assert labels(world) == {"r1": "approved, served as version 100"}
    world.report("r2", model_id=12, model="b")
    world.push("b", "r2", 200)
    assert labels(world) == {
        "r2": "not reviewed, served as version 200",
        "r1": "approved, superseded by version 200",
    }
    world.decide(read(world).reports[0], "rejected")
    assert labels(world)["r2"] == "rejected, still served as version 200"
    facts = facts_on(read(world), read(world).reports[0])
    assert (facts.rollback_to.number, facts.rollback_to.run) == (100, "r1")


def test_a_rollback_never_leads_to_a_model_that_was_turned_down(world):
    for at, run in enumerate(("r1", "r2", "r3"), start=1):
        report = world.report(run, model_id=10 + at, model=run)
        world.push(run, run, 100 * at)
        if run == "r2":
            world.decide(report, "rejected")
    assert facts_on(read(world), read(world).reports[0]).rollback_to.number == 100


def test_the_approval_of_an_earlier_report_on_a_model_lapses_with_the_reason(world):
    world.decide(world.report("r1", model="a"), "approved")
    world.report("r2", model="a", baseline_run="r0")
    record = read(world)
    status = status_of(facts_on(record, record.reports[0]))
    assert status.label == "lapsed"
    assert "the approval lapsed because the model is now compared with run r0 instead of no model." in status.text
    earlier = status_of(facts_on(record, record.reports[1]))
    assert (earlier.label, "evaluated again in run r2" in earlier.text) == ("approved", True)


def test_without_the_served_folder_it_is_unknown_what_is_served(world):
    world.report("r1", model="a")
    world.push("a", "r1", 100)
    record = pipeline_record(world.store(), PIPELINE, None)
    assert status_of(facts_on(record, record.reports[0])).serving == "unknown"
    assert "it was pushed as version 100" in status_of(facts_on(record, record.reports[0])).text


def test_a_served_folder_that_was_edited_is_said_to_be_unclear(world):
    world.report("r1", model="a")
    world.push("a", "r1", 100)
    (world.runs / PIPELINE / "serving" / "100" / "saved_model.pb").write_text("edited", encoding="utf-8")
    record = read(world)
    assert "What is served is unclear: version 100" in status_of(facts_on(record, record.reports[0])).text


def test_the_baseline_is_what_was_served_when_the_report_was_made(world):
    first = put_model(world.store())
    world.report("r1", model_id=first, model="a")
    world.push("a", "r1", 100)
    world.report("r2", model_id=first + 5, model="b", baseline=first)
    world.push("b", "r2", 200)
    record = read(world)
    found = baseline_of(world.store(), record, record.reports[0])
    assert (found.run, found.version, found.decision) == ("r1", 100, None)
    assert baseline_of(world.store(), record, record.reports[1]) is None


def test_a_baseline_that_was_pushed_only_later_was_not_served_then(world):
    first = put_model(world.store())
    world.report("r1", model_id=first, model="a")
    world.report("r2", model_id=first + 5, model="b", baseline=first)
    world.push("a", "r1", 100)
    record = read(world)
    assert baseline_of(world.store(), record, record.reports[0]).version is None


def test_only_blessed_models_of_the_pipeline_from_before_are_counted(world):
    for pipeline, model, blessed in (("census", 3, 1), ("census", 4, 0), ("census", 5, 1), ("other", 2, 1)):
        world.bless(model, blessed, "d" * 64, pipeline=pipeline, store=PIPELINE)
    store = world.store()
    assert blessed_before(store, PIPELINE, 5) == 1
    assert blessed_before(store, PIPELINE, 3) == 0
    assert blessed_before(store, PIPELINE, 9) == 2
    assert blessed_before(store, "absent", 9) == 0
    assert model_digests(store) == dict.fromkeys((2, 3, 4, 5), "d" * 64)
