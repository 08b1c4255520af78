"""The fitting of a workload's model, from transformed examples to a SavedModel; resumes where it was cut short."""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft
import tf_keras as keras
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.utils import io_utils

from pipeline.config import Training
from pipeline.errors import MainlineError
from pipeline.features.table import Table, raw_columns, transformed_features
from pipeline.training import callbacks, strategy
from pipeline.training.autograph import leave_keras_alone
from pipeline.training.best import BestWeights
from pipeline.training.inputs import Batches, batches, count_records
from pipeline.training.optimizer import make_optimizer
from pipeline.training.signatures import RawSpec, ServingModel

BuildModel = Callable[[Table, Training], keras.Model]
MONITOR = "val_log_loss"


@dataclass(frozen=True)
class Job:
    """All that one fitting needs, read from TFX's arguments once."""

    fn_args: FnArgs
    table: Table
    training: Training
    transform: tft.TFTransformOutput
    steps_per_epoch: int
    resume_dir: str


def train(fn_args: FnArgs, table: Table, build_model: BuildModel) -> None:
    """Fits a model and saves it to ``fn_args.serving_model_dir``; writes logs to ``fn_args.model_run_dir``.

    A run with the same inputs and the same settings that was killed goes on from its last checkpoint.

    Raises:
        MainlineError: no training rows for this batch size, or a loss that is not finite.
    """
    leave_keras_alone()
    job = make_job(fn_args, table)
    keras.utils.set_random_seed(job.training.seed)
    started_s = time.monotonic()
    distribution = strategy.make_strategy(job.training.strategy)
    with distribution.scope():
        model = build_model(job.table, job.training)
        compile_model(model, job)
    history, best = fit(model, job, distribution)
    export = ServingModel(model, job.transform, raw_spec(fn_args.schema_path, job.table))
    export.save(strategy.export_directory(fn_args.serving_model_dir))
    if strategy.is_chief():
        write_record(job, history, best, time.monotonic() - started_s)
        tf.io.gfile.rmtree(job.resume_dir)


def make_job(fn_args: FnArgs, table: Table) -> Job:
    """Reads settings and counts rows."""
    training = Training.model_validate_json(json.dumps(fn_args.custom_config["training"]))
    table = table.without(training.exclude_columns)
    rows = count_records(fn_args.train_files)
    if rows < 1:
        raise MainlineError("Trainer", "the train split has no rows", received=str(fn_args.train_files))
    resume_dir = resume_directory(fn_args)
    tf.io.gfile.makedirs(resume_dir)
    transform = tft.TFTransformOutput(fn_args.transform_output)
    return Job(fn_args, table, training, transform, -(-rows // training.batch_size), resume_dir)


def resume_directory(fn_args: FnArgs) -> str:
    """A folder that only a fitting of the same rows with the same settings and code shares."""
    same = [fn_args.train_files, fn_args.eval_files, fn_args.transform_output, fn_args.custom_config]
    key = hashlib.sha256(json.dumps(same, sort_keys=True, default=str).encode()).hexdigest()[:16]
    runs = fn_args.model_run_dir.rstrip("/").rsplit("/", 2)[0]
    return f"{runs}/resume/{key}"


def compile_model(model: keras.Model, job: Job) -> None:
    """Loss, metrics and optimizer."""
    model.compile(
        optimizer=make_optimizer(job.training, job.training.epochs * job.steps_per_epoch),
        loss=keras.losses.BinaryCrossentropy(),
        metrics=[keras.metrics.AUC(num_thresholds=1000, name="auc"), keras.metrics.BinaryCrossentropy(name="log_loss")],
    )


def fit(
    model: keras.Model, job: Job, distribution: tf.distribute.Strategy
) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Fits; gives the metrics by epoch and the record of the best one."""
    train_batches = split_batches(job, job.fn_args.train_files, distribution, shuffle_seed=job.training.seed)
    eval_batches = split_batches(job, job.fn_args.eval_files, distribution)
    best = BestWeights(job.resume_dir, MONITOR, job.training.early_stopping_patience, job.training.weight_averaging)
    history = model.fit(
        train_batches,
        epochs=job.training.epochs,
        steps_per_epoch=job.steps_per_epoch,
        validation_data=eval_batches,
        callbacks=[best, *callback_list(job, eval_batches)],
        verbose=0,
    )
    return history.history, best.best


def split_batches(
    job: Job, files: list[str], distribution: tf.distribute.Strategy, shuffle_seed: int | None = None
) -> Batches:
    """Batches of this worker: its share of the rows, its share of the global batch."""
    _, index, workers = strategy.task()
    workers = workers if isinstance(distribution, tf.distribute.MultiWorkerMirroredStrategy) else 1
    label = f"{job.table.label}_xf"
    names = {output.name for output in transformed_features(job.table.features)} | {label}
    spec = job.transform.transformed_feature_spec()
    return batches(
        files,
        {name: spec[name] for name in names},
        label,
        max(1, job.training.batch_size // workers),
        shuffle_seed,
        (workers, index if workers > 1 else 0),
    )


def callback_list(job: Job, eval_batches: Batches) -> list[keras.callbacks.Callback]:
    """The callbacks of every fitting; histograms where the config asks for them."""
    training, log_dir = job.training, job.fn_args.model_run_dir
    chosen: list[keras.callbacks.Callback] = [
        callbacks.StopOnNaN(),
        callbacks.Progress(training.epochs, job.steps_per_epoch),
        keras.callbacks.BackupAndRestore(f"{job.resume_dir}/backup", save_freq=training.checkpoint_every_steps),
        keras.callbacks.TensorBoard(log_dir, histogram_freq=training.histogram_every_epochs, write_graph=False),
    ]
    if training.histogram_every_epochs and strategy.is_chief():
        batch = next(iter(eval_batches.take(1)))
        chosen.append(callbacks.GradientHistograms(f"{log_dir}/gradients", batch, training.histogram_every_epochs))
    return chosen


def raw_spec(schema_path: str, table: Table) -> RawSpec:
    """How to parse a serving request: the columns that the table reads, without the label."""
    schema = io_utils.SchemaReader().read(schema_path)
    spec = tft.tf_metadata.schema_utils.schema_as_feature_spec(schema).feature_spec
    return {name: spec[name] for name in raw_columns(table.features)}


def write_record(job: Job, history: dict[str, list[float]], best: dict[str, float], elapsed_s: float) -> None:
    """Writes ``training.json`` beside the logs: settings, metrics by epoch, what was chosen, how fast."""
    epochs = len(history.get("loss", []))
    record: dict[str, Any] = {
        "settings": job.training.model_dump(),
        "history": {name: [float(value) for value in values] for name, values in history.items()},
        "best": best,
        "steps_per_epoch": job.steps_per_epoch,
        "elapsed_s": round(elapsed_s, 3),
        "examples_per_s": round(epochs * job.steps_per_epoch * job.training.batch_size / elapsed_s, 1),
        "workers": strategy.task()[2],
    }
    with tf.io.gfile.GFile(f"{job.fn_args.model_run_dir}/training.json", "w") as file:
        file.write(json.dumps(record, indent=1))
