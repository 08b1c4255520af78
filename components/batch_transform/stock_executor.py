"""Stock Transform that checks the files that it reads, and records which files of transformed examples it wrote."""

from typing import Any

from tfx.types import standard_component_specs as specs

from components.batch_transform.options import Artifacts
from components.compat.tfx.transform import TransformExecutor, executor_utils
from components.examples.listing import list_written
from components.examples.reading import check_examples, check_only_files


class StockExecutor(TransformExecutor):
    """TensorFlow Transform's own computation; it uses none of its internal modules."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Transform as stock Transform does, and list the files.

        Raises:
            ConfigError: the examples are not tf.Examples in folders of splits.
            DataError: a split has no files, or others than those that were written.
        """
        check_inputs(input_dict, exec_properties)
        super().Do(input_dict, output_dict, exec_properties)
        list_transformed(output_dict)


def check_inputs(inputs: Artifacts, properties: dict[str, Any]) -> None:
    """Check all that stock Transform will read.

    Raises:
        ConfigError: the examples are not tf.Examples in folders of splits.
        DataError: a split has no files, or others than those that were written.
    """
    examples = inputs[specs.EXAMPLES_KEY]
    for artifact in examples:
        check_examples("Transform", artifact)
    splits = executor_utils.ResolveSplitsConfig(properties.get(specs.SPLITS_CONFIG_KEY), examples)
    for split in sorted({*splits.analyze, *splits.transform}):
        for artifact in examples:
            check_only_files(artifact, split)


def list_transformed(outputs: Artifacts) -> None:
    """Record in the artifacts of transformed examples which files they have."""
    for examples in outputs.get(specs.TRANSFORMED_EXAMPLES_KEY) or []:
        list_written(examples)
