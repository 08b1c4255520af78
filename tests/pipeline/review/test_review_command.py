import errno
import json
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fakes.report.page_parser import PageParser
from fakes.reviews import PIPELINE, ROOT, copy_of, make_report, start_review
from ml_metadata.proto import metadata_store_pb2

import local_runner
from components.artifacts.decision import Decision
from pipeline.config.load import dump_config, load_config
from pipeline.run.summary import pages

WHO = ("--by", "Ada", "--note", "looks right")


def states(review) -> dict[str, str]:
    code, out, _ = review("list", "--json")
    assert code == 0
    return {report["run"]: report["state"] for report in json.loads(out)}


def test_help_is_there_in_less_than_a_second():
    taken_s = []
    while len(taken_s) < 3 and min(taken_s, default=1.0) >= 1.0:
        started_s = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "pipeline.review", "--help"], capture_output=True, text=True, cwd=ROOT
        )
        taken_s.append(time.monotonic() - started_s)
        assert (done.returncode, done.stderr) == (0, "")
        assert "exit codes:" in done.stdout
    assert min(taken_s) < 1.0


@pytest.mark.parametrize("content", [b"", b"{", b"\xff"])
def test_damaged_files_of_an_old_run_are_named_and_skipped(world, review, content):
    world.report("r1")
    world.report("r2")
    history = world.runs / PIPELINE / "history"
    (history / "r1" / "summary.json").write_bytes(content)
    (history / "r2" / "config.yaml").write_bytes(content)
    code, out, err = review("list")
    assert code == 0
    assert "r1" in out
    assert "r2" in out
    assert f"skipped: {history / 'r2' / 'config.yaml'}" in err
    (history / "r1" / "config.yaml").write_bytes(content)
    assert set(states(review)) == {"r1", "r2"}


def test_the_list_shows_what_awaits_review(world, review):
    world.report("r1")
    world.decide(world.report("r2"), "rejected", by="Grace", note="worse on small slices")
    code, out, _ = review("list")
    rows = out.splitlines()
    assert code == 0
    assert rows[1].split()[:3] == [PIPELINE, "r2", "rejected"]
    assert "Grace, 2026-03-01T12:30:00+00:00: worse on small slices" in rows[1]
    assert rows[2].split()[:4] == [PIPELINE, "r1", "awaiting", "review"]


def test_a_pipeline_without_reports_has_an_empty_list(world, review):
    world.copy("r1", make_report("r1"))
    world.store()
    assert review("list")[:2] == (0, "There are no reports.\n")
    assert review("list", "--json")[:2] == (0, "[]\n")


def test_the_list_holds_every_pipeline_below_the_root(world, review):
    world.report("r1")
    world.report("r2", pipeline="other")
    assert states(review) == {"r1": "awaiting review", "r2": "awaiting review"}


def test_one_report_is_shown_with_its_bounds_and_its_page(world, review):
    report = world.report("r1")
    code, out, _ = review("show", "r1")
    assert code == 0
    assert "Blessed: its one bound is kept, on 400 test rows" in out
    assert "0.8900 … 0.9100" in out
    assert report.digest in out
    assert str(copy_of(world, "r1") / "index.html") in out


def test_one_report_is_shown_as_json(world, review):
    report = world.report("r1", blessed=False, model_id=5)
    facts = json.loads(review("show", "r1", "--json")[1])
    assert (facts["state"], facts["blessed"], facts["model_id"]) == ("not blessed", False, 5)
    assert facts["report_digest"] == report.digest
    assert facts["verdict"]["checks"][0]["missed_by"] == 0.2
    assert facts["page"] == str(copy_of(world, "r1") / "index.html")


def test_an_approval_is_recorded_drawn_and_followed_by_the_next_command(world, review):
    report = world.report("r1")
    code, out, err = review("approve", "r1", *WHO, "--json")
    facts = json.loads(out)
    decision = Decision("approved", "Ada", "looks right", report.digest, facts["decided_at"], "r1", "", "c0ffee")
    folder = copy_of(world, "r1")
    config = world.runs / PIPELINE / "history" / "r1" / "config.yaml"
    assert (code, err) == (0, "")
    assert facts["recorded"] is True
    python, script, *options = shlex.split(facts["next"])
    assert (Path(python).resolve(), Path(script).resolve()) == (
        Path(sys.executable).resolve(),
        ROOT / "local_runner.py",
    )
    assert options == ["--config", str(config), "--root", str(world.runs)]
    assert facts["pages"] == [str(folder / "index.html")]
    assert "✓ Approved by Ada on 20" in PageParser((folder / "index.html").read_text(encoding="utf-8")).text
    assert Decision(**json.loads((folder / "decision.json").read_text(encoding="utf-8"))) == decision
    assert not list(folder.glob("*.partial"))
    assert states(review) == {"r1": "approved"}


def test_the_next_command_restores_the_config_of_the_run_under_any_overlay(world, review):
    world.report("r1")
    kept = world.runs / PIPELINE / "history" / "r1" / "config.yaml"
    was = load_config("census", ("training.epochs=7", "beam_pipeline_args=[--runner=DirectRunner]"), "flink")
    kept.write_text(dump_config(was))
    words = shlex.split(json.loads(review("approve", "r1", *WHO, "--json")[1])["next"])
    options = local_runner.parse(words[2:])
    assert load_config(options.config, tuple(options.set), options.env) == was


def test_a_rejection_is_printed(world, review):
    world.report("r1")
    code, out, _ = review("reject", "r1", "--by", "Ada", "--note", "leaks ids")
    assert code == 0
    assert out.startswith("rejected by Ada at 20")
    assert ": leaks ids\npage  " in out
    assert states(review) == {"r1": "rejected"}


