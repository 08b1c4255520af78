import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from fakes.reviews import NOW, PIPELINE, ROOT, RunsRoot, put_report
from ml_metadata.proto import metadata_store_pb2

from components.artifacts.decision import APPROVED, REJECTED, Decision
from components.artifacts.metadata_store import value
from components.artifacts.record.decisions import DECISION_TYPE, REPORT_TYPE, decision_records, rejected_models
from components.artifacts.record.facts import facts_on, pipeline_record
from components.artifacts.record.reports import reports
from components.artifacts.record.status import status_of
from components.artifacts.types import SliceReport
from pipeline.errors import InputError, MainlineError
from pipeline.review import ledger

Event, Artifact = metadata_store_pb2.Event, metadata_store_pb2.Artifact
# Waits for its turn, so that all decide at once, and says how it went.
DECIDING = """\
import sys
sys.path.insert(0, 'tests')
from pathlib import Path
from fakes.reviews import RunsRoot
from components.artifacts.record.reports import reports
from pipeline.errors import MainlineError

world, decision, by = RunsRoot(Path(sys.argv[1])), sys.argv[2], sys.argv[3]
(report,) = reports(world.store(), 'census')
print('ready', flush=True)
sys.stdin.readline()
try:
    recorded = world.decide(report, decision, by)
    print('recorded' if recorded.new else 'repeated', recorded.decision.decision)
except MainlineError as error:
    print('refused', error.expected.split()[0])
"""


@pytest.fixture
def world(tmp_path):
    return RunsRoot(tmp_path / "runs")


def states(world) -> dict[str, str]:
    record = pipeline_record(world.store(), PIPELINE, world.runs / PIPELINE)
    return {report.run: status_of(facts_on(record, report)).review for report in record.reports}


def test_the_names_of_the_types_are_those_of_the_artifacts():
    from components.artifacts.types import ReviewDecision

    assert (REPORT_TYPE, DECISION_TYPE) == (SliceReport.TYPE_NAME, ReviewDecision.TYPE_NAME)


def test_an_empty_store_has_no_reports_and_no_rejected_models(world):
    assert reports(world.store(), PIPELINE) == []
    assert decision_records(world.store()) == []
    assert rejected_models(world.store()) == set()


def test_reports_are_listed_newest_first_each_with_its_state(world):
    for run in ("a", "b", "c"):
        world.report(run)
    world.report("d", blessed=False)
    by_run = {report.run: report for report in reports(world.store(), PIPELINE)}
    world.decide(by_run["a"], APPROVED)
    world.decide(by_run["b"], REJECTED)
    assert list(states(world).items()) == [
        ("d", "not blessed"), ("c", "awaiting review"), ("b", "rejected"), ("a", "approved"),
    ]  # fmt: skip


def test_reports_of_other_pipelines_and_incomplete_ones_are_not_listed(world):
    store = world.store()
    put_report(store, "other", "x", "/x", "0" * 64, True, 1)
    (unfinished,) = put_report(store, PIPELINE, "y", "/y", "1" * 64, True, 1)
    (artifact,) = store.get_artifacts_by_id([unfinished])
    artifact.state = Artifact.PENDING
    store.put_artifacts([artifact])
    assert states(world) == {}


def test_a_decision_is_one_execution_that_read_the_report(world):
    report = world.report("a", model_id=41)
    recorded = world.decide(report, APPROVED, by="  Ada Lovelace ", note="checked the slices")
    (execution,) = world.reviews()
    store = world.store()
    events = {event.type: event for event in store.get_events_by_execution_ids([execution.id])}
    (decision,) = store.get_artifacts_by_id([events[Event.OUTPUT].artifact_id])
    properties = {name: value(decision, name) for name in decision.custom_properties}
    assert events[Event.INPUT].artifact_id == report.id
    assert events[Event.INPUT].path.steps[0].key == "report"
    assert execution.last_known_state == metadata_store_pb2.Execution.COMPLETE
    assert (decision.type, decision.state) == ("ReviewDecision", Artifact.LIVE)
    assert [context.name for context in store.get_contexts_by_execution(execution.id)] == [PIPELINE]
    assert properties == {
        "decision": "approved", "by": "Ada Lovelace", "note": "checked the slices", "report_digest": report.digest,
        "decided_at": "2026-03-01T12:30:00+00:00", "model_id": 41, "report_id": report.id, "run": "a",
        "model_digest": "", "commit": "c0ffee",
    }  # fmt: skip
    assert recorded.new
    assert recorded.decision == reports(store, PIPELINE)[0].decision


