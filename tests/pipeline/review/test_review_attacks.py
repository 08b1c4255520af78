"""Attempts to make the record of reviews lie: each is refused, or shown with what is wrong."""

import json
import shutil
import sqlite3

import pytest
from fakes.report.page_parser import PageParser
from fakes.reviews import PIPELINE, copy_of, make_report, put_report
from tfx.types import standard_artifacts

from components.artifacts.record.decisions import rejected_models
from components.artifacts.record.withdrawals import hold_on
from components.artifacts.report_files import DECISION, PAGE, REPORT, digest
from components.artifacts.types import ReviewDecision, SliceReport
from components.review.strategy import ApprovedReport
from components.versioned_pusher.driver import find_hold
from components.versioned_pusher.executor import check_reviewed
from pipeline.errors import MainlineError
from pipeline.review.__main__ import main

WHO = ("--by", "Mallory", "--note", "trust me")
ALTERED = "ML Metadata's record of the decision was altered and does not count."


@pytest.fixture
def runs(world):
    """Run ``good`` with an approved report, run ``bad`` with a rejected one, and run ``new`` without a decision."""
    for model_id, run in enumerate(("good", "bad", "new"), start=11):
        world.report(run, model_id=model_id, model=run)
    by_run = reports(world)
    world.decide(by_run["good"], "approved")
    world.decide(by_run["bad"], "rejected", by="Grace", note="leaks ids")
    return world


def reports(world):
    from components.artifacts.record.reports import reports as of_pipeline

    return {report.run: report for report in of_pipeline(world.store(), PIPELINE)}


def page_text(world, run) -> str:
    return PageParser((copy_of(world, run) / PAGE).read_text(encoding="utf-8")).text


def draw(world, run, capsys) -> tuple[str, str]:
    """Draw the page of a run again; its text, and what is on standard error."""
    assert main(["draw", str(copy_of(world, run))]) == 0
    return page_text(world, run), capsys.readouterr().err


def edit(world, statement, *values) -> None:
    """Change rows of ML Metadata behind its back."""
    with sqlite3.connect(world.runs / PIPELINE / "metadata.db") as database:
        assert database.execute(statement, values).rowcount > 0


def set_property(world, artifact_id, name, value) -> None:
    column = "int_value" if isinstance(value, int) else "string_value"
    statement = f"UPDATE ArtifactProperty SET {column} = ? WHERE artifact_id = ? AND name = ?"
    edit(world, statement, value, artifact_id, name)


def decision_id(world, run) -> int:
    """The artifact id of the decision on a run."""
    found = {made.custom_properties["run"].string_value: made.id for made in decisions(world)}
    return found[run]


def decisions(world):
    return world.store().get_artifacts_by_type("ReviewDecision")


def resolve(world, run) -> list[int]:
    """The decision on a run that Pusher gets; an error if it refuses the record."""
    made = []
    for found in decisions(world):
        made.append(ReviewDecision())
        made[-1].id = found.id
    report = SliceReport()
    record = reports(world)[run]
    report.id = record.id
    report.set_string_custom_property("report_digest", record.digest)
    found = ApprovedReport().resolve_artifacts(world.store(), {"report": [report], "decision": made})
    model = standard_artifacts.Model()
    model.id = record.model_id
    blessing = standard_artifacts.ModelBlessing()
    blessing.set_string_custom_property("model_digest", record.model_digest)
    find_hold(world.store(), PIPELINE, {"model": [model], "model_blessing": [blessing], "report": [report]})
    return [decision.id for decision in found["decision"]]


def listed(review) -> dict[str, dict]:
    code, out, _ = review("list", "--json")
    assert code == 0
    return {report["run"]: report for report in json.loads(out)}


def check_refused(world, review, run, words) -> None:
    """The record of a run is neither approved, nor pushed, nor shown as anything but altered."""
    found = listed(review)[run]
    assert (found["state"], found["decision"]) == ("altered", None)
    assert ALTERED in found["status"]
    assert words in found["status"]
    with pytest.raises(MainlineError, match="was altered; nothing was pushed") as caught:
        resolve(world, run)
    assert words in caught.value.received
    code, _, err = review("reject", run, *WHO)
    assert code == 1
    assert words in err


def test_nothing_is_altered_without_an_attack(runs, review, capsys):
    found = listed(review)
    assert {run: item["state"] for run, item in found.items()} == {
        "good": "approved", "bad": "rejected", "new": "awaiting review",
    }  # fmt: skip
    assert {run: len(resolve(runs, run)) for run in found} == {"good": 1, "bad": 1, "new": 0}
    drawn, said = draw(runs, "good", capsys)
    assert "✓ Approved by Ada on 2026-03-01 12:30 UTC, for the code at commit c0ffee: “looks right”." in drawn
    assert said == ""


# An edited page.


