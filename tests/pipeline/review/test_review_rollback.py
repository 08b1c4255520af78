"""The rollback of a served version by the reviewer's command."""

import json
import os
import shlex
import shutil
import sqlite3
from datetime import datetime, timezone

import pytest
from fakes.report.page_parser import PageParser
from fakes.reviews import PIPELINE, copy_of

from components.artifacts.model_digest import content_digest
from components.artifacts.record.facts import pipeline_record
from components.artifacts.record.reports import reports
from components.artifacts.record.withdrawals import hold_on, withdrawals
from components.artifacts.served_versions import complete_versions, served, versions
from components.versioned_pusher import versions as pusher
from pipeline.errors import MainlineError
from pipeline.review import rollback
from pipeline.run.local.lease import acquire, holder, release
from pipeline.run.local.lock import run_lock

WHO = ("--by", "Ada", "--note", "worse at night")
NOW = datetime(2026, 3, 2, tzinfo=timezone.utc)


@pytest.fixture
def runs(world):
    """Three runs, each with another model that is pushed; the last one was rejected."""
    for at, run in enumerate(("r1", "r2", "r3"), start=1):
        report = world.report(run, model_id=10 + at, model=run)
        world.push(run, run, 100 * at)
    world.decide(report, "rejected", by="Grace", note="leaks ids")
    return world


def serving(world):
    return world.runs / PIPELINE / "serving"


def report_of(world, run):
    return next(report for report in reports(world.store(), PIPELINE) if report.run == run)


def test_the_list_offers_the_rollback_of_a_rejected_version(runs, review):
    code, out, _ = review("list")
    assert code == 0
    assert "rejected, still served as version 300" in out
    assert "A rollback would serve version 200 of run r2." in out
    command = f"python -m pipeline.review rollback r3 --root {runs.runs} --by NAME --note WHY"
    assert f"roll back {command}" in out
    facts = {item["run"]: item for item in json.loads(review("list", "--json")[1])}
    assert (facts["r3"]["serving"], facts["r3"]["next"]) == ("served", [command])
    assert f"roll back {command}" in review("show", "r3")[1]


def test_a_served_model_without_a_review_is_listed_as_such(world, review):
    world.report("r1", model="a")
    world.push("a", "r1", 100)
    code, out, _ = review("list")
    assert (code, "not reviewed, served as version 100" in out) == (0, True)
    assert "approve   python -m pipeline.review approve r1" in out
    (facts,) = json.loads(review("list", "--json")[1])
    assert (facts["state"], facts["serving"]) == ("not reviewed", "served")


def test_the_command_that_is_offered_takes_the_version_out_of_serving(runs, review):
    (command,) = {item["run"]: item for item in json.loads(review("list", "--json")[1])}["r3"]["next"]
    words = shlex.split(command)[3:]
    at = words.index("--root")
    asked = [*words[:at], *words[at + 2 :]]
    code, out, err = review(*asked)
    assert (code, err) == (0, "")
    assert out.startswith("version 300 taken out of serving; version 200 is served now")
    assert versions(serving(runs)) == [100, 200]
    assert served(serving(runs)).run == "r2"
    assert (serving(runs) / ".300.withdrawn" / "saved_model.pb").read_text(encoding="utf-8") == "r3"
    (made,) = withdrawals(runs.store(), PIPELINE)
    assert (made.version, made.serves, made.run, made.by, made.note) == (300, 200, "r3", "NAME", "WHY")
    status = {item["run"]: item for item in json.loads(review("list", "--json")[1])}
    assert (status["r3"]["serving"], status["r2"]["serving"]) == ("withdrawn", "served")
    text = PageParser((copy_of(runs, "r3") / "index.html").read_text(encoding="utf-8")).text
    assert "Version 300 was taken out of serving by NAME" in text
    text = PageParser((copy_of(runs, "r2") / "index.html").read_text(encoding="utf-8")).text
    assert "Not reviewed. Served as version 200." in text


