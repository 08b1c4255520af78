"""The inputs and settings of one training, read from TFX's arguments, and its folder for checkpoints."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

import tensorflow as tf
import tensorflow_transform as tft
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.utils import io_utils

import components.compat.tensorflow  # noqa: F401 (lets models be restored from folders of any name)
from components.examples import FILE_ROWS
from components.examples.listing import mark
from components.tuner.overrides import with_hyperparameters
from pipeline.config.training import Training, key_of
from pipeline.errors import MainlineError
from pipeline.features.table import Table, targets, transformed_features
from pipeline.nodes import TRAINER
from pipeline.task.labels import resolve
from pipeline.task.protocol import TrainingTask
from pipeline.task.registry import training_of
from pipeline.training.input.split_rows import Split, count_records, list_files

# Entries of the custom config that do not change what is trained: names for TensorBoard's projector, which are read
# after it, and the recorded rows of the files, which are known by their marks.
IRRELEVANT = (FILE_ROWS, "labels", "labels_digest")


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
    def task(self) -> TrainingTask:
        """How the task of the label is trained."""
        return training_of(self.table.target)

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
    table = resolved(table.without(training.exclude_columns), fn_args.schema_path)
    transform = tft.TFTransformOutput(fn_args.transform_graph_path)
    resume_dir = resume_directory(fn_args)
    tf.io.gfile.makedirs(resume_dir)
    recorded = fn_args.custom_config.get(FILE_ROWS, {})
    train = make_split("train", fn_args.train_files, recorded, table, transform)
    held_out = make_split("eval", fn_args.eval_files, recorded, table, transform)
    return Job(fn_args, table, training, transform, train, held_out, resume_dir)


def resolved(table: Table, schema_path: str) -> Table:
    """Return the table with the values of its label, which the schema lists if they are texts."""
    if table.target.is_plain:
        return table
    return dataclasses.replace(table, label=resolve(table.target, io_utils.SchemaReader().read(schema_path)))


def make_split(
    name: str, patterns: list[str], recorded: Mapping[str, int], table: Table, transform: tft.TFTransformOutput
) -> Split:
    """Return one split of the transformed examples, with the columns of the table.

    Args:
        name: of the split.
        patterns: of its files.
        recorded: the rows of files by path; a split is counted if one of its files is not among them.
        table: of the features.
        transform: Transform's output.

    Raises:
        MainlineError: it has no rows.
    """
    files = list_files(patterns)
    by_file = {path: recorded[path] for path in files if path in recorded}
    rows = sum(by_file.values()) if len(by_file) == len(files) else count_records(files)
    if rows < 1:
        raise MainlineError(TRAINER, f"the {name} split has no rows", received=str(patterns))
    spec = transform.transformed_feature_spec()
    names = [output.name for output in (*transformed_features(table.features), *targets(table))]
    label, weight, *_ = (*(target.name for target in targets(table)), None)
    return Split(files, rows, {name: spec[name] for name in names}, label, weight, rows_by_file=by_file)


def resume_directory(fn_args: FnArgs) -> str:
    """Return a folder that only a training on the same rows with the same settings and code shares."""
    config = {key: value for key, value in fn_args.custom_config.items() if key not in IRRELEVANT}
    training = with_hyperparameters(config["training"], fn_args.hyperparameters)
    config["training"] = {key: value for key, value in training.items() if key_of(key).invalidates_checkpoint}
    files = [(path, mark(path)) for path in list_files([*fn_args.train_files, *fn_args.eval_files])]
    same = [files, fn_args.transform_graph_path, fn_args.base_model, config]
    key = hashlib.sha256(json.dumps(same, sort_keys=True, default=str).encode()).hexdigest()[:16]
    runs = fn_args.model_run_dir.rstrip("/").rsplit("/", 2)[0]
    return f"{runs}/resume/{key}"
