"""Stock Transform that also records which files of transformed examples it wrote."""

from typing import Any

from tfx.types import standard_component_specs as specs

from components.batch_transform.options import Artifacts
from components.compat.tfx.transform import TransformExecutor
from components.examples.listing import list_written


class StockExecutor(TransformExecutor):
    """TensorFlow Transform's own computation; it uses none of its internal modules."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Transform as stock Transform does, and list the files."""
        super().Do(input_dict, output_dict, exec_properties)
        list_transformed(output_dict)


def list_transformed(outputs: Artifacts) -> None:
    """Record in the artifacts of transformed examples which files they have."""
    for examples in outputs.get(specs.TRANSFORMED_EXAMPLES_KEY) or []:
        list_written(examples)
