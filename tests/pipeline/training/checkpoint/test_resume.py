"""Trainings that are interrupted and resumed."""

import errno
import itertools
import json
import logging
import shutil
import subprocess
import sys
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from fakes import processes, small_training

from pipeline.errors import MainlineError
from pipeline.training import loop
from pipeline.training.callbacks import Journal
from pipeline.training.checkpoint import checkpoints, sealed_files

pytestmark = [pytest.mark.slow, pytest.mark.both_stacks]

EPOCHS, STEPS = 3, 10
LONG = {"model": {"dropout": 0.3}, "checkpoint_every_steps": 3, "early_stopping_patience": 9}


class Stop(Exception):
    """Ends a training like a kill, without another process."""


@pytest.fixture(scope="module")
def unbroken(world, tmp_path_factory):
    """The record and the scores of an uninterrupted training."""
    out = tmp_path_factory.mktemp("unbroken")
    return small_training.fit(world, out, **LONG), small_training.scores(world, out)


def cut_short(world, out, step, **changes) -> str:
    """Train up to a step, and return the folder of the checkpoints."""
    count = Journal.on_train_batch_end

    def raising(self, batch, logs=None):
        count(self, batch, logs)
        if self.step == step:
            raise Stop

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Journal, "on_train_batch_end", raising)
        with pytest.raises(Stop):
            small_training.fit(world, out, **{**LONG, **changes})
    return resume_folder(out)


def resume_folder(out) -> str:
    """Return the only folder with checkpoints."""
    (folder,) = (out / "resume").iterdir()
    return str(folder)


@pytest.fixture(scope="module")
def cut(world, tmp_path_factory):
    """Put what a training up to a step left into a folder, and return the folder of the checkpoints."""

    @cache
    def left_at(step):
        out = tmp_path_factory.mktemp(f"cut-{step}")
        cut_short(world, out, step)
        return out

    def copy(out, step) -> str:
        shutil.copytree(left_at(step), out, dirs_exist_ok=True)
        return resume_folder(out)

    return copy


@pytest.mark.parametrize("step", [2, 14, 29])
def test_a_resumed_training_ends_as_an_unbroken_one(world, tmp_path, cut, unbroken, step):
    folder = cut(tmp_path, step)
    kept = checkpoints.steps_in(folder)
    record = small_training.fit(world, tmp_path, **LONG)
    expected, scores = unbroken
    np.testing.assert_allclose(small_training.scores(world, tmp_path), scores, atol=1e-6)
    assert record["history"]["val_log_loss"] == pytest.approx(expected["history"]["val_log_loss"], abs=1e-6)
    assert record["best"] == pytest.approx(expected["best"], abs=1e-6)
    assert {len(values) for values in record["history"].values()} == {EPOCHS}
    assert record["resumed_at"] == kept[-1:]
    assert not list((tmp_path / "resume").iterdir())


def test_a_killed_process_is_resumed_by_another(world, tmp_path, unbroken):
    killed = small_training.start(world, tmp_path, die_at=17, **LONG)
    said, _ = killed.communicate(timeout=120)
    assert killed.returncode == 9, said
    assert small_training.fit(world, tmp_path, **LONG)["resumed_at"] == [15]
    np.testing.assert_allclose(small_training.scores(world, tmp_path), unbroken[1], atol=1e-6)


def test_a_training_can_be_interrupted_repeatedly(world, tmp_path, cut, unbroken):
    cut(tmp_path, 5)
    for step in (13, 24):
        cut_short(world, tmp_path, step)
    assert small_training.fit(world, tmp_path, **LONG)["resumed_at"] == [3, 12, 21]
    np.testing.assert_allclose(small_training.scores(world, tmp_path), unbroken[1], atol=1e-6)


def test_checkpoints_come_by_step_and_at_each_epochs_end_and_the_last_ones_are_kept(world, tmp_path):
    folder = cut_short(world, tmp_path, 26, keep_checkpoints=4)
    assert checkpoints.steps_in(folder) == [18, 20, 21, 24]
    manifest, fault = checkpoints.inspect(folder, 24)
    assert (manifest.step, manifest.epoch, fault) == (24, 2, "")
    assert len(manifest.history["val_auc"]) == 2
    best = {name for step in (18, 20, 21, 24) for name in checkpoints.files_of(folder, step) if "/" not in name}
    assert {path.rsplit("/", 1)[1] for path in tf.io.gfile.glob(f"{folder}/*.npz")} == best


