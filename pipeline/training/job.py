"""The inputs and settings of one training, read from TFX's arguments, and its folder for checkpoints."""

import hashlib
import json
from dataclasses import dataclass

import tensorflow as tf
import tensorflow_transform as tft
from tfx.components.trainer.fn_args_utils import FnArgs

import components.compat.tensorflow  # noqa: F401 (lets models be restored from folders of any name)
from components.examples.listing import mark
from components.tuner.overrides import with_hyperparameters
from pipeline.config.training import Training, key_of
from pipeline.errors import MainlineError
from pipeline.features.table import Table, targets, transformed_features
from pipeline.nodes import TRAINER
from pipeline.training.input.batches import Split, count_records, list_files

# Entries of the custom config that are read only after training: names for TensorBoard's projector.
READ_AFTER_TRAINING = ("labels", "labels_digest")


@dataclass(frozen=True)
class Job:
    """The inputs and settings of one training."""

    fn_args: FnArgs
    table: Table
    training: Training
    transform: tft.TFTransformOutput
    train: Split
    eval: Split
    resume_dir: str

    @property
    def steps_per_epoch(self) -> int:
        """The number of whole global batches in the train split, at least one."""
        return max(1, self.train.rows // self.training.batch_size)


def read_training(fn_args: FnArgs) -> Training:
    """Return the settings of the config, overridden by what a search has found."""
    found = with_hyperparameters(fn_args.custom_config["training"], fn_args.hyperparameters)
    return Training.model_validate_json(json.dumps(found))


def make_job(fn_args: FnArgs, table: Table, training: Training) -> Job:
    """Read splits and transform graph, and make the folder for checkpoints."""
    table = table.without(training.exclude_columns)
    transform = tft.TFTransformOutput(fn_args.transform_graph_path)
    resume_dir = resume_directory(fn_args)
    tf.io.gfile.makedirs(resume_dir)
    train = make_split("train", fn_args.train_files, table, transform)
    held_out = make_split("eval", fn_args.eval_files, table, transform)
    return Job(fn_args, table, training, transform, train, held_out, resume_dir)


def make_split(name: str, patterns: list[str], table: Table, transform: tft.TFTransformOutput) -> Split:
    """Return one split of the transformed examples, with the columns of the table.

    Raises:
        MainlineError: it has no rows.
    """
    rows = count_records(patterns)
    if rows < 1:
        raise MainlineError(TRAINER, f"the {name} split has no rows", received=str(patterns))
    spec = transform.transformed_feature_spec()
    names = [output.name for output in (*transformed_features(table.features), *targets(table))]
    label, weight, *_ = (*(target.name for target in targets(table)), None)
    return Split(list_files(patterns), rows, {name: spec[name] for name in names}, label, weight)


def resume_directory(fn_args: FnArgs) -> str:
    """Return a folder that only a training on the same rows with the same settings and code shares."""
    config = {key: value for key, value in fn_args.custom_config.items() if key not in READ_AFTER_TRAINING}
    training = with_hyperparameters(config["training"], fn_args.hyperparameters)
    config["training"] = {key: value for key, value in training.items() if key_of(key).invalidates_checkpoint}
    files = [(path, mark(path)) for path in list_files([*fn_args.train_files, *fn_args.eval_files])]
    same = [files, fn_args.transform_graph_path, fn_args.base_model, config]
    key = hashlib.sha256(json.dumps(same, sort_keys=True, default=str).encode()).hexdigest()[:16]
    runs = fn_args.model_run_dir.rstrip("/").rsplit("/", 2)[0]
    return f"{runs}/resume/{key}"