def test_the_time_is_in_utc(world):
    at = datetime(2026, 3, 1, 1, 30, tzinfo=timezone(timedelta(hours=5)))
    made = ledger.decide(world.store(), world.report("a"), APPROVED, "Ada", "fine", at)
    assert made.decision.decided_at == "2026-02-28T20:30:00+00:00"


def test_what_tfx_resolves_for_a_channel_of_decisions_are_the_decisions_of_the_pipeline(world):
    from google.protobuf import text_format
    from tfx.orchestration import metadata
    from tfx.orchestration.portable.input_resolution import channel_resolver
    from tfx.proto.orchestration import pipeline_pb2

    query = """context_queries { type { name: "pipeline" } name { field_value { string_value: "%s" } } }
        artifact_query { type { name: "ReviewDecision" } }"""
    connection = metadata.sqlite_metadata_connection_config(str(world.runs / PIPELINE / "metadata.db"))
    world.decide(world.report("a"), APPROVED)
    world.decide(world.report("b"), REJECTED)
    found = {}
    with metadata.Metadata(connection) as handle:
        for name in (PIPELINE, "other"):
            channel = text_format.Parse(query % name, pipeline_pb2.InputSpec.Channel())
            artifacts = channel_resolver.resolve_single_channel(handle, channel)
            found[name] = sorted(artifact.get_string_custom_property("decision") for artifact in artifacts)
    assert found == {PIPELINE: ["approved", "rejected"], "other": []}


@pytest.mark.parametrize("decision", [APPROVED, REJECTED])
def test_the_same_decision_again_says_who_made_it_and_records_nothing(world, decision):
    report = world.report("a")
    first = world.decide(report, decision)
    again = world.decide(report, decision, by="Grace", note="me too")
    assert not again.new
    assert again.decision == first.decision
    assert len(world.reviews()) == 1


@pytest.mark.parametrize(("first", "second"), [(APPROVED, REJECTED), (REJECTED, APPROVED)])
def test_the_other_decision_is_refused(world, first, second):
    report = world.report("a")
    world.decide(report, first, by="Ada", note="slices are fine")
    with pytest.raises(MainlineError, match=f"already {first}, and a decision is final") as caught:
        world.decide(report, second, by="Grace")
    assert caught.value.expected == f"{first} by Ada at 2026-03-01T12:30:00+00:00: slices are fine"
    assert states(world) == {"a": first}
    assert len(world.reviews()) == 1


def test_a_deleted_decision_does_not_count_and_is_not_repeated(world):
    report = world.report("a")
    world.decide(report, REJECTED)
    store = world.store()
    (artifact,) = store.get_artifacts_by_type("ReviewDecision")
    artifact.state = Artifact.ABANDONED
    store.put_artifacts([artifact])
    assert states(world) == {"a": "altered"}
    # Whoever removes a rejection does not bring the model back as a baseline or a start of training.
    assert rejected_models(store) == {7}
    with pytest.raises(MainlineError, match="was altered; nothing was recorded") as caught:
        world.decide(report, APPROVED)
    assert caught.value.received == "the decision is marked as ABANDONED"


def test_a_changed_report_cannot_be_decided_on(world):
    report = world.report("a")
    Path(report.uri, "report.json").write_text("{}", encoding="utf-8")
    for decision in (APPROVED, REJECTED):
        with pytest.raises(MainlineError, match="the report was changed after the run") as caught:
            world.decide(report, decision)
    assert caught.value.expected == report.digest
    assert caught.value.received not in ("", report.digest)
    assert world.store().get_artifacts_by_type("ReviewDecision") == []


