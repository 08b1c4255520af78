"""Each key of ``training`` says itself whether it may be searched and whether it invalidates a checkpoint."""

import pytest

from pipeline.config.training import Key, Training, key_of, trial_values


@pytest.mark.parametrize("name", Training.model_fields)
def test_every_key_carries_its_metadata(name):
    found = [item for item in Training.model_fields[name].metadata if isinstance(item, Key)]
    assert found == [key_of(name)]


def test_values_of_all_trials_are_not_searched():
    assert trial_values() == {
        "strategy": "none", "workers": 1, "warm_start": "none", "histogram_every_epochs": 0, "profile_steps": 0,
    }  # fmt: skip
    assert not any(key_of(name).searchable for name in trial_values())


def test_values_of_trials_are_valid():
    assert Training(epochs=1, batch_size=1, learning_rate=0.1, **trial_values()).strategy == "none"


def test_only_keys_of_operation_keep_checkpoints():
    kept = {name for name in Training.model_fields if not key_of(name).invalidates_checkpoint}
    assert kept == {
        "workers", "backend", "max_restarts", "startup_timeout_s", "hang_timeout_s", "steps_per_execution",
        "checkpoint_every_steps", "checkpoint_every_s", "keep_checkpoints", "histogram_every_epochs", "profile_steps",
    }  # fmt: skip
