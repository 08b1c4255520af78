"""A hook into TFX's launcher before an executor runs, and the working folder that a failed execution leaves.

It stands, alike in TFX 1.16 and 1.21, in ``tfx/orchestration/portable/launcher.py`` (``_run_executor`` creates output
folders and removes them if the executor fails) and ``outputs_utils.py`` (``get_stateful_working_directory``). When the
method goes, the hook is never called and ``test_compat_tfx_launcher`` fails; when an attribute goes, each node fails as
it starts; when the property goes, working folders of failed executions are left behind.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from ml_metadata.proto import metadata_store_pb2
from tfx.orchestration.portable import data_types, launcher
from tfx.proto.orchestration import execution_result_pb2

Execution: TypeAlias = metadata_store_pb2.Execution
# Called with the folder of the node, the execution and the URIs of its outputs.
BeforeExecutor: TypeAlias = Callable[[Path, Execution, list[str]], None]
STATEFUL_FOLDER = Path(".system", "stateful_working_dir")
STATEFUL_PROPERTY = "__stateful_working_dir_index__"


class HookedLauncher(launcher.Launcher):
    """TFX's launcher, which calls ``before_executor`` before any output folder is created."""

    def __init__(self, before_executor: BeforeExecutor, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._before_executor = before_executor

    def _run_executor(self, execution_info: data_types.ExecutionInfo) -> execution_result_pb2.ExecutorOutput:
        with self._mlmd_connection as handle:
            (execution,) = handle.store.get_executions_by_id([execution_info.execution_id])
        root = self._pipeline_runtime_spec.pipeline_root.field_value.string_value
        uris = [artifact.uri for artifacts in execution_info.output_dict.values() for artifact in artifacts]
        self._before_executor(Path(root) / self._pipeline_node.node_info.id, execution, uris)
        return super()._run_executor(execution_info)


def stateful_folder(node_folder: Path, execution: Execution) -> Path | None:
    """The working folder that TFX keeps of a failed execution for a retry; None if there is none."""
    name = dict(execution.custom_properties).get(STATEFUL_PROPERTY)
    return node_folder / STATEFUL_FOLDER / name.string_value if name is not None and name.string_value else None
