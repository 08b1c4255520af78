"""The run that a reviewer names."""

import json

import pytest
from fakes.reviews import PIPELINE, copy_of, make_report

from pipeline.review.__main__ import main

WHO = ("--by", "Ada", "--note", "looks right")


def test_the_first_characters_of_a_run_are_enough_if_unambiguous(world, review):
    world.report("20260301T1")
    world.report("20260302T1")
    assert json.loads(review("show", "20260302", "--json")[1])["run"] == "20260302T1"
    code, _, err = review("show", "2026")
    assert code == 2
    assert "several runs match" in err
    assert "census/reports/20260301T1" in err


def test_a_full_run_id_is_not_taken_for_a_prefix(world, review):
    world.report("r1")
    world.report("r10")
    assert json.loads(review("show", "r1", "--json")[1])["run"] == "r1"


def test_runs_with_the_same_report_are_not_ambiguous(world, review):
    world.report("20260301T1")
    world.copy("20260301T2", make_report("20260301T1"))
    assert review("approve", "20260301", *WHO)[0] == 0


def test_runs_of_two_pipelines_with_the_same_id_are_distinguished_by_folder(world, review):
    world.report("r1")
    world.report("r1", pipeline="other")
    assert review("approve", "r1", *WHO)[0] == 2
    assert review("approve", str(copy_of(world, "r1", "other")), *WHO)[0] == 0
    found = {report["pipeline"]: report["state"] for report in json.loads(review("list", "--json")[1])}
    assert found == {PIPELINE: "awaiting review", "other": "approved"}


def test_a_folder_determines_the_root(world, capsys):
    world.report("r1")
    assert main(["show", str(copy_of(world, "r1")), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["run"] == "r1"


@pytest.mark.parametrize("run", ["r7", "", "../r1"])
def test_an_unknown_run_is_bad_input(world, review, run):
    world.report("r1")
    code, _, err = review("show", run)
    assert code == 2
    assert "no such run has a report" in err
    assert "r1" in err


def test_the_copy_of_a_run_that_failed_early_cannot_be_approved(world, review):
    world.report("r1")
    world.copy("r2", make_report("r2"))
    code, _, err = review("approve", "r2", *WHO)
    assert code == 1
    assert "not in ML Metadata" in err


def test_a_root_without_runs_is_bad_input(tmp_path, capsys):
    assert main(["list", "--root", str(tmp_path / "none")]) == 2
    assert main(["list", "--root", str(tmp_path / "none"), "--config", "census"]) == 2
    assert "has not run here" in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.db"))


def test_a_config_names_the_pipeline(world, review):
    world.report("r1")
    world.report("r2", pipeline="other")
    facts = json.loads(review("list", "--json", "--config", "census")[1])
    assert [report["run"] for report in facts] == ["r1"]


def test_a_missing_config_is_bad_input(world, review):
    world.report("r1")
    assert review("list", "--config", "nonsense")[0] == 2
