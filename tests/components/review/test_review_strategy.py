import pytest
from fakes.reviews import PIPELINE, RunsRoot

from components.artifacts.types import ReviewDecision, SliceReport
from components.review.strategy import ApprovedReport


@pytest.fixture
def store(tmp_path):
    return RunsRoot(tmp_path / "runs").store(PIPELINE)


def made(kind, artifact_id, digest):
    artifact = kind()
    artifact.id = artifact_id
    artifact.set_string_custom_property("report_digest", digest)
    return artifact


def resolved(store, reports, decisions) -> dict[str, list[int]]:
    found = ApprovedReport().resolve_artifacts(store, {"report": reports, "decision": decisions})
    return {key: [artifact.id for artifact in artifacts] for key, artifacts in found.items()}


def test_the_decision_on_the_digest_of_the_report_is_given(store):
    decisions = [made(ReviewDecision, 2, "bb"), made(ReviewDecision, 3, "aa"), made(ReviewDecision, 4, "cc")]
    assert resolved(store, [made(SliceReport, 1, "aa")], decisions) == {"report": [1], "decision": [3]}


def test_without_a_decision_the_report_is_given_alone(store):
    report = made(SliceReport, 1, "aa")
    assert resolved(store, [report], []) == {"report": [1], "decision": []}
    assert resolved(store, [report], [made(ReviewDecision, 2, "bb")]) == {"report": [1], "decision": []}


def test_a_report_without_a_digest_matches_nothing(store):
    assert resolved(store, [made(SliceReport, 1, "")], [made(ReviewDecision, 2, "")])["decision"] == []


def test_without_a_report_there_is_no_decision(store):
    assert resolved(store, [], [made(ReviewDecision, 2, "aa")]) == {"report": [], "decision": []}


def test_the_earlier_of_two_decisions_holds(store):
    decisions = [made(ReviewDecision, 5, "aa"), made(ReviewDecision, 3, "aa")]
    assert resolved(store, [made(SliceReport, 1, "aa")], decisions)["decision"] == [3]
