"""Trainer's own executor, which is told files by name: what else lies in the folders of examples is no rows."""

from typing import Any

from tfx import types
from tfx.components.trainer.executor import GenericExecutor
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.proto import trainer_pb2
from tfx.types import standard_component_specs as specs
from tfx.utils import proto_utils

from components.examples.reading import split_files

Artifacts = dict[str, list[types.Artifact]]


class TrainerExecutor(GenericExecutor):
    """Stock Trainer's executor, which asks ``_GetFnArgs`` for its arguments (tfx/components/trainer/executor.py)."""

    def _GetFnArgs(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> FnArgs:
        """The arguments of ``run_fn``; stock's are patterns.

        Raises:
            DataError: a file is gone, or is another one than was written.
        """
        result = super()._GetFnArgs(input_dict, output_dict, exec_properties)
        train, held_out = trainer_pb2.TrainArgs(), trainer_pb2.EvalArgs()
        proto_utils.json_to_proto(exec_properties[specs.TRAIN_ARGS_KEY], train)
        proto_utils.json_to_proto(exec_properties[specs.EVAL_ARGS_KEY], held_out)
        examples = input_dict[specs.EXAMPLES_KEY]
        result.train_files = [path for split in train.splits or ["train"] for path in split_files(examples, split)]
        result.eval_files = [path for split in held_out.splits or ["eval"] for path in split_files(examples, split)]
        return result