def test_a_page_whose_status_was_edited_is_not_approved(runs, review):
    review("show", "new")
    draw_page = copy_of(runs, "new") / PAGE
    assert main(["draw", str(copy_of(runs, "new"))]) == 0
    text = draw_page.read_text(encoding="utf-8")
    assert "Awaiting review." in text
    draw_page.write_text(text.replace("Awaiting review.", "Approved by Ada: go ahead."), encoding="utf-8")
    code, _, err = review("approve", "new", *WHO)
    assert code == 1
    assert "the page is missing, was edited, or has a status that has changed" in err
    assert listed(review)["new"]["state"] == "awaiting review"


def test_a_page_drawn_before_the_record_changed_is_not_approved(runs, review):
    assert main(["draw", str(copy_of(runs, "new"))]) == 0
    runs.push("new", "new", 100)
    code, _, err = review("approve", "new", *WHO)
    assert (code, "has a status that has changed" in err) == (1, True)
    assert main(["draw", str(copy_of(runs, "new"))]) == 0
    assert review("approve", "new", *WHO)[0] == 0


# Edited facts.


@pytest.mark.parametrize("run", ["good", "new"])
def test_edited_facts_are_neither_approved_nor_shown_as_approved(runs, review, capsys, run):
    folder = copy_of(runs, run)
    content = (folder / REPORT).read_bytes()
    (folder / REPORT).write_bytes(content.replace(b'"value":0.9', b'"value":0.99'))
    drawn, _ = draw(runs, run, capsys)
    assert "✗ The facts on this page, or their record, were edited: ML Metadata has the report" in drawn
    assert "Approved by" not in drawn
    if run == "new":
        code, _, err = review("approve", run, *WHO)
        assert (code, f"{folder / REPORT}: not the report of the run" in err) == (1, True)
        assert listed(review)["new"]["state"] == "awaiting review"


# An edited decision.


@pytest.mark.parametrize("run", ["bad", "new"])
def test_an_edited_export_of_a_decision_is_never_drawn(runs, review, capsys, run):
    path = copy_of(runs, run) / DECISION
    report = (copy_of(runs, run) / REPORT).read_bytes()
    forged = {
        "decision": "approved", "by": "Ada", "note": "fine", "report_digest": digest(report),
        "decided_at": "2026-03-01T12:30:00+00:00", "run": run, "model_digest": "", "commit": "",
    }  # fmt: skip
    path.write_text(json.dumps(forged), encoding="utf-8")
    drawn, said = draw(runs, run, capsys)
    assert "Approved by" not in drawn
    if run == "bad":
        assert "✗ Rejected by Grace" in drawn
        assert f"{path} differed from ML Metadata and was written again." in said
        assert json.loads(path.read_bytes())["decision"] == "rejected"
    else:
        assert "Awaiting review." in drawn
        assert "has a decision that ML Metadata does not have, and was renamed to decision.json.not-recorded" in said
        assert not path.exists()
    assert draw(runs, run, capsys)[1] == ""


def test_without_a_record_an_export_is_not_believed(runs, capsys, tmp_path):
    assert main(["draw", str(copy_of(runs, "good"))]) == 0
    mailed = shutil.copytree(copy_of(runs, "good"), tmp_path / "mailed")
    assert main(["draw", str(mailed)]) == 0
    text = PageParser((mailed / PAGE).read_text(encoding="utf-8")).text
    assert "Drawn without ML Metadata" in text
    assert "Approved by" not in text
    assert (mailed / DECISION).is_file()


def test_a_record_that_cannot_be_read_is_named_on_the_page(runs, capsys):
    (runs.runs / PIPELINE / "metadata.db").write_bytes(b"no database" * 100)
    drawn, said = draw(runs, "good", capsys)
    assert "Drawn without ML Metadata" in drawn
    assert "ML Metadata of census: cannot be opened." in drawn
    assert "file is not a database" in said


# An edited row of ML Metadata.


@pytest.mark.parametrize("name", ["decision", "by", "note", "decided_at", "model_digest", "commit"])
def test_an_edited_property_of_a_decision_is_noticed(runs, review, name):
    set_property(runs, decision_id(runs, "bad"), name, "approved")
    check_refused(runs, review, "bad", "was edited after the review")


def test_a_removed_decision_is_noticed(runs, review):
    edit(runs, "DELETE FROM Artifact WHERE id = ?", decision_id(runs, "bad"))
    check_refused(runs, review, "bad", "a review of it is recorded, but its decision was removed")


def test_a_decision_that_lost_its_seal_is_noticed(runs, review):
    edit(runs, "DELETE FROM ExecutionProperty WHERE name = 'seal'")
    set_property(runs, decision_id(runs, "bad"), "decision", "approved")
    check_refused(runs, review, "bad", "has lost its seal")