def test_checkpoints_come_by_time(world, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "time", SimpleNamespace(monotonic=itertools.count().__next__))
    folder = cut_short(world, tmp_path, 9, checkpoint_every_s=3.0, checkpoint_every_steps=1000)
    found = checkpoints.steps_in(folder)
    assert len(found) >= 2
    assert set(np.diff(found)) <= {2, 3}


def test_several_steps_per_execution_are_counted(world, tmp_path, unbroken):
    folder = cut_short(world, tmp_path, 18, steps_per_execution=4)
    assert checkpoints.steps_in(folder)[-2:] == [10, 14]
    small_training.fit(world, tmp_path, **LONG, steps_per_execution=4)
    np.testing.assert_allclose(small_training.scores(world, tmp_path), unbroken[1], atol=1e-5)


def damage(folder, step, how) -> str:
    """Damage a checkpoint, and return the reason for skipping it."""
    data = checkpoints.prefix(folder, step) + ".data-00000-of-00001"
    match how:
        case "flipped":
            content = bytearray(sealed_files.read(data))
            content[len(content) // 2] ^= 1
            sealed_files.write(data, bytes(content))
            return "has changed since it was written"
        case "cut":
            sealed_files.write(data, sealed_files.read(data)[:100])
            return "has changed since it was written"
        case "gone":
            sealed_files.remove(data)
            return "is missing"
        case "no manifest":
            sealed_files.remove(checkpoints.manifest_file(folder, step))
            return "it has no manifest"
    sealed_files.write(checkpoints.manifest_file(folder, step), b'{"step": 1')
    return "its manifest cannot be read"


@pytest.mark.parametrize("how", ["flipped", "cut", "gone", "no manifest", "half a manifest"])
def test_a_damaged_checkpoint_is_skipped(world, tmp_path, cut, unbroken, how, caplog):
    folder = cut(tmp_path, 23)
    assert checkpoints.steps_in(folder) == [18, 20, 21]
    said = damage(folder, 21, how)
    with caplog.at_level(logging.WARNING, "mainline.progress"):
        record = small_training.fit(world, tmp_path, **LONG)
    assert record["resumed_at"] == [20]
    assert "skipping the checkpoint of step 21" in caplog.text
    assert said in caplog.text
    np.testing.assert_allclose(small_training.scores(world, tmp_path), unbroken[1], atol=1e-6)


def test_the_best_weights_belong_to_the_checkpoint(world, tmp_path, unbroken):
    """An epoch that ended after the checkpoint does not count, although its files exist."""
    folder = cut_short(world, tmp_path, 23, keep_checkpoints=9)
    for step in (20, 21):
        damage(folder, step, "flipped")
    assert {"best-0002.npz", "average-0002.npz"} <= set(tf.io.gfile.listdir(folder))
    record = small_training.fit(world, tmp_path, **LONG, keep_checkpoints=9)
    assert record["resumed_at"] == [18]
    np.testing.assert_allclose(small_training.scores(world, tmp_path), unbroken[1], atol=1e-6)


def test_training_starts_afresh_without_an_intact_checkpoint(world, tmp_path, cut, unbroken):
    folder = cut(tmp_path, 23)
    for step in checkpoints.steps_in(folder):
        damage(folder, step, "no manifest")
    assert small_training.fit(world, tmp_path, **LONG)["resumed_at"] == []
    np.testing.assert_allclose(small_training.scores(world, tmp_path), unbroken[1], atol=1e-6)


def test_a_training_that_stopped_early_does_not_continue(world, tmp_path, monkeypatch):
    changes = {"learning_rate": 0.5, "epochs": 9, "early_stopping_patience": 1}
    expected = small_training.fit(world, tmp_path / "whole", **changes)
    assert len(expected["history"]["loss"]) < 9
    with monkeypatch.context() as patch:
        patch.setattr(loop, "export", raising(Stop()))
        with pytest.raises(Stop):
            small_training.fit(world, tmp_path / "cut", **changes)
    record = small_training.fit(world, tmp_path / "cut", **changes)
    assert (record["history"], record["best"]) == (expected["history"], expected["best"])
    np.testing.assert_array_equal(*(small_training.scores(world, tmp_path / name) for name in ("whole", "cut")))


def raising(error):
    def function(*_, **__):
        raise error

    return function


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        tf.errors.ResourceExhaustedError(None, None, "state.data; No space left on device"),
    ],
)
def test_a_full_disk_is_reported_and_earlier_checkpoints_stay(world, tmp_path, cut, unbroken, monkeypatch, error):
    folder = cut(tmp_path, 14)
    with monkeypatch.context() as patch:
        patch.setattr(sealed_files, "seal", failing_at("00000018", sealed_files.seal, error))
        with pytest.raises(MainlineError, match="the disk is full") as caught:
            small_training.fit(world, tmp_path, **LONG)
    assert "checkpoints" in caught.value.where
    assert "training resumes from the last checkpoint" in caught.value.next_step
    assert checkpoints.steps_in(folder) == [10, 12, 15]
    assert small_training.fit(world, tmp_path, **LONG)["resumed_at"] == [12, 15]
    np.testing.assert_allclose(small_training.scores(world, tmp_path), unbroken[1], atol=1e-6)