def test_a_missing_report_cannot_be_decided_on(world):
    report = world.report("a")
    Path(report.uri, "report.json").unlink()
    with pytest.raises(MainlineError, match="cannot be read"):
        world.decide(report, APPROVED)


def test_a_model_that_is_not_blessed_can_be_rejected_but_not_approved(world):
    report = world.report("a", blessed=False, model_id=9)
    with pytest.raises(InputError, match="not blessed"):
        world.decide(report, APPROVED)
    assert world.decide(report, REJECTED).new
    assert rejected_models(world.store()) == {9}


def test_only_rejections_reject_models(world):
    world.decide(world.report("a", model_id=3), APPROVED)
    world.decide(world.report("b", model_id=4), REJECTED)
    assert rejected_models(world.store()) == {4}


def test_a_store_that_does_not_know_the_pipeline_records_nothing(world):
    report = replace(world.report("a"), pipeline="other")
    made = Decision(APPROVED, "Ada", "fine", report.digest, NOW.isoformat(), "a")
    with pytest.raises(MainlineError, match="no such pipeline"):
        ledger.record(world.store(), report, made)
    assert world.store().get_artifacts_by_type("ReviewDecision") == []


@pytest.mark.parametrize(
    ("by", "note", "problem"),
    [
        ("", "fine", "name: blank"),
        (" \t", "fine", "name: blank"),
        ("\u200b\u2060", "fine", "name: blank"),
        ("Ada", "", "note: blank"),
        ("Ada", "   ", "note: blank"),
        ("A" * 101, "fine", "name: too long"),
        ("Ada", "n" * 2001, "note: too long"),
        ("Ada\x1b[31m", "fine", "name: characters that are not text"),
        ("Ada", "fine\nalso rejected by Bob", "note: characters that are not text"),
        ("Ada", "fine\u2028more", "note: characters that are not text"),
        ("Ada\u202eevE", "fine", "name: characters that are not text"),
        ("Ada\udcff", "fine", "name: characters that are not text"),
    ],
)
def test_an_unusable_name_or_note_is_refused(world, by, note, problem):
    report = world.report("a")
    with pytest.raises(InputError) as caught:
        world.decide(report, APPROVED, by, note)
    assert str(caught.value).startswith(problem)
    assert world.store().get_artifacts_by_type("ReviewDecision") == []


def test_names_and_notes_in_any_script_are_kept_up_to_the_limit(world):
    made = world.decide(world.report("a"), APPROVED, by="José 李" + "n" * 94, note="n" * 2000)
    assert [found.decision for found in decision_records(world.store())] == [made.decision]


@pytest.mark.parametrize("ways", [(APPROVED, REJECTED, APPROVED, REJECTED), (APPROVED, APPROVED, APPROVED, APPROVED)])
def test_of_simultaneous_reviewers_one_is_recorded_and_the_others_get_an_error(world, ways):
    world.report("a")
    command = [sys.executable, "-c", DECIDING, str(world.runs)]
    deciding = [
        subprocess.Popen([*command, way, f"reviewer {at}"], cwd=ROOT, text=True, stdin=-1, stdout=-1)
        for at, way in enumerate(ways)
    ]
    assert [process.stdout.readline() for process in deciding] == ["ready\n"] * len(ways)
    for process in deciding:
        process.stdin.write("\n")
        process.stdin.flush()
    said = [process.communicate(timeout=60)[0].split() for process in deciding]
    (decision,) = [found.decision for found in decision_records(world.store())]
    winner = next(at for at, words in enumerate(said) if words[0] == "recorded")
    others = [
        ["repeated" if way == ways[winner] else "refused", ways[winner]] for at, way in enumerate(ways) if at != winner
    ]
    assert said[winner] == ["recorded", ways[winner]]
    assert [words for at, words in enumerate(said) if at != winner] == others
    assert decision.by == f"reviewer {winner}"
    assert len(world.reviews()) == 1
