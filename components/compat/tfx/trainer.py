"""The arguments of ``run_fn``, which stock Trainer makes in ``GenericExecutor._GetFnArgs``.

They are file patterns there (tfx/components/trainer/executor.py), which match files that nobody listed. If the hook
goes, ``run_fn`` gets patterns again.
"""

from typing import Any

from tfx import types
from tfx.components.trainer.executor import GenericExecutor
from tfx.components.trainer.fn_args_utils import FnArgs

Artifacts = dict[str, list[types.Artifact]]


class FileArgsExecutor(GenericExecutor):
    """Stock Trainer's executor, with a public hook for the arguments of ``run_fn``."""

    def fn_args(self, inputs: Artifacts, properties: dict[str, Any], stock: FnArgs) -> FnArgs:
        """Return the arguments for ``run_fn``, given those of stock Trainer."""
        raise NotImplementedError

    def _GetFnArgs(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> FnArgs:
        return self.fn_args(input_dict, exec_properties, super()._GetFnArgs(input_dict, output_dict, exec_properties))
