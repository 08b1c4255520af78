"""Runs after an edit to our code: what depends on it runs again, everything else is answered from the cache."""

from pathlib import Path

import harness
import pytest

from pipeline.cache import source_tree

AUC = "exact = roc(rows.ranking(metric.thresholds))"
CONSTANT_AUC = "exact = Linearized(0.75, roc(rows.ranking(metric.thresholds)).influence)"


@pytest.mark.slow
def test_an_edit_to_the_model_retrains_and_an_edit_to_preprocessing_transforms(finished, monkeypatch):
    edits = {"model": {"Trainer"}, "preprocessing": {"Transform"}}
    for edited, first in edits.items():
        path = harness.ROOT / "pipeline" / "workloads" / "census" / f"{edited}.py"
        monkeypatch.setattr(source_tree, "source_file", with_edited(path, finished.root / f"{edited}.py"))
        outcome = harness.run_here(finished.rows, finished.root, to_node="Trainer")
        monkeypatch.undo()
        ran = {node for node, state in outcome.states().items() if state == "done"}
        assert first <= ran <= {"Transform", "Trainer"}, edited


def with_edited(path: Path, copy: Path):
    """Finds modules as before, but for one, of which it finds a copy that does one thing more."""
    copy.write_text(path.read_text() + "\nEDITED = True\n")
    real = source_tree.source_file
    return lambda place: copy if (found := real(place)) == path else found


@pytest.mark.slow
def test_an_edit_to_a_metric_evaluates_again_and_trains_nothing(finished, tmp_path):
    project = harness.copy_code(tmp_path / "project")
    before = harness.run_project(project, finished.rows, finished.root)
    (metrics,) = (project / "components").rglob("metrics.py")
    assert AUC in metrics.read_text()
    metrics.write_text(metrics.read_text().replace(AUC, CONSTANT_AUC))
    after = harness.run_project(project, finished.rows, finished.root)
    assert not_cached(before) == {"Baseline": "done"}
    assert not_cached(after) == dict.fromkeys(("Baseline", "Evaluator", "SliceReport", "Pusher"), "done")
    values = [[check["value"] for check in outcome.facts["verdict"]["checks"]] for outcome in (before, after)]
    assert values[0] != values[1] == [0.75, 0.75]


def not_cached(outcome) -> dict[str, str]:
    """The nodes that were not answered from the cache, with their states."""
    return {node: state for node, state in outcome.states().items() if state != "cached"}
