import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from fakes import transformed_rows as world
from fakes.processes import Forked
from fakes.small_training import free_port
from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
from tensorboard.plugins import base_plugin
from tensorboard.plugins.hparams import hparams_plugin, plugin_data_pb2
from werkzeug.test import Client
from werkzeug.wrappers import Response

from pipeline.config.training import Training
from pipeline.label import Label
from pipeline.task.registry import training_of
from pipeline.training.diagnostics import tensorboard
from pipeline.training.diagnostics.findings import in_gradients, in_history, in_inspection, in_spread, in_units
from pipeline.training.diagnostics.hparams import best_epoch
from pipeline.training.diagnostics.probe import (
    DeadUnits,
    EmbeddingSpread,
    Inspection,
    Probe,
    dead_units,
    effective_rank,
    spread,
)
from pipeline.training.diagnostics.tensorboard import Diagnostics, watch

ROWS, EPOCHS = 300, 3
LOSSES = training_of(Label("y")).losses
FOUND = {
    "scalar": {"gradient_norm", "dead_units/deep_0", "dead_units/deep_1", "embedding_rank/deep_city_xf"},
    "histogram": {
        "gradient/deep_0/kernel:0",
        "activation/deep_0",
        "activation/score",
        "gradient/deep_city_xf/embeddings:0",
    },
}