def test_versions_in_between_that_were_turned_down_go_too_and_the_served_one_goes_last(runs, review, monkeypatch):
    runs.decide(report_of(runs, "r2"), "rejected")
    seen, rename = [], os.rename

    def watch(*paths):
        seen.append(served(serving(runs)).number)
        rename(*paths)

    monkeypatch.setattr(pusher.os, "rename", watch)
    assert review("rollback", "r3", *WHO)[0] == 0
    assert seen == [300, 300]
    assert [version.number for version in complete_versions(serving(runs))] == [100]
    assert [made.version for made in withdrawals(runs.store(), PIPELINE)] == [200, 300]


def test_a_version_that_nobody_rejected_can_be_rolled_back_and_is_then_held(world, review):
    for at, run in enumerate(("r1", "r2"), start=1):
        world.report(run, model_id=10 + at, model=run)
        world.push(run, run, 100 * at)
    assert hold_on(world.store(), PIPELINE, 12, report_of(world, "r2").model_digest) is None
    assert review("rollback", "r2", *WHO, "--json")[0] == 0
    hold = hold_on(world.store(), PIPELINE, 12, report_of(world, "r2").model_digest)
    assert (hold.why, hold.by, hold.note) == ("withdrawn", "Ada", "worse at night")
    world.decide(report_of(world, "r2"), "approved")
    assert hold_on(world.store(), PIPELINE, 12, report_of(world, "r2").model_digest) is None


def test_a_number_that_was_withdrawn_is_not_given_again(runs, review):
    assert review("rollback", "r3", *WHO)[0] == 0
    runs.report("r4", model_id=20, model="r4")
    made, _ = pusher.push(runs.model("r4"), serving(runs), now_s=50)
    assert made.number == 301


@pytest.mark.parametrize("run", ["r1", "r2"])
def test_a_model_that_is_not_served_is_not_rolled_back(runs, review, run):
    code, _, err = review("rollback", run, *WHO)
    assert code == 2
    assert "its model is not what is served, so there is nothing to roll back" in err
    assert "run r3, which is served as version 300" in err
    assert versions(serving(runs)) == [100, 200, 300]


def test_the_only_version_stays(world, review):
    world.report("r1", model="a")
    world.push("a", "r1", 100)
    code, _, err = review("rollback", "r1", *WHO)
    assert code == 1
    assert "there is no version to go back to; nothing was changed" in err
    assert "received: version 100 alone" in err
    assert versions(serving(world)) == [100]


def test_during_a_run_nothing_is_rolled_back(runs, review):
    with run_lock(runs.runs / PIPELINE, "r9"):
        code, _, err = review("rollback", "r3", *WHO)
    assert (code, "r9" in err) == (1, True)
    assert versions(serving(runs)) == [100, 200, 300]


def test_during_a_run_on_a_cluster_nothing_is_rolled_back(runs, review):
    acquire(runs.runs / PIPELINE, "r9", 3600.0)
    code, _, err = review("rollback", "r3", *WHO)
    assert code == 1
    assert "in use by r9" in err
    assert "received: r9, since 20" in err
    assert "Wait until it ends" in err
    assert versions(serving(runs)) == [100, 200, 300]
    assert withdrawals(runs.store(), PIPELINE) == []
    release(runs.runs / PIPELINE, "r9")
    assert review("rollback", "r3", *WHO)[0] == 0
    assert holder(runs.runs / PIPELINE) is None


def test_a_run_on_a_cluster_does_not_start_during_a_rollback(runs, review, monkeypatch):
    said, rename = [], os.rename

    def meet_a_run(*paths):
        with pytest.raises(MainlineError, match="in use by rollback of r3 on ") as caught:
            acquire(runs.runs / PIPELINE, "r9", 3600.0)
        said.append(caught.value.received)
        rename(*paths)

    monkeypatch.setattr(pusher.os, "rename", meet_a_run)
    assert review("rollback", "r3", *WHO)[0] == 0
    assert said[0].startswith("rollback of r3 on ")


