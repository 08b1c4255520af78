"""Histograms that a run writes for TensorBoard."""

import harness
import pytest
import tensorflow as tf

pytestmark = pytest.mark.slow

WATCHED = ("training.histogram_every_epochs=1", "training.checkpoint_every_steps=3")


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