def failing_at(part, function, error):
    def call(path, *arguments):
        if part in path:
            raise error
        return function(path, *arguments)

    return call


FULL_DISK = """
set -e
mount -t tmpfs -o size={size}k none {out}
cp -r {saved}/. {out}/
exec {python} {script} {world} {out} '{changes}' 0
"""


def test_a_disk_that_is_really_full(world, tmp_path):
    """The resume folder, on a file system with room for two more checkpoints."""
    saved, out = tmp_path / "saved", tmp_path / "out"
    out.mkdir()
    folder = cut_short(world, saved, 4)
    used, one = (disk_kb(path) for path in (saved, checkpoints.data_folder(folder, 3)))
    script = FULL_DISK.format(
        size=used + int(1.5 * one), out=out, saved=saved, python=sys.executable, script=small_training.__file__,
        world=world, changes=json.dumps({**LONG, "checkpoint_every_steps": 1}),
    )  # fmt: skip
    done = subprocess.run(
        ["unshare", "--mount", "--map-root-user", "sh", "-c", script], capture_output=True, text=True, timeout=200,
        env=processes.environment(), cwd=processes.ROOT,
    )  # fmt: skip
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip(f"no file system of our own here: {done.stderr.strip()[:80]}")
    assert done.returncode == 1
    assert "checkpoints: the disk is full" in done.stdout + done.stderr


def disk_kb(path) -> int:
    return int(subprocess.run(["du", "-sk", str(path)], capture_output=True, text=True, check=True).stdout.split()[0])


def test_a_loss_that_is_not_finite_leaves_the_last_good_checkpoint(world, tmp_path, monkeypatch):
    """A rate that explodes at step 14, after the checkpoint of step 12."""
    monkeypatch.setattr(loop, "make_optimizer", lambda *_: keras.optimizers.SGD(Leap()))
    with pytest.raises(MainlineError, match=r"at step 1[45]") as caught:
        small_training.fit(world, tmp_path, **LONG)
    assert "training.learning_rate" in caught.value.next_step
    (folder,) = (tmp_path / "resume").iterdir()
    assert checkpoints.newest(str(folder)).step == 12


class Leap(keras.optimizers.schedules.LearningRateSchedule):
    """0.01, and NaN from step 13 on."""

    def __call__(self, step):
        return tf.where(step < 13, 0.01, np.nan)


def test_weights_that_are_not_finite_are_never_saved(tmp_path):
    model = keras.Sequential([keras.layers.Dense(1, input_shape=(1,))])
    model.compile("adam")
    model.optimizer.build(model.trainable_variables)
    checkpoints.check_finite(model, 7)
    model.optimizer._momentums[0].assign([[np.inf]])
    with pytest.raises(MainlineError, match="is not finite at step 7"):
        checkpoints.check_finite(model, 7)


def test_settings_of_operation_do_not_invalidate_checkpoints(world, tmp_path, cut):
    cut(tmp_path, 5)
    assert small_training.fit(world, tmp_path, **LONG, keep_checkpoints=7, max_restarts=9)["resumed_at"] == [3]


def test_other_settings_start_afresh(world, tmp_path, cut):
    cut(tmp_path, 5)
    assert small_training.fit(world, tmp_path, **{**LONG, "seed": 4})["resumed_at"] == []
