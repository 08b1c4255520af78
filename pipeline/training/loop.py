"""The training of a workload's model, from transformed examples to a SavedModel; it resumes after a kill."""

import json
import time
from collections.abc import Callable
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft
import tf_keras as keras
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.utils import io_utils

from components.compat.tensorflow import exclude_from_autograph
from components.support.heartbeat import beat
from components.tuner.report import is_trial
from pipeline.config.training import Training
from pipeline.errors import MainlineError
from pipeline.features.layers import undecayed_weights
from pipeline.features.table import Table, raw_columns
from pipeline.label import Label
from pipeline.nodes import TRAINER
from pipeline.training.checkpoint import checkpoints, sealed_files
from pipeline.training.checkpoint.checkpoints import Manifest
from pipeline.training.diagnostics import tensorboard
from pipeline.training.diagnostics.projector import write_projector
from pipeline.training.distribution import strategy
from pipeline.training.distribution.parameter_server import copy_weights, log_partitioned_tables
from pipeline.training.job import Job, make_job, read_training
from pipeline.training.optimizer import layers_compute_in, make_optimizer
from pipeline.training.session import Session
from pipeline.training.signatures import RawSpec, ServingModel
from pipeline.training.training_model import TrainingModel
from pipeline.training.warm_start.transfer import export_warm_start, warm_start

BuildModel = Callable[[Table, Training], keras.Model]


def train(fn_args: FnArgs, table: Table, build_model: BuildModel) -> None:
    """Train a model and save it to ``fn_args.serving_model_dir``; write logs to ``fn_args.model_run_dir``.

    A training that was killed resumes from its last checkpoint if inputs and settings are the same. With a cluster in
    TF_CONFIG every process calls this, and only the chief writes. In a parameter server or a worker that a coordinator
    leads, it does not return.

    Raises:
        ConfigError: the batch is too small for the workers, or there is no cluster for parameter servers.
        MainlineError: there are no rows, the loss is not finite, or the disk is full.
    """
    strategy.serve_if_coordinated()
    exclude_from_autograph("tf_keras")
    started_s = time.monotonic()
    training = read_training(fn_args)
    # Must be made before TensorFlow computes anything.
    distribution = strategy.make_strategy(training.strategy, training.parameter_servers)
    beat("reading rows")
    job = make_job(fn_args, table, training)
    beat("building")
    keras.utils.set_random_seed(training.seed)
    with distribution.scope():
        model = build_training_model(job, build_model)
        # Else the first step makes the variables, and is traced twice.
        model.optimizer.build(model.trainable_variables)
        beat("reading weights")
        origin = restore_or_start(model, job, distribution)
    if training.strategy == "parameter_server":
        log_partitioned_tables(model, training.parameter_servers)
    session = Session(job, model, distribution, origin, lambda: build_training_model(job, build_model))
    watch = session.fit()
    beat("exporting")
    if strategy.is_chief() and not is_trial():
        export(job, model, build_model)
        write_record(job, session, watch, time.monotonic() - started_s)
    strategy.wait_for_all(distribution)
    if strategy.is_chief():
        tf.io.gfile.rmtree(job.resume_dir)


def build_training_model(job: Job, build_model: BuildModel) -> TrainingModel:
    """Build the model to train, compiled, in the precision of the config.

    Raises:
        MainlineError: its output is not float32, or has not the width of the task.
    """
    training, task = job.training, job.task
    with layers_compute_in(training.precision):
        model = build_model(job.table, training)
        model = TrainingModel(model, task.losses, training.batch_size, training.accumulation_steps)
    check_output(model, job.table.target)
    model.compile(
        optimizer=make_optimizer(training, training.epochs * job.steps_per_epoch, undecayed_weights(model)),
        weighted_metrics=task.metrics(),
        steps_per_execution=training.steps_per_execution,
        jit_compile=training.jit_compile,
    )  # fmt: skip
    return model


def check_output(model: keras.Model, label: Label) -> None:
    """Check that a model's output is what the task of a label takes.

    Raises:
        MainlineError: it is not.
    """
    dtype, shape = model.output.dtype, tuple(model.output.shape)
    if dtype != tf.float32:
        raise MainlineError(
            "build_model", "the score is not float32", received=dtype.name,
            next_step="Give the last layer dtype='float32'.",
        )  # fmt: skip
    if shape != (None, label.task.width):
        raise MainlineError(
            "build_model", f"the model does not fit a {label.task.name} label",
            expected=f"an output of the shape {(None, label.task.width)}", received=str(shape),
            next_step="Build the last layer with the label: label=table.target.",
        )  # fmt: skip


def restore_or_start(model: TrainingModel, job: Job, distribution: tf.distribute.Strategy) -> Manifest:
    """Restore the last checkpoint, else the base model if the config asks for it; the same on all workers."""
    found = checkpoints.newest(job.resume_dir) if strategy.is_chief() else None
    step = strategy.of_chief(distribution, -1 if found is None else found.step)
    if step < 0:
        return checkpoints.beginning(start_warm(model, job))
    if found is None:
        found, fault = checkpoints.inspect(job.resume_dir, step)
        if found is None:
            raise MainlineError(TRAINER, f"a worker cannot read the checkpoint of step {step}", received=fault)
    checkpoints.restore(model, job.resume_dir, step)
    return found.resumed()


def start_warm(model: TrainingModel, job: Job) -> dict[str, Any]:
    """Start from the latest blessed model if the config says so; return the record of it."""
    if job.training.warm_start == "none":
        return {}
    return warm_start(model, job.fn_args.base_model, job.table, job.transform).as_record()


def export(job: Job, model: TrainingModel, build_model: BuildModel) -> None:
    """Save the weights in a model that depends on no strategy, precision or batch size."""
    plain = build_model(job.table, job.training)
    copy_weights(model, plain)
    directory = strategy.export_directory(job.fn_args.serving_model_dir)
    spec = raw_spec(job.fn_args.schema_path, job.table)
    ServingModel(plain, job.transform, spec, job.task.outputs).save(directory)
    export_warm_start(directory, plain, job.table, job.transform)
    labels = job.fn_args.custom_config.get("labels")
    write_projector(job.fn_args.model_run_dir, plain, job.table, job.transform, labels)


def raw_spec(schema_path: str, table: Table) -> RawSpec:
    """Return the spec that parses a serving request: the columns that the features read."""
    schema = io_utils.SchemaReader().read(schema_path)
    spec = tft.tf_metadata.schema_utils.schema_as_feature_spec(schema).feature_spec
    return {name: spec[name] for name in raw_columns(table.features)}


def write_record(job: Job, session: Session, watch: tensorboard.Watch, elapsed_s: float) -> None:
    """Write ``training.json`` beside the logs: settings, metrics by epoch, best epoch, speed, resumes, warm start."""
    rows = session.steps_made * job.training.batch_size
    record: dict[str, Any] = {
        "settings": job.training.model_dump(),
        "history": session.journal.history,
        "best": session.best.record,
        "steps_per_epoch": job.steps_per_epoch,
        "elapsed_s": round(elapsed_s, 3),
        "examples_per_s": round(rows / elapsed_s, 1),
        "workers": strategy.task()[2],
        "resumed_at": session.origin.resumed_at,
        "warm_start": session.origin.warm_start,
        "warnings": watch.finish(session.journal.history, job.task.monitor),
    }
    sealed_files.write(f"{job.fn_args.model_run_dir}/training.json", json.dumps(record, indent=1).encode("utf-8"))
