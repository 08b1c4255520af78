import pytest
from fakes.reviews import RunsRoot

from components.artifacts.record.decisions import DECISION_TYPE
from components.artifacts.types import ReviewDecision, SliceReport
from components.review.strategy import ApprovedReport


@pytest.fixture
def world(tmp_path):
    return RunsRoot(tmp_path / "runs")


def resolved(world, *reports) -> dict[str, list[int]]:
    given = {"report": [as_tfx(report) for report in reports], "decision": []}
    for found in world.store().get_artifacts_by_type(DECISION_TYPE):
        given["decision"].append(ReviewDecision())
        given["decision"][-1].id = found.id
    found = ApprovedReport().resolve_artifacts(world.store(), given)
    return {key: [artifact.id for artifact in artifacts] for key, artifacts in found.items()}


def as_tfx(report) -> SliceReport:
    made = SliceReport()
    made.id = report.id
    made.set_string_custom_property("report_digest", report.digest)
    made.set_string_custom_property("run", report.run)
    return made


def test_the_decision_on_the_report_is_given(world):
    first, second, third = (world.report(run) for run in ("a", "b", "c"))
    for report, decision in ((first, "approved"), (second, "rejected"), (third, "approved")):
        world.decide(report, decision)
    ids = [found.id for found in world.store().get_artifacts_by_type(DECISION_TYPE)]
    assert resolved(world, second) == {"report": [second.id], "decision": [ids[1]]}


def test_without_a_decision_the_report_is_given_alone(world):
    report = world.report("a")
    assert resolved(world, report) == {"report": [report.id], "decision": []}
    world.decide(world.report("b"), "approved")
    assert resolved(world, report) == {"report": [report.id], "decision": []}


def test_without_a_report_there_is_no_decision(world):
    world.decide(world.report("a"), "approved")
    assert resolved(world) == {"report": [], "decision": []}


def test_a_decision_whose_record_was_altered_is_none(world):
    report = world.report("a")
    world.decide(report, "rejected")
    store = world.store()
    (artifact,) = store.get_artifacts_by_type(DECISION_TYPE)
    artifact.custom_properties["decision"].string_value = "approved"
    store.put_artifacts([artifact])
    assert resolved(world, report) == {"report": [report.id], "decision": []}


def test_a_property_that_tfx_adds_to_a_decision_is_no_alteration(world):
    report = world.report("a")
    world.decide(report, "approved")
    store = world.store()
    (artifact,) = store.get_artifacts_by_type(DECISION_TYPE)
    artifact.custom_properties["tfx_version"].string_value = "1.16.0"
    store.put_artifacts([artifact])
    assert resolved(world, report)["decision"] == [artifact.id]
