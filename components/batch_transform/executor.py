"""Transform by batch: a Beam pipeline of few stages for each pass over the rows, and the graph between them."""

import logging
import os
import uuid
from collections.abc import Sequence
from typing import Any

from tfx.components.transform import executor as stock
from tfx.components.transform import executor_utils, labels
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as specs

import components.compat.tensorflow  # noqa: F401 (lets models be restored from folders of any name)
from components.batch_transform import tracing
from components.batch_transform.columns import UnknownColumnError, check_outputs, parsed_columns, type_specs
from components.batch_transform.learning import learn
from components.batch_transform.options import Artifacts, check_settings
from components.batch_transform.passes import Columns, Graph, Work, check_rows
from components.batch_transform.plan import Phase, UnknownAnalyzerError, phases
from components.batch_transform.rows import transform
from components.batch_transform.tracing import Traced
from components.examples.listing import list_written
from components.examples.reading import check_examples, read_schema, required_files

logger = logging.getLogger(__name__)
# As stock Transform has it (tfx/components/transform/executor.py).
TEMPORARY = ".temp_path"
Properties = dict[str, Any]


class Executor(stock.Executor):
    """Runs under the stock Transform component: same inputs, outputs and properties.

    What is not done here is left to stock's executor, whose subclass this is: an analyzer, or a kind of column, that
    is not known.
    """

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: Properties) -> None:
        """Writes the transform graph and the transformed examples.

        Raises:
            ConfigError: a setting asks for what this Transform does not know.
            DataError: a split has no files.
            MainlineError: rows were lost.
        """
        check_settings(input_dict, output_dict, exec_properties)
        for examples in input_dict[specs.EXAMPLES_KEY]:
            check_examples("BatchTransform", examples)
        target = artifact_utils.get_single_uri(output_dict[specs.TRANSFORM_GRAPH_KEY])
        schema = read_schema(artifact_utils.get_single_uri(input_dict[specs.SCHEMA_KEY]))
        # Of this call alone: a process knows a graph that it has loaded by its folder.
        temporary = os.path.join(target, TEMPORARY, uuid.uuid4().hex)
        try:
            columns = parsed_columns(schema)
            traced = tracing.trace(self.preprocessing_fn(exec_properties), type_specs(columns), temporary)
            check_outputs(traced.outputs)
            passes = phases(traced)
        except (UnknownAnalyzerError, UnknownColumnError) as unknown:
            logger.warning("left to stock Transform, which is slower: BatchTransform does not know %s", unknown)
            super().Do(input_dict, output_dict, exec_properties)
            list_transformed(output_dict)
            return
        executor_utils.MatchNumberOfTransformedExamplesArtifacts(input_dict, output_dict)
        analyzed, transformed = work_on(input_dict, output_dict, exec_properties)
        saved = self.transform(traced, passes, columns, analyzed, transformed)
        tracing.publish(traced, saved, schema, target)
        fileio.rmtree(os.path.join(target, TEMPORARY))
        list_transformed(output_dict)

    def preprocessing_fn(self, properties: Properties) -> tracing.PreprocessingFn:
        """The function that the component was given, with its ``custom_config`` if it takes one."""
        named = {
            labels.PREPROCESSING_FN: properties.get(specs.PREPROCESSING_FN_KEY),
            labels.MODULE_FILE: None,
            labels.MODULE_PATH: None,
            labels.CUSTOM_CONFIG: properties.get(specs.CUSTOM_CONFIG_KEY),
        }
        return self._GetPreprocessingFn(named, {})

    def transform(
        self, traced: Traced, passes: Sequence[Phase], columns: Columns, analyzed: list[Work], transformed: list[Work]
    ) -> str:
        """Learns from some files and transforms others; gives the folder of the last SavedModel.

        Raises:
            MainlineError: rows were lost.
        """
        used = {name: columns[name] for name in tracing.columns_for_analysis(traced)}
        values, rows = learn(self._make_beam_pipeline, traced, passes, used, analyzed)
        saved = os.path.join(traced.folder, "graph")
        tracing.save(traced, saved, values)
        if transformed:
            graph = Graph(saved, {name: columns[name] for name in tracing.columns_for_outputs(traced)})
            schema = tracing.read_schema(saved)
            moved = transform(self._make_beam_pipeline, transformed, graph, schema, os.path.join(traced.folder, "rows"))
            check_rows(rows, moved)
        return saved


def list_transformed(output_dict: Artifacts) -> None:
    """Keeps in the artifacts of transformed examples which files they have."""
    for examples in output_dict.get(specs.TRANSFORMED_EXAMPLES_KEY) or []:
        list_written(examples)


def work_on(input_dict: Artifacts, output_dict: Artifacts, properties: Properties) -> tuple[list[Work], list[Work]]:
    """The files to analyze, and those to transform, if transformed rows are asked for; makes the folders of these.

    Raises:
        DataError: a split has no files.
    """
    examples = input_dict[specs.EXAMPLES_KEY]
    splits = executor_utils.ResolveSplitsConfig(properties.get(specs.SPLITS_CONFIG_KEY), examples)
    transformed = output_dict.get(specs.TRANSFORMED_EXAMPLES_KEY) or []
    executor_utils.SetSplitNames(splits.transform, transformed)
    analyzed = [
        Work(path) for split in splits.analyze for artifact in examples for path in required_files(artifact, split)
    ]
    written: list[Work] = []
    for split in splits.transform:
        for artifact, target in zip(examples, transformed, strict=bool(transformed)):
            folder = artifact_utils.get_split_uri([target], split)
            fileio.makedirs(folder)
            written += (Work(path, number, folder) for number, path in enumerate(required_files(artifact, split)))
    return analyzed, written