def test_repeating_a_decision_succeeds_and_draws_the_page_again(world, review):
    world.report("r1")
    review("approve", "r1", *WHO)
    page = copy_of(world, "r1") / "index.html"
    drawn = without_moment(page)
    page.write_text("half a page", encoding="utf-8")
    code, out, _ = review("approve", "r1", "--by", "Grace", "--note", "me too")
    assert code == 0
    assert out.startswith("already approved by Ada at 20")
    assert without_moment(page) == drawn
    assert len(world.reviews()) == 1


def without_moment(page: Path) -> str:
    """The page without the minute in which it was drawn."""
    text, count = re.subn(r"had it at [^.]*\.", "had it then.", page.read_text(encoding="utf-8"))
    assert count == 1
    return text


def test_the_other_decision_is_refused(world, review):
    world.report("r1")
    review("approve", "r1", *WHO)
    page = (copy_of(world, "r1") / "index.html").read_bytes()
    code, out, err = review("reject", "r1", "--by", "Grace", "--note", "no")
    assert (code, out) == (1, "")
    assert "already approved" in err
    assert "Ada" in err
    assert (copy_of(world, "r1") / "index.html").read_bytes() == page


def test_a_decision_is_on_every_copy_of_the_report(world, review):
    world.report("r1")
    world.copy("r2", make_report("r1"))
    world.copy("r3", make_report("r3"))
    code, _, _ = review("approve", "r2", *WHO)
    assert code == 0
    assert [copy_of(world, run).joinpath("decision.json").is_file() for run in ("r1", "r2", "r3")] == [
        True,
        True,
        False,
    ]
    assert states(review) == {"r1": "approved"}


@pytest.mark.parametrize("file", ["index.html", "report.json"])
@pytest.mark.parametrize("run", ["r1", "r2"])
def test_an_edited_copy_is_not_approved(world, review, file, run):
    world.report("r1")
    world.copy("r2", make_report("r1"))
    path = copy_of(world, run) / file
    path.write_bytes(path.read_bytes().replace(b"r1", b"r9"))
    code, _, err = review("approve", run, *WHO)
    assert code == 1
    assert str(copy_of(world, run)) in err
    assert states(review) == {"r1": "awaiting review"}


def test_an_edited_page_in_another_copy_is_found(world, review):
    world.report("r1")
    world.copy("r2", make_report("r1"))
    copy_of(world, "r2").joinpath("index.html").write_text("fine, trust me", encoding="utf-8")
    code, _, err = review("approve", "r1", *WHO)
    assert code == 1
    assert "the page is missing, was edited, or has a status" in err
    assert "python -m pipeline.review draw" in err


def test_an_edited_page_does_not_prevent_a_rejection(world, review):
    world.report("r1")
    copy_of(world, "r1").joinpath("index.html").write_text("fine, trust me", encoding="utf-8")
    assert review("reject", "r1", *WHO)[0] == 0


def test_without_copies_the_artifact_alone_is_checked(world, review):
    world.report("r1")
    shutil.rmtree(world.runs / PIPELINE / "reports")
    code, out, _ = review("approve", "r1", *WHO, "--json")
    assert code == 0
    assert json.loads(out)["pages"] == []


def test_a_changed_report_is_neither_shown_nor_approved(world, review):
    report = world.report("r1")
    with open(f"{report.uri}/report.json", "ab") as file:
        file.write(b"\n")
    for arguments in (("show", "r1"), ("approve", "r1", *WHO)):
        code, _, err = review(*arguments)
        assert code == 1
        assert "the report was changed after the run" in err


def test_a_model_that_is_not_blessed_is_not_approved(world, review):
    world.report("r1", blessed=False)
    code, _, err = review("approve", "r1", *WHO)
    assert code == 2
    assert "not blessed" in err
    assert review("reject", "r1", *WHO)[0] == 0


@pytest.mark.parametrize("blank", [("--by", " ", "--note", "fine"), ("--by", "Ada", "--note", "")])
def test_a_blank_name_or_note_is_bad_input(world, review, blank):
    world.report("r1")
    code, _, err = review("approve", "r1", *blank)
    assert code == 2
    assert "blank" in err


def test_name_and_note_must_be_given(world, review):
    with pytest.raises(SystemExit) as caught:
        review("approve", "r1", "--by", "Ada")
    assert caught.value.code == 2


def test_an_unreadable_store_is_reported_on_one_line(world, review):
    world.report("r1")
    (world.runs / PIPELINE / "metadata.db").write_bytes(b"no database" * 100)
    code, _, err = review("list")
    assert code == 1
    assert err.startswith("ML Metadata of census: cannot be opened")
    assert "file is not a database" in err


def test_a_full_disk_is_reported_on_one_line_and_the_decision_is_recorded(world, review, monkeypatch):
    world.report("r1")

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "decision.json")

    monkeypatch.setattr(pages, "export_decision", refuse)
    code, _, err = review("approve", "r1", *WHO)
    assert (code, err) == (1, "decision.json: No space left on device\n")
    monkeypatch.undo()
    code, out, _ = review("approve", "r1", *WHO)
    assert (code, out.startswith("already approved by Ada")) == (0, True)


def test_two_commands_at_once_record_one_decision(world):
    world.report("r1")
    arguments = ("r1", "--by", "Ada", "--note", "now", "--root", str(world.runs))
    both = [start_review("approve", *arguments), start_review("reject", *arguments)]
    ended = [(process.communicate(timeout=60), process.returncode) for process in both]
    assert sorted(code for _, code in ended) == [0, 1]
    assert "a decision is final" in next(err for (_, err), code in ended if code == 1)
    (execution,) = world.reviews()
    assert execution.last_known_state == metadata_store_pb2.Execution.COMPLETE