DAMAGES = {
    "files": (lambda folder: (folder / "saved_model.pb").write_text("", encoding="utf-8"), "its files have the digest"),
    "more files": (lambda folder: (folder / "extra").touch(), "its files have the digest"),
    "no marker": (lambda folder: (folder / "READY.json").unlink(), "READY.json is missing"),
    "empty marker": (lambda folder: (folder / "READY.json").write_text("", encoding="utf-8"), "cannot be read"),
    "no files": (lambda folder: (folder / "saved_model.pb").unlink(), "its files have the digest"),
    "files and marker": (lambda folder: replace_model(folder), "ML Metadata's record of the push says"),
}


def replace_model(folder):
    """Put other files into a version, with a marker that fits them."""
    (folder / "saved_model.pb").write_text("forged", encoding="utf-8")
    marker = json.loads((folder / "READY.json").read_text(encoding="utf-8"))
    forged = {**marker, "model_digest": content_digest(folder), "run": "r1"}
    (folder / "READY.json").write_text(json.dumps(forged), encoding="utf-8")


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_served_version_is_rolled_back_and_its_damage_recorded(runs, review, kind):
    make, words = DAMAGES[kind]
    make(serving(runs) / "300")
    assert "damaged, version 300" in review("list")[1]
    facts = {item["run"]: item for item in json.loads(review("list", "--json")[1])}
    assert facts["r3"]["serving"] == "unknown"
    assert "version 300 is not what was pushed: " in str(facts["r3"]["status"])
    assert [command.split()[3] for command in facts["r3"]["next"]] == ["rollback"]
    code, out, err = review("rollback", "r3", *WHO)
    assert (code, err) == (0, "")
    assert "version 300 was damaged: " in out
    assert served(serving(runs)).number == 200
    (made,) = withdrawals(runs.store(), PIPELINE)
    assert words in made.damage
    assert (made.version, made.run, made.model_digest) == (300, "r3", report_of(runs, "r3").model_digest)
    assert hold_on(runs.store(), PIPELINE, 13, report_of(runs, "r3").model_digest).why == "withdrawn"
    assert "It was damaged: " in review("show", "r3")[1]


def test_the_recorded_damage_cannot_be_edited_away(runs, review):
    (serving(runs) / "300" / "READY.json").unlink()
    assert review("rollback", "r3", *WHO)[0] == 0
    with sqlite3.connect(runs.runs / PIPELINE / "metadata.db") as database:
        assert database.execute("DELETE FROM ArtifactProperty WHERE name = 'damage'").rowcount == 1
    assert hold_on(runs.store(), PIPELINE, 13, report_of(runs, "r3").model_digest).why == "altered"


def test_a_version_that_was_replaced_with_its_marker_is_no_target(runs, review):
    replace_model(serving(runs) / "200")
    assert review("rollback", "r3", *WHO)[0] == 0
    assert served(serving(runs)).number == 100


def test_a_version_that_no_run_pushed_is_named(runs, review):
    (serving(runs) / "999").mkdir()
    code, _, err = review("rollback", "r3", *WHO)
    assert code == 2
    assert f"{serving(runs) / '999'}: it hides all other versions" in err
    assert "Move this folder out of the served folder." in err
    assert withdrawals(runs.store(), PIPELINE) == []


def test_a_name_that_is_taken_is_refused_before_anything_is_recorded(runs, review):
    assert review("rollback", "r3", *WHO)[0] == 0
    shutil.copytree(serving(runs) / ".300.withdrawn", serving(runs) / "300")
    code, _, err = review("rollback", "r3", *WHO)
    assert code == 1
    assert ".300.withdrawn: the version was taken out of serving before" in err
    assert len(withdrawals(runs.store(), PIPELINE)) == 1


@pytest.mark.parametrize("blank", [("--by", " ", "--note", "fine"), ("--by", "Ada", "--note", "")])
def test_a_blank_name_or_note_is_refused(runs, review, blank):
    assert review("rollback", "r3", *blank)[0] == 2
    assert versions(serving(runs)) == [100, 200, 300]


