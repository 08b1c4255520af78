"""The push of a blessed model, in place of stock Pusher's: versions never collide and are never seen half-written."""

from pathlib import Path
from typing import Any

from tfx import types
from tfx.components.pusher import executor as stock
from tfx.proto import pusher_pb2
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as specs
from tfx.utils import io_utils, proto_utils

from components.versioned_pusher.versions import push

Artifacts = dict[str, list[types.Artifact]]


class Executor(stock.Executor):
    """Runs under the stock Pusher component: same inputs, outputs and properties."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Pushes the model if it is blessed; a model that is already the latest version is not copied again."""
        self._log_startup(input_dict, output_dict, exec_properties)
        pushed = artifact_utils.get_single_instance(output_dict[specs.PUSHED_MODEL_KEY])
        if not self.CheckBlessing(input_dict):
            self._MarkNotPushed(pushed)
            return
        destination = pusher_pb2.PushDestination()
        proto_utils.json_to_proto(exec_properties[specs.PUSH_DESTINATION_KEY], destination)
        model = self.GetModelPath(input_dict)
        version, _ = push(Path(model), Path(destination.filesystem.base_directory))
        io_utils.copy_dir(model, pushed.uri)
        self._MarkPushed(pushed, pushed_destination=str(version), pushed_version=version.name)
