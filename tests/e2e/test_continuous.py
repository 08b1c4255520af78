"""Continuous training: a run starts from the latest blessed model, and a first run starts cold."""

import json
import shutil
from pathlib import Path

import harness
import pytest

from components.slice_report.facts.encoding import from_json

WARM = "training.warm_start=latest_blessed"


def record_of(root: Path) -> dict:
    """The record of the latest training."""
    runs = (root / "census" / "artifacts" / "Trainer" / "model_run").iterdir()
    return json.loads((max(runs, key=lambda path: int(path.name)) / "training.json").read_text(encoding="utf-8"))


@pytest.mark.slow
def test_a_run_starts_from_the_latest_blessed_model(finished, tmp_path):
    root = shutil.copytree(finished.root, tmp_path / "runs")
    cold = record_of(root)["history"]["log_loss"][0]
    outcome = harness.run_here(finished.rows, root, WARM)
    assert outcome.code == 0, outcome.facts["error"]
    record = record_of(root)
    assert record["warm_start"]["reason"] == ""
    assert record["warm_start"]["base_model"]
    assert record["history"]["log_loss"][0] < cold
    report = from_json(Path(outcome.facts["report"]).with_name("report.json").read_bytes(), "report.json")
    models = [fact for fact in report.lineage.artifacts if fact.type == "Model"]
    assert len(models) == 2
    assert "Trainer" in {node for artifact, node in report.lineage.edges if artifact == models[0].id}


@pytest.mark.slow
def test_a_first_run_starts_cold_and_says_why(finished, tmp_path):
    outcome = harness.run_here(finished.rows, tmp_path / "runs", WARM, to_node="Trainer")
    assert outcome.code == 0, outcome.facts["error"]
    assert "no blessed model" in record_of(tmp_path / "runs")["warm_start"]["reason"]
