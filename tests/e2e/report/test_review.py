"""Review: a blessed model is served only once its report is approved."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import harness
import pytest

from components.artifacts.report_files import DECISION, PAGE, REPORT, digest
from components.slice_report.facts.encoding import from_json

pytestmark = pytest.mark.slow

REQUIRED = "release.review=required"
WHO = ("--by", "Ada", "--note", "Slices look sound")


def review(root: Path, *arguments: str, **options) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipeline.review", *arguments, "--root", str(root)]
    return subprocess.run(command, capture_output=True, text=True, cwd=harness.ROOT, timeout=120, **options)


@pytest.fixture(scope="module")
def awaiting(finished, tmp_path_factory) -> tuple[Path, harness.Outcome]:
    """A root with a blessed model that awaits review, and another one that is served."""
    root = shutil.copytree(finished.root, tmp_path_factory.mktemp("awaiting") / "runs")
    outcome = harness.run_here(finished.rows, root, REQUIRED, "training.learning_rate=3e-3")
    harness.keep_copy(root)
    return root, outcome


@pytest.fixture
def waiting(finished, awaiting) -> tuple[Path, Path, harness.Outcome]:
    """That root as its run left it, whatever other tests did in it."""
    root, outcome = awaiting
    harness.put_back(root)
    return finished.rows, root, outcome


def run_again(waiting) -> harness.Outcome:
    rows, root, _ = waiting
    return harness.run_here(rows, root, REQUIRED, "training.learning_rate=3e-3")


def test_a_blessed_model_waits_is_approved_and_then_pushed(finished, waiting):
    _, root, outcome = waiting
    assert (outcome.code, outcome.facts["status"]) == (5, "awaiting review")
    assert harness.versions(root) == harness.versions(finished.root)
    assert "pipeline.review approve" in outcome.facts["next_command"]
    assert run_again(waiting).facts["status"] == "awaiting review"

    listed = json.loads(review(root, "list", "--json").stdout)
    assert {entry["run"]: entry["state"] for entry in listed}[outcome.facts["run"]] == "awaiting review"
    done = review(root, "approve", outcome.facts["run"], *WHO)
    assert (done.returncode, done.stderr) == (0, "")
    folder = Path(outcome.facts["report"]).parent
    decision = json.loads((folder / DECISION).read_text(encoding="utf-8"))
    content = (folder / REPORT).read_bytes()
    assert (decision["by"], decision["report_digest"]) == ("Ada", digest(content))
    assert "Slices look sound" in (folder / PAGE).read_text(encoding="utf-8")

    pushed = run_again(waiting)
    assert (pushed.code, pushed.facts["status"]) == (0, "pushed")
    assert [node for node, state in pushed.states().items() if state == "done"] == ["Baseline", "Approval", "Pusher"]
    latest = root / "census" / "serving" / harness.versions(root)[-1] / "READY.json"
    report = from_json(content, "report.json")
    assert json.loads(latest.read_text())["model_digest"] == report.lineage.model_digest
    page = (Path(pushed.facts["report"]).parent / PAGE).read_text(encoding="utf-8")
    assert "✓ <strong>Approved by <bdi>Ada</bdi> on 20" in page
    assert f"Served as version {harness.versions(root)[-1]}." in page
    assert f"Compared with run <bdi>{finished.outcome.facts['run']}</bdi>, which was served as version" in page
    assert run_again(waiting).facts["status"] == "up to date"


def test_a_rejected_model_is_neither_pushed_nor_a_baseline(finished, waiting):
    rows, root, outcome = waiting
    done = review(root, "reject", str(Path(outcome.facts["report"]).parent), "--by", "Ada", "--note", "Too few rows")
    assert done.returncode == 0, done.stderr
    again = run_again(waiting)
    assert (again.code, again.facts["status"]) == (3, "rejected")
    assert harness.versions(root) == harness.versions(finished.root)
    refused = review(root, "approve", outcome.facts["run"], *WHO)
    assert refused.returncode == 1
    assert "already rejected" in refused.stderr
    following = harness.run_here(rows, root, REQUIRED, "training.learning_rate=4e-3")
    report = from_json((Path(following.facts["report"]).parent / REPORT).read_bytes(), "report.json")
    assert report.run.baseline_run == finished.outcome.facts["run"]


def test_a_report_that_was_changed_cannot_be_approved(waiting):
    _, root, outcome = waiting
    folder = Path(outcome.facts["report"]).parent
    page = folder / PAGE
    page.write_text(page.read_text(encoding="utf-8").replace("</h1>", " (nothing to see)</h1>"), encoding="utf-8")
    refused = review(root, "approve", outcome.facts["run"], *WHO)
    assert refused.returncode == 1
    assert "the page is missing, was edited, or has a status that has changed" in refused.stderr
    assert run_again(waiting).facts["status"] == "awaiting review"


def test_a_served_model_that_is_rejected_stays_the_bound_until_it_is_rolled_back(finished, tmp_path):
    rows, root = finished.rows, shutil.copytree(finished.root, tmp_path / "runs")
    first, second = finished.outcome.facts["run"], harness.run_here(rows, root, "training.learning_rate=3e-3").facts
    assert second["status"] == "pushed"
    assert review(root, "reject", second["run"], "--by", "Ada", "--note", "Too few rows").returncode == 0
    listed = {entry["run"]: entry for entry in json.loads(review(root, "list", "--json").stdout)}
    assert (listed[second["run"]]["state"], listed[second["run"]]["serving"]) == ("rejected", "served")
    third = harness.run_here(rows, root, REQUIRED, "training.learning_rate=4e-3").facts
    assert report_in(third).run.baseline_run == second["run"]
    page = (Path(third["report"]).parent / PAGE).read_text(encoding="utf-8")
    assert "That model has already been rejected, by <bdi>Ada</bdi>" in page
    assert "the bounds apply all the same, as it was what was served." in page

    done = review(root, "rollback", second["run"], "--by", "Ada", "--note", "Back to the first one")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(harness.versions(root)) == 2
    (served,) = [name for name in harness.versions(root) if not name.startswith(".")]
    assert json.loads((root / "census" / "serving" / served / "READY.json").read_text())["run"] == first
    again = harness.run_here(rows, root, "training.learning_rate=3e-3")
    assert (again.code, again.facts["status"]) == (3, "rejected")
    assert len([name for name in harness.versions(root) if not name.startswith(".")]) == 1


def report_in(facts):
    return from_json((Path(facts["report"]).parent / REPORT).read_bytes(), "report.json")
