"""Trainer's executor with listed files in place of file patterns, so that other files in the folders are ignored."""

from typing import Any

from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.proto import trainer_pb2
from tfx.types import standard_component_specs as specs
from tfx.utils import proto_utils

from components.compat.tfx.trainer import Artifacts, FileArgsExecutor
from components.examples import FILE_ROWS
from components.examples.file_rows import rows_by_path
from components.examples.reading import split_files


class TrainerExecutor(FileArgsExecutor):
    """Stock Trainer's executor; ``run_fn`` gets the names of files, and in the custom config their recorded rows."""

    def fn_args(self, inputs: Artifacts, properties: dict[str, Any], stock: FnArgs) -> FnArgs:
        """Return the arguments of ``run_fn`` with the files of each split by name.

        Raises:
            DataError: a file is missing, or is not the one that was written.
        """
        train, held_out = trainer_pb2.TrainArgs(), trainer_pb2.EvalArgs()
        proto_utils.json_to_proto(properties[specs.TRAIN_ARGS_KEY], train)
        proto_utils.json_to_proto(properties[specs.EVAL_ARGS_KEY], held_out)
        examples = inputs[specs.EXAMPLES_KEY]
        stock.train_files = [path for split in train.splits or ["train"] for path in split_files(examples, split)]
        stock.eval_files = [path for split in held_out.splits or ["eval"] for path in split_files(examples, split)]
        stock.custom_config = {**(stock.custom_config or {}), FILE_ROWS: rows_by_path(examples)}
        return stock