def batch(rows: int = ROWS, seed: int = 1, weights: bool = False):
    """Transformed features, and labels that follow from them."""
    draw = np.random.default_rng(seed)
    city, colour, gain = draw.integers(0, 5, (rows, 1)), draw.integers(0, 3, (rows, 1)), draw.integers(0, 3, (rows, 1))
    age = draw.normal(size=(rows, 1)).astype(np.float32)
    features = {
        "city_xf": city, "colour_xf": colour, "gain_value_xf": gain,
        "age_bucket_xf": np.clip(age // 0.7 + 2, 0, 4).astype(np.int64), "age_xf": age,
        "gain_xf": gain.astype(np.float32) - 1, "tags_xf": np.eye(5, dtype=np.float32)[colour.ravel()],
        "city_x_colour_xf": (city * 3 + colour) % 16,
    }  # fmt: skip
    labels = draw.random((rows, 1)) < 1 / (1 + np.exp(-2.0 * (city % 2) - age + 1))
    whole = ({name: tf.constant(value) for name, value in features.items()}, tf.constant(labels.astype(np.int64)))
    return (*whole, tf.ones((rows,))) if weights else whole


def training(**changes) -> Training:
    return Training(**{"epochs": EPOCHS, "batch_size": 64, "learning_rate": 1e-2, **changes})


def fitted(folder: Path, model=None, rate: float = 1e-2, data=None, **changes) -> list[str]:
    """Train with all diagnostics, and return the warnings."""
    model = world.compiled(model or world.build_model(), rate)
    data = data or batch()
    watched = watch(str(folder), model, LOSSES, training(**changes), lambda: batch(200, seed=2))
    history = model.fit(*data, batch_size=64, epochs=EPOCHS, validation_data=batch(200, seed=2), verbose=0,
                        callbacks=list(watched.callbacks))  # fmt: skip
    return watched.finish(history.history, "log_loss")


def summaries(folder: Path):
    """Yield (run, step, value) of every summary below a folder."""
    for file in sorted(folder.rglob("events*")):
        run = file.parent.relative_to(folder).as_posix()
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            yield from ((run, event.step, value) for value in event.summary.value)


@pytest.fixture(scope="module")
def healthy(tmp_path_factory):
    """The folder and the warnings of a training of a sound model."""
    folder = tmp_path_factory.mktemp("healthy")
    return folder, fitted(folder)


def test_a_healthy_model_has_no_warnings(healthy):
    assert healthy[1] == []


def test_the_events_hold_what_was_seen_at_each_epoch_and_at_the_end(healthy):
    found = [(value.tag, step) for run, step, value in summaries(healthy[0]) if run == "diagnostics"]
    for tag in FOUND["scalar"] | FOUND["histogram"]:
        assert [step for name, step in found if name == tag] == [0, 1, 2, 3], tag
    assert not any("dropout" in tag or "concatenate" in tag for tag, _ in found)


def test_keras_writes_weights_metrics_and_the_conceptual_graph(healthy):
    tags = {(run, value.tag) for run, _, value in summaries(healthy[0])}
    assert {("train", "deep_0/kernel_0/histogram"), ("train", "keras"), ("validation", "epoch_log_loss")} <= tags


def test_the_graph_of_operations_is_written(healthy):
    files = (healthy[0] / "diagnostics").glob("events*")
    events = (event for file in files for event in tf.compat.v1.train.summary_iterator(str(file)))
    (graph,) = [tf.compat.v1.GraphDef.FromString(event.graph_def) for event in events if event.graph_def]
    assert any("deep_0" in node.name and node.op == "MatMul" for node in graph.node)


def test_settings_and_final_metrics_can_be_compared(healthy):
    found = {value.tag: value for run, _, value in summaries(healthy[0]) if run == "."}
    content = found["_hparams_/session_start_info"].metadata.plugin_data.content
    settings = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info.hparams
    assert settings["learning_rate"].number_value == 1e-2
    assert settings["strategy"].string_value == "none"
    assert "_hparams_/session_end_info" in found
    last = [tf.make_ndarray(value.tensor) for run, _, value in summaries(healthy[0] / "validation")
            if value.tag == "epoch_log_loss"]  # fmt: skip
    assert tf.make_ndarray(found["final/val_log_loss"].tensor) == pytest.approx(min(last))


def test_the_hparams_page_lists_trainings_side_by_side(tmp_path):
    for name, rate in (("first", 1e-2), ("second", 1e-3)):
        fitted(tmp_path / name, learning_rate=rate, histogram_every_epochs=0)
    multiplexer = plugin_event_multiplexer.EventMultiplexer().AddRunsFromDirectory(str(tmp_path)).Reload()
    provider = data_provider.MultiplexerDataProvider(multiplexer, str(tmp_path))
    context = base_plugin.TBContext(logdir=str(tmp_path), multiplexer=multiplexer, data_provider=provider)
    app = hparams_plugin.HParamsPlugin(context).get_plugin_apps()["/session_groups"]
    metric = {"metric": {"tag": "final/val_log_loss"}, "order": "ORDER_ASC"}
    query = {"startIndex": 0, "sliceSize": 9, "colParams": [metric], "allowedStatuses": ["STATUS_SUCCESS"]}
    groups = Client(app, Response).get("/", query_string={"request": json.dumps(query)}).get_json()["sessionGroups"]
    assert sorted(group["hparams"]["learning_rate"] for group in groups) == [1e-3, 1e-2]
    values = [group["metricValues"] for group in groups]
    assert all("final/val_log_loss" in {value["name"]["tag"] for value in found} for found in values)


def test_a_layer_of_dead_units_is_found_and_named(tmp_path):
    model = world.build_model()
    kernel, _ = model.get_layer("deep_1").get_weights()
    # Two that are alive whatever the kernel was drawn as.
    model.get_layer("deep_1").set_weights([kernel, np.where(np.arange(8) < 6, -100.0, 100.0)])
    (warning,) = fitted(tmp_path, model, rate=1e-4)
    assert warning.startswith("Layer deep_1: 6 of 8 units (75%) are dead, 0 for each of 200 eval rows.")
    shares = [tf.make_ndarray(value.tensor) for _, _, value in summaries(tmp_path) if value.tag == "dead_units/deep_1"]
    assert shares == [0.75] * 4


def test_exploding_gradients_are_found(tmp_path):
    model = world.build_model()
    model.get_layer("deep_0").set_weights([weight * 1e5 for weight in model.get_layer("deep_0").get_weights()])
    warnings = fitted(tmp_path, model, rate=1e-6)
    assert any(warning.startswith("The gradients explode: their global norm is ") for warning in warnings), warnings
    assert "training.clip_norm" in warnings[0]


def test_vanishing_gradients_are_found(tmp_path):
    inputs = {"age_xf": keras.Input((1,), name="age_xf")}
    logit = keras.layers.Rescaling(1e-9)(keras.layers.Dense(1, name="logit")(inputs["age_xf"]))
    warnings = fitted(tmp_path, keras.Model(inputs, keras.layers.Activation("sigmoid", name="score")(logit)))
    assert warnings[0].startswith("The gradients vanish: their global norm is ")
    assert "below 1e-06, at a loss of 0.69" in warnings[0]


def test_a_collapsed_table_is_found_and_named(tmp_path):
    model = world.build_model()
    table = model.get_layer("deep_city_xf")
    table.set_weights([np.tile([[0.3, -0.2, 0.1, 0.4]], (14, 1))])
    table.trainable = False
    (warning,) = fitted(tmp_path, model)
    assert warning.startswith("Embedding table deep_city_xf has collapsed: the 5 rows in use are nearly alike")


def test_rows_that_no_eval_row_reads_do_not_hide_a_collapse():
    model = world.build_model()
    rows = np.random.default_rng(0).normal(size=(14, 4))
    rows[:5] = 0.0
    model.get_layer("deep_city_xf").set_weights([rows])
    look = Probe(model, LOSSES, batch()).inspect()
    assert look.spreads["deep_city_xf"] == EmbeddingSpread(5, 0.0, 0.0, 1.0)
    assert any("deep_city_xf" in text for text in in_inspection(look))


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_weights_that_are_not_finite_are_found(value):
    model = world.build_model()
    model.get_layer("deep_0").set_weights([np.full((23, 16), value), np.zeros(16)])
    assert in_inspection(Probe(model, LOSSES, batch()).inspect())[0].startswith(
        "The gradients are not finite (global norm nan)"
    )


def test_gradients_are_those_of_the_loss_with_weights_or_without():
    model = world.build_model()
    plain, weighted = (Probe(model, LOSSES, batch(weights=weights)).inspect() for weights in (False, True))
    features, labels = batch()
    with tf.GradientTape() as tape:
        loss = keras.losses.BinaryCrossentropy()(labels, model(features))
    expected = tape.gradient(loss, model.get_layer("deep_0").kernel)
    for look in (plain, weighted):
        np.testing.assert_allclose(look.gradients["deep_0/kernel:0"], expected, rtol=1e-4, atol=1e-7)
        assert look.loss == pytest.approx(float(loss), rel=1e-5)
    half = Probe(model, LOSSES, (*batch(), tf.constant([1.0, 0.0] * (ROWS // 2)))).inspect()
    one = Probe(model, LOSSES, tuple(tf.nest.map_structure(lambda tensor: tensor[::2], batch()))).inspect()
    assert half.loss == pytest.approx(one.loss, rel=1e-5)
    assert half.gradient_norm == pytest.approx(one.gradient_norm, rel=1e-4)


def test_the_norm_is_over_all_gradients_together():
    look = Inspection(1, 0.0, {"a": np.array([3.0]), "b": np.array([[0.0, 4.0]])}, {}, {}, {})
    assert look.gradient_norm == 5.0


def test_an_inspection_changes_nothing():
    model = world.compiled(world.build_model())
    before = model.get_weights()
    Probe(model, LOSSES, batch()).inspect()
    assert all(np.array_equal(*pair) for pair in zip(before, model.get_weights(), strict=True))


def test_a_model_without_a_graph_still_has_gradients_and_tables():
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.table = keras.layers.Embedding(14, 4, name="table")
            self.score = keras.layers.Dense(1, activation="sigmoid")

        def call(self, features, training=False):
            return self.score(tf.reshape(self.table(features["city_xf"]), [-1, 4]))

    model = Own()
    model(batch()[0])
    look = Probe(model, LOSSES, batch()).inspect()
    assert (look.activations, look.dead) == ({}, {})
    assert look.spreads["table"].rows == 14
    assert look.gradient_norm > 0


def test_no_scalar_is_made_of_a_batch(tmp_path, monkeypatch):
    made, seen = [], []
    scalar = tf.compat.v2.summary.scalar
    monkeypatch.setattr(
        tf.compat.v2.summary, "scalar", lambda name, *rest, **more: made.append(name) or scalar(name, *rest, **more)
    )
    model = world.compiled(world.build_model(), 1e-2)
    watched = watch(str(tmp_path), model, LOSSES, training(), lambda: batch(200, seed=2))
    # Keras calls nobody after a batch unless somebody wants to be called.
    wants = keras.callbacks.LambdaCallback(on_train_batch_end=lambda number, logs: seen.append(number))
    model.fit(*batch(), batch_size=64, verbose=0, callbacks=[*watched.callbacks, wants])
    assert seen
    assert "epoch_loss" in made
    assert [name for name in made if name.startswith("batch_")] == []


def test_a_trace_of_some_steps_is_written(tmp_path):
    fitted(tmp_path, histogram_every_epochs=0, profile_steps=2)
    assert len(list(tmp_path.glob("plugins/profile/*/*.xplane.pb"))) == 1


@pytest.mark.parametrize(
    ("steps", "per_execution", "window"), [(0, 1, 0), (1, 1, (2, 2)), (5, 1, (2, 6)), (5, 4, (2, 3))]
)
def test_steps_to_trace_are_counted_in_calls(steps, per_execution, window):
    settings = training(profile_steps=steps, steps_per_execution=per_execution)
    assert tensorboard.profiled_batches(settings) == window


def no_batch():
    pytest.fail("asked for a batch")


def test_a_worker_that_is_not_the_chief_writes_nothing(tmp_path):
    watched = watch(
        str(tmp_path / "logs"),
        world.build_model(),
        LOSSES,
        training(),
        lambda: pytest.fail("asked for a batch"),
        chief=False,
    )
    assert list(watched.callbacks) == []
    assert watched.finish({"log_loss": [math.nan]}, "log_loss") == []
    assert list(tmp_path.iterdir()) == []


def test_without_histograms_no_batch_is_read(tmp_path):
    watched = watch(
        str(tmp_path),
        world.build_model(),
        LOSSES,
        training(histogram_every_epochs=0),
        lambda: pytest.fail("asked for a batch"),
    )
    assert not any(isinstance(callback, Diagnostics) for callback in watched.callbacks)
    (warning,) = watched.finish({"log_loss": [0.6, math.nan], "val_log_loss": [0.6, 0.6]}, "log_loss")
    assert warning.startswith("log_loss is nan at epoch 2.")


@pytest.mark.parametrize("strategy", [tf.distribute.MirroredStrategy, tf.distribute.MultiWorkerMirroredStrategy])
def test_a_model_under_a_strategy_of_one_worker_is_inspected(strategy, tmp_path):
    with strategy().scope():
        model = world.build_model()
        model.get_layer("deep_1").set_weights([np.zeros((16, 8)), np.full(8, -1.0)])
        model = world.compiled(model, rate=1e-4)
    data = tf.data.Dataset.from_tensor_slices(batch()).batch(64)
    watched = watch(str(tmp_path), model, LOSSES, training(), lambda: batch(200, seed=2))
    history = model.fit(data, epochs=2, validation_data=data, callbacks=list(watched.callbacks), verbose=0)
    (warning,) = watched.finish(history.history, "log_loss")
    assert warning.startswith("Layer deep_1: 8 of 8 units (100%) are dead")
    tags = {value.tag for _, _, value in summaries(tmp_path)}
    assert tags >= FOUND["scalar"] | FOUND["histogram"]


def compare_two_replicas() -> None:
    """Check that a probe under a strategy of two devices finds what one on a single device does."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        model = world.build_model()
    alone = world.build_model()
    alone.set_weights(model.get_weights())
    mine, theirs = Probe(model, LOSSES, batch()).inspect(), Probe(alone, LOSSES, batch()).inspect()
    assert strategy.num_replicas_in_sync == 2
    assert abs(mine.gradient_norm - theirs.gradient_norm) < 1e-5 * theirs.gradient_norm
    assert mine.spreads == theirs.spreads
    assert mine.dead == theirs.dead
    print("compared")


def test_two_replicas_see_what_one_sees():
    process = Forked(compare_two_replicas)
    printed, _ = process.communicate(timeout=180)
    assert process.returncode == 0, printed[-2000:]
    assert printed.endswith("compared\n")


def work(folder: str) -> None:
    """Train as one of two workers, of which the chief watches; write their number and the warnings."""
    chief = json.loads(os.environ["TF_CONFIG"])["task"]["index"] == 0
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    with strategy.scope():
        model = world.compiled(world.build_model())
    data = tf.data.Dataset.from_tensor_slices(batch()).batch(32).repeat()
    watched = watch(folder, model, LOSSES, training(profile_steps=2), lambda: batch(200, seed=2), chief)
    history = model.fit(data, epochs=3, steps_per_epoch=5, validation_data=data, validation_steps=2, verbose=0,
                        callbacks=list(watched.callbacks))  # fmt: skip
    found = [strategy.num_replicas_in_sync, watched.finish(history.history, "log_loss")]
    Path(f"{folder}.json").write_text(json.dumps(found), encoding="utf-8")


@pytest.mark.slow
def test_the_chief_of_two_workers_inspects_alone_without_blocking_the_other(tmp_path):
    addresses = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    workers = [
        Forked(work, str(tmp_path / str(index)),
               tf_config={"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}})
        for index in range(2)
    ]  # fmt: skip
    said = [worker.communicate(timeout=180)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], [text[-3000:] for text in said]
    assert [json.loads((tmp_path / f"{index}.json").read_text()) for index in range(2)] == [[2, []], [2, []]]
    assert {value.tag for _, _, value in summaries(tmp_path / "0")} >= FOUND["scalar"] | FOUND["histogram"]
    assert not (tmp_path / "1").exists()


def test_tensorboard_starts():
    done = subprocess.run([sys.executable, "-m", "tensorboard.main", "--version"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


def test_each_threshold_has_two_sides():
    assert not list(in_gradients(1e-5, 0.5))
    assert not list(in_gradients(1e-9, 0.001))
    assert list(in_gradients(1e-9, 0.5))
    assert not list(in_gradients(999.0, 0.5))
    assert list(in_gradients(1001.0, 0.5))
    assert not list(in_units("a", DeadUnits(4, 10), 9))
    assert list(in_units("a", DeadUnits(5, 10), 9))
    assert not list(in_spread("a", EmbeddingSpread(2, 0.051, 1.0, 1.0)))
    assert list(in_spread("a", EmbeddingSpread(2, 0.049, 1.0, 1.0)))
    assert list(in_spread("a", EmbeddingSpread(2, 0.0009, 0.0, 1.0)))
    assert not list(in_spread("a", EmbeddingSpread(1, 0.0, 1.0, 1.0)))


def test_overfitting_is_told_from_a_good_fit():
    (warning,) = in_history({"log_loss": [0.6, 0.5, 0.3], "val_log_loss": [0.6, 0.55, 0.65]}, "log_loss")
    assert warning.startswith(
        "The model overfits: from epoch 2 to 3 the log loss fell from 0.5000 to 0.3000 on the train rows and rose "
        "from 0.5500 to 0.6500 on the eval rows."
    )
    assert not list(in_history({"log_loss": [0.6, 0.5, 0.3], "val_log_loss": [0.6, 0.55, 0.57]}, "log_loss"))
    assert not list(in_history({"log_loss": [0.6, 0.5, 0.55], "val_log_loss": [0.6, 0.55, 0.65]}, "log_loss"))
    assert not list(in_history({}, "log_loss"))


def test_the_best_epoch_counts():
    history = {"auc": [0.6, 0.7, 0.8], "val_log_loss": [0.6, 0.5, 0.55]}
    assert best_epoch(history, "val_log_loss") == {"auc": 0.7, "val_log_loss": 0.5}
    assert best_epoch(history, "absent") == {"auc": 0.8, "val_log_loss": 0.55}
    assert best_epoch({}, "absent") == {}


def test_spread_and_rank_of_known_rows():
    assert spread(np.array([[2.0, 0.0], [0.0, 0.0]])) == EmbeddingSpread(2, 1.0, 1.0, 1.0)
    assert effective_rank(np.diag([1.0, 1.0, 0.0])) == pytest.approx(2.0)
    assert math.isnan(effective_rank(np.array([[math.nan]])))
    assert dead_units(np.zeros((3, 2, 4))) == DeadUnits(4, 4)