def test_a_rollback_that_is_killed_holds_the_model_back_and_goes_on_when_it_is_repeated(runs, review, monkeypatch):
    root, report = runs.runs / PIPELINE, report_of(runs, "r3")

    def killed(*_):
        raise MainlineError("test", "killed")

    monkeypatch.setattr(pusher.os, "rename", killed)
    with pytest.raises(MainlineError, match="killed"):
        rollback.roll_back(runs.store(), report, root, "Ada", "worse", NOW)
    monkeypatch.undo()
    assert hold_on(runs.store(), PIPELINE, 13, report.model_digest).why == "withdrawn"
    assert review("rollback", "r3", *WHO)[0] == 0
    assert served(serving(runs)).number == 200
    assert review("rollback", "r3", *WHO)[0] == 2


def test_a_version_that_was_restored_by_hand_is_rolled_back_again(runs, review):
    for _ in range(2):
        assert review("rollback", "r3", *WHO)[0] == 0
        assert served(serving(runs)).number == 200
        os.rename(serving(runs) / ".300.withdrawn", serving(runs) / "300")
    assert len(withdrawals(runs.store(), PIPELINE)) == 2


@pytest.mark.parametrize("statement", [
    "UPDATE ArtifactProperty SET string_value = 'x' WHERE name = 'model_digest' AND artifact_id IN "
    "(SELECT a.id FROM Artifact a JOIN Type t ON a.type_id = t.id WHERE t.name = 'WithdrawnVersion')",
    "DELETE FROM Artifact WHERE type_id IN (SELECT id FROM Type WHERE name = 'WithdrawnVersion')",
])  # fmt: skip
def test_an_edit_does_not_lift_the_hold_of_a_rollback(runs, review, statement):
    assert review("rollback", "r3", *WHO)[0] == 0
    with sqlite3.connect(runs.runs / PIPELINE / "metadata.db") as database:
        assert database.execute(statement).rowcount > 0
    assert hold_on(runs.store(), PIPELINE, 13, report_of(runs, "r3").model_digest).why == "altered"
    assert "the rollback was edited" in review("show", "r3")[1]


def test_a_withdrawn_model_is_no_target_of_a_later_rollback(runs, review):
    assert review("rollback", "r3", *WHO)[0] == 0
    runs.report("r4", model_id=20, model="r4")
    runs.push("r4", "r4", 400)
    record = pipeline_record(runs.store(), PIPELINE, runs.runs / PIPELINE)
    assert record.rollback_target.number == 200


@pytest.mark.parametrize("damaged", ["saved_model.pb", "READY.json"])
def test_a_damaged_version_is_no_target(runs, review, damaged):
    (serving(runs) / "200" / damaged).write_text("", encoding="utf-8")
    assert "A rollback would serve version 100 of run r1." in review("list")[1]
    assert review("rollback", "r3", *WHO)[0] == 0
    assert served(serving(runs)).number == 100


def test_what_a_killed_push_left_is_no_obstacle(runs, review):
    left = serving(runs) / "400"
    left.mkdir()
    (left / pusher.UNFINISHED).touch()
    (left / "saved_model.pb").touch()
    assert served(serving(runs)) is None
    code, out, err = review("rollback", "r3", *WHO)
    assert (code, err) == (0, "")
    assert out.startswith("version 300 taken out of serving; version 200 is served now")
    assert not left.exists()
    assert served(serving(runs)).run == "r2"


@pytest.mark.parametrize("kind", ["no marker", "files"])
def test_a_killed_rollback_of_a_damaged_version_goes_on_after_a_push(runs, review, monkeypatch, kind):
    def killed(*_):
        raise MainlineError("test", "killed")

    make, words = DAMAGES[kind]
    make(serving(runs) / "300")
    with monkeypatch.context() as patch:
        patch.setattr(pusher.os, "rename", killed)
        assert review("rollback", "r3", *WHO)[0] == 1
    runs.report("r4", model_id=20, model="r4")
    runs.push("r4", "r4", 400)
    code, out, err = review("rollback", "r3", *WHO)
    assert (code, err) == (0, "")
    assert out.startswith("version 300 taken out of serving; version 400 is served now")
    assert versions(serving(runs)) == [100, 200, 400]
    assert words in withdrawals(runs.store(), PIPELINE)[-1].damage