def test_a_rejection_that_was_removed_holds_the_model_back_in_spite_of_an_earlier_approval(runs):
    again = runs.report("again", model_id=11, model="good", baseline_run="other")
    runs.decide(again, "rejected")
    edit(runs, "DELETE FROM Artifact WHERE id = ?", decision_id(runs, "again"))
    assert hold_on(runs.store(), PIPELINE, 11, again.model_digest).why == "altered"


def test_a_model_whose_rejection_was_edited_is_no_baseline(runs):
    set_property(runs, decision_id(runs, "bad"), "decision", "approved")
    assert rejected_models(runs.store()) == {12}


def test_a_report_that_is_made_blessed_by_an_edit_is_not_approved(world, review):
    report = world.report("r1", blessed=False)
    set_property(world, report.id, "blessed", 1)
    code, _, err = review("approve", "r1", *WHO)
    assert code == 1
    assert "the record of the report contradicts the report: it was edited" in err
    assert "expected: blessed False" in err


def test_an_approved_report_on_a_model_that_was_not_blessed_is_not_pushed(world):
    report = world.report("r1", blessed=False, model="weights")
    with pytest.raises(MainlineError, match="on a model that was not blessed; nothing was pushed"):
        check_reviewed(report.uri, report.digest, str(world.model("weights")))


def test_an_approval_moved_to_another_run_is_noticed_on_both(runs, review):
    new = reports(runs)["new"]
    moved = decision_id(runs, "good")
    for name, value in (("report_digest", new.digest), ("run", "new"), ("report_id", new.id), ("model_id", 13)):
        set_property(runs, moved, name, value)
    edit(runs, "UPDATE Artifact SET name = ? WHERE id = ?", f"review/{new.digest}", moved)
    check_refused(runs, review, "new", "was edited after the review")
    check_refused(runs, review, "good", "its review read the report of run good")


def test_a_copy_of_an_approval_without_a_review_is_noticed(runs, review):
    new, store = reports(runs)["new"], runs.store()
    (copied,) = store.get_artifacts_by_id([decision_id(runs, "good")])
    copied.ClearField("id")
    copied.name = f"review/{new.digest}"
    values = {"report_digest": new.digest, "run": "new"}
    for name, text in values.items():
        copied.custom_properties[name].string_value = text
    copied.custom_properties["report_id"].int_value = new.id
    store.put_artifacts([copied])
    check_refused(runs, review, "new", "the decision was written by no review")


# An approval replayed on the report of another run.


def test_an_approval_is_not_replayed_by_giving_another_report_its_digest(runs, review, capsys):
    good, new = reports(runs)["good"], reports(runs)["new"]
    set_property(runs, new.id, "report_digest", good.digest)
    check_refused(runs, review, "new", "the decision by Ada was made on the report of run good")
    drawn, _ = draw(runs, "new", capsys)
    assert "The facts on this page, or their record, were edited" in drawn
    assert listed(review)["good"]["state"] == "approved"
    assert "✓ Approved by Ada" in draw(runs, "good", capsys)[0]


def test_an_approved_report_copied_over_the_report_of_another_run_is_not_pushed(runs, review):
    good, new = reports(runs)["good"], reports(runs)["new"]
    shutil.copy(f"{good.uri}/{REPORT}", f"{new.uri}/{REPORT}")
    with pytest.raises(MainlineError, match="not the model of the approved report; nothing was pushed"):
        check_reviewed(new.uri, good.digest, str(runs.model("new")))
    code, _, err = review("show", "new")
    assert (code, "the report was changed after the run" in err) == (1, True)


def test_a_second_record_of_an_approved_report_does_not_inherit_the_approval(runs, review):
    good = reports(runs)["good"]
    put_report(runs.store(), PIPELINE, "later", good.uri, good.digest, True, 14)
    check_refused(runs, review, "later", "the decision by Ada was made on the report of run good")
    assert listed(review)["good"]["state"] == "approved"


def test_decisions_of_earlier_releases_count_and_are_said_to_be_without_a_seal(runs, review):
    edit(runs, "DELETE FROM ExecutionProperty WHERE name = 'seal'")
    for name in ("run", "model_digest", "commit"):
        edit(runs, "DELETE FROM ArtifactProperty WHERE name = ? AND artifact_id IN "
             "(SELECT id FROM Artifact WHERE name LIKE 'review/%')", name)  # fmt: skip
    found = listed(review)["good"]
    assert (found["state"], "without a seal" in found["status"]) == ("approved", True)
    assert resolve(runs, "good") != []


def test_the_report_of_a_run_that_failed_is_said_to_be_without_a_record(runs, capsys):
    runs.copy("failed", make_report("failed"))
    drawn, _ = draw(runs, "failed", capsys)
    assert "ML Metadata has no report of run failed, which ended before one was recorded." in drawn
    assert "Drawn without ML Metadata" not in drawn
