"""The same training function under each strategy, with everything on that a strategy might break."""

import harness
import numpy as np
import pytest
import tensorflow as tf

from components.batch_evaluator.predictions import read_predictions

WATCHED = ("training.histogram_every_epochs=1", "training.checkpoint_every_steps=3")


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["mirrored", "multi_worker"])
def test_a_strategy_of_one_worker_trains_the_same_model(strategy, finished):
    plain = harness.run_here(finished.rows, finished.root, *WATCHED)
    outcome = harness.run_here(finished.rows, finished.root, *WATCHED, f"training.strategy={strategy}")
    assert (plain.code, outcome.code) == (0, 0), outcome.facts["error"]
    scores = [read_predictions(run.facts["evaluation"]).column("score").to_numpy() for run in (plain, outcome)]
    np.testing.assert_allclose(*scores, atol=1e-3)


def test_gradients_and_weights_are_written_as_histograms(finished):
    harness.run_here(finished.rows, finished.root, *WATCHED, to_node="Trainer")
    logs = finished.root / "census" / "artifacts" / "Trainer" / "model_run"
    latest = max(logs.iterdir(), key=lambda path: int(path.name))
    tags = {
        value.tag
        for file in latest.rglob("events*")
        for event in tf.compat.v1.train.summary_iterator(str(file))
        for value in event.summary.value
    }
    assert any(tag.startswith("gradient/") for tag in tags)
    assert any("deep_0/kernel" in tag and not tag.startswith("gradient/") for tag in tags)
    assert "epoch_auc" in tags
