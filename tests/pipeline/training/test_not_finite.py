"""A metric of either split that is not finite ends a training, and is never the best."""

import math

import pytest
import tf_keras as keras

from pipeline.errors import MainlineError
from pipeline.training.callbacks import EpochJournal, StopOnNaN, StopOnNaNEpoch
from pipeline.training.checkpoint.best_weights import BestWeights

FINE = {"loss": 0.5, "val_loss": 0.6, "val_log_loss": 0.6}


@pytest.mark.parametrize("name", FINE)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("kind", [StopOnNaN, StopOnNaNEpoch])
def test_an_epoch_with_a_metric_that_is_not_finite_ends_the_training(kind, name, value):
    stop = kind(EpochJournal(10, step=30))
    stop.on_epoch_end(2, FINE)
    with pytest.raises(MainlineError, match=f"{name} became {value} at step 30"):
        stop.on_epoch_end(2, {**FINE, name: value})


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_metric_that_is_not_finite_is_never_the_best(value, tmp_path):
    best = BestWeights(str(tmp_path), "val_log_loss", patience=3)
    best.set_model(keras.Sequential([keras.layers.Dense(1, input_shape=(1,))]))
    with pytest.raises(MainlineError, match=f"val_log_loss became {value} in epoch 1"):
        best.on_epoch_end(0, {"val_log_loss": value})
    assert not best.record
    best.on_epoch_end(0, {"val_log_loss": 0.5})
    with pytest.raises(MainlineError, match="in epoch 2"):
        best.on_epoch_end(1, {"val_log_loss": value})
    assert best.record == {"epoch": 0, "value": 0.5}
