from components.slice_report.training import as_training

RECORD = {
    "history": {"loss": [0.7, 0.6], "val_loss": [0.7, 0.65]},
    "best": {"epoch": 1, "value": 0.65},
    "steps_per_epoch": 4,
    "examples_per_s": 1000.0,
    "elapsed_s": 2.5,
    "workers": 1,
    "settings": {"strategy": "none", "model": {"dropout": 0.1}},
}


def test_a_record_becomes_facts():
    found = as_training(RECORD)
    assert (found.best_epoch, found.steps, found.strategy, found.warnings) == (2, 8, "none", ())
    assert ("model.dropout", "0.1") in found.settings


def test_warnings_are_kept():
    assert as_training({**RECORD, "warnings": ["a", "b"]}).warnings == ("a", "b")
