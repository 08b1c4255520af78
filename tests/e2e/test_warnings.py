"""Warnings of a training reach the summary and the report of its run, but not of later runs."""

import json
from pathlib import Path

import harness
import pytest


@pytest.mark.slow
def test_a_ruined_model_is_warned_of_in_the_summary_and_in_the_report(finished):
    ruinous = ("training.histogram_every_epochs=1", "training.learning_rate=3.0", "training.warmup_share=0.0")
    outcome = harness.run_here(finished.rows, finished.root, *ruinous)
    warnings = outcome.facts["warnings"]
    assert any("units" in warning and "are dead" in warning for warning in warnings), warnings
    page = Path(outcome.facts["report"])
    facts = json.loads((page.parent / "report.json").read_text(encoding="utf-8"))
    assert facts["training"]["warnings"] == warnings
    assert page.read_text(encoding="utf-8").count("<strong>Warning. </strong>") == len(warnings)
    again = harness.run_here(finished.rows, finished.root, *ruinous)
    assert again.states()["Trainer"] == "cached"
    assert again.facts["warnings"] == []


def test_a_sound_model_is_not_warned_of(finished):
    assert finished.outcome.facts["warnings"] == []
