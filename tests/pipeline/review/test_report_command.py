"""The command that draws reports: names, comparisons, what it refuses; a missing report is made again."""

import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
from fakes.reviews import ROOT, RunsRoot, make_report

from components.artifacts.report_files import PAGE, REPORT, digest
from components.slice_report.facts.encoding import from_json, to_json
from components.slice_report.page import render
from pipeline.review.__main__ import main


@pytest.fixture
def world(tmp_path):
    """Two runs of one pipeline."""
    made = RunsRoot(tmp_path / "runs")
    for run in ("r1", "r2"):
        made.copy(run, make_report(run))
    return made


@pytest.fixture
def draw(capsys):
    """Runs the command; gives exit code, standard output, standard error."""

    def run(*arguments) -> tuple[int, str, str]:
        code = main(["draw", *map(str, arguments)])
        return (code, *capsys.readouterr())

    return run


def reports(world, run):
    return world.runs / "census" / "reports" / run


@pytest.mark.parametrize(
    ("given", "run"), [("", "r2"), ("census", "r2"), ("census/history/r1", "r1"), ("census/reports/r1", "r1")]
)
def test_a_run_is_named_by_any_of_its_folders(world, draw, given, run):
    page = reports(world, run) / PAGE
    page.unlink()
    assert draw(world.runs / given) == (0, f"{page}\n", "")
    report = make_report(run)
    assert page.read_text(encoding="utf-8") == render(report, digest(to_json(report)))


def test_a_report_alone_is_enough(world, draw, tmp_path):
    folder = shutil.copytree(reports(world, "r1"), tmp_path / "mailed")
    assert draw(folder)[:2] == (0, f"{folder / PAGE}\n")


DAMAGED = [b"", b"{", b"null", b"[]", b"\xff\xfe", b'{"nodes": 3}', b'{"nodes": [{"node": "Trainer"}]}']


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_summary_of_a_run_is_named_and_does_not_stop_its_report(world, draw, content):
    summary = world.runs / "census" / "history" / "r1" / "summary.json"
    summary.write_bytes(content)
    code, out, err = draw(summary.parent)
    assert (code, out) == (0, f"{reports(world, 'r1') / PAGE}\n")
    assert (str(summary) in err) == (not content.startswith(b'{"'))


@pytest.mark.parametrize("content", [b"", b"name: [", b"- a", b"\xff"])
def test_a_damaged_config_of_the_latest_run_is_named_and_the_one_before_is_drawn(world, draw, content):
    config = world.runs / "census" / "history" / "r2" / "config.yaml"
    config.write_bytes(content)
    code, out, err = draw(world.runs)
    assert (code, out) == (0, f"{reports(world, 'r1') / PAGE}\n")
    assert f"skipped: {config}" in err
    code, _, err = draw(config.parent)
    assert (code, str(config) in err) == (2, True)


def test_two_runs_are_compared_on_a_separate_page(world, draw, tmp_path):
    before = (reports(world, "r1") / PAGE).read_bytes()
    code, out, _ = draw(reports(world, "r1"), "--against", reports(world, "r2"))
    page = reports(world, "r1") / "against-r2.html"
    assert (code, out) == (0, f"{page}\n")
    assert "Against run" in page.read_text(encoding="utf-8")
    assert (reports(world, "r1") / PAGE).read_bytes() == before
    draw(reports(world, "r1"), "--against", reports(world, "r2"), "--out", tmp_path / "diff.html")
    assert (tmp_path / "diff.html").read_bytes() == page.read_bytes()


def test_a_path_that_is_not_a_run_is_refused(world, draw, tmp_path):
    code, out, err = draw(tmp_path / "nowhere")
    assert (code, out) == (2, "")
    assert "no run found" in err
    code, _, err = draw(world.runs / "census" / "history" / "r9")
    assert (code, "r1, r2" in err) == (2, True)


def test_an_unreadable_report_is_refused_and_the_page_stays(world, draw):
    folder = reports(world, "r1")
    before = (folder / PAGE).read_bytes()
    (folder / REPORT).write_text('{"schema_version": 1}', encoding="utf-8")
    code, _, err = draw(folder)
    assert code == 2
    assert f"{folder / REPORT}: run: not a fact of a report" in err
    assert (folder / PAGE).read_bytes() == before


def test_a_missing_report_is_made_again_from_what_the_run_left(finished, draw, tmp_path):
    root = shutil.copytree(finished.root, tmp_path / "runs")
    folder = root / "census" / "reports" / finished.outcome.facts["run"]
    before = (folder / REPORT).read_bytes()
    shutil.rmtree(folder)
    assert draw(root) == (0, f"{folder / PAGE}\n", "")
    assert (folder / REPORT).read_bytes() == before


def test_a_report_keeps_values_that_are_not_finite():
    report = replace(make_report("r1"), calibration_error=float("nan"))
    assert "NaN" in to_json(report).decode()
    assert to_json(from_json(to_json(report), "report.json")) == to_json(report)


def test_help_is_there_in_less_than_a_second():
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "pipeline.review", "draw", "--help"],
        capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0
    assert "--against" in done.stdout
    assert "tensorflow" not in done.stderr


def test_an_unwritable_page_is_reported_on_one_line(world, draw, tmp_path):
    code, out, err = draw(reports(world, "r1"), "--out", tmp_path)
    assert (code, out, err) == (2, "", f"{tmp_path}: Is a directory\n")
