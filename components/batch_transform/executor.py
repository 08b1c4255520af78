"""Transform in batches: a short Beam pipeline for each pass over the rows, and graphs in between."""

import functools
import logging
import os
import uuid
from collections.abc import Sequence
from typing import Any

from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as specs

import components.compat.tensorflow  # noqa: F401 (lets models be restored from folders of any name)
from components.batch_transform import tracing
from components.batch_transform.columns import UnknownColumnError, check_outputs, parsed_columns, type_specs
from components.batch_transform.learning import learn
from components.batch_transform.options import Artifacts, check_settings
from components.batch_transform.passes import Columns, InputFile, Rows, TransformGraph, check_rows
from components.batch_transform.plan import Phase, UnknownAnalyzerError, phases
from components.batch_transform.rows import transform
from components.batch_transform.stock_executor import StockExecutor, list_transformed
from components.batch_transform.tracing import Traced
from components.compat.tfx.executors import beam_pipeline
from components.compat.tfx.transform import executor_utils
from components.examples.file_rows import check_rows_read, record_rows, rows_by_path
from components.examples.reading import check_examples, read_schema, required_files

logger = logging.getLogger(__name__)
# As stock Transform has it (tfx/components/transform/executor.py).
TEMPORARY = ".temp_path"
Properties = dict[str, Any]


class Executor(StockExecutor):
    """Runs under the stock Transform component: same inputs, outputs and properties.

    A preprocessing_fn with an unknown analyzer or kind of column is left to stock Transform, from which this derives.
    """

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: Properties) -> None:
        """Write the transform graph and the transformed examples.

        Raises:
            ConfigError: a setting is not supported.
            DataError: a split has no files.
            MainlineError: rows were lost.
        """
        check_settings(input_dict, output_dict, exec_properties)
        for examples in input_dict[specs.EXAMPLES_KEY]:
            check_examples("BatchTransform", examples)
        target = artifact_utils.get_single_uri(output_dict[specs.TRANSFORM_GRAPH_KEY])
        schema = read_schema(artifact_utils.get_single_uri(input_dict[specs.SCHEMA_KEY]))
        # A new folder for each call, since loaded graphs are cached by folder.
        temporary = os.path.join(target, TEMPORARY, uuid.uuid4().hex)
        try:
            columns = parsed_columns(schema)
            traced = tracing.trace(self.preprocessing_fn(exec_properties), type_specs(columns), temporary)
            check_outputs(traced.outputs)
            passes = phases(traced)
        except (UnknownAnalyzerError, UnknownColumnError) as unknown:
            logger.warning("BatchTransform does not support %s: using stock Transform, which is slower", unknown)
            super().Do(input_dict, output_dict, exec_properties)
            return
        executor_utils.MatchNumberOfTransformedExamplesArtifacts(input_dict, output_dict)
        analyzed, transformed = input_files(input_dict, output_dict, exec_properties)
        saved, read, written = self.transform(traced, passes, columns, analyzed, transformed)
        check_rows_read("Transform", rows_by_path(input_dict[specs.EXAMPLES_KEY]), read)
        tracing.publish(traced, saved, schema, target)
        fileio.rmtree(os.path.join(target, TEMPORARY))
        list_transformed(output_dict)
        record_transformed(output_dict, written)

    def transform(
        self,
        traced: Traced,
        passes: Sequence[Phase],
        columns: Columns,
        analyzed: list[InputFile],
        transformed: list[InputFile],
    ) -> tuple[str, Rows, Rows]:
        """Run the analyzers on some files and transform others.

        Returns:
            The folder of the final SavedModel, the rows read from each file, and the rows of each new file.

        Raises:
            MainlineError: rows were lost.
        """
        used = {name: columns[name] for name in tracing.columns_for_analysis(traced)}
        make_pipeline = functools.partial(beam_pipeline, self)
        values, rows = learn(make_pipeline, traced, passes, used, analyzed)
        saved, written = os.path.join(traced.folder, "graph"), Rows()
        tracing.save(traced, saved, values)
        if transformed:
            graph = TransformGraph(saved, {name: columns[name] for name in tracing.columns_for_outputs(traced)})
            schema = tracing.read_schema(saved)
            moved, written = transform(make_pipeline, transformed, graph, schema, os.path.join(traced.folder, "rows"))
            check_rows(rows, moved)
            rows |= moved
        return saved, rows, written


def record_transformed(outputs: Artifacts, rows: Rows) -> None:
    """Record the rows of each new file, by path, in the artifact whose file it is."""
    for examples in outputs.get(specs.TRANSFORMED_EXAMPLES_KEY) or []:
        folder = os.path.join(examples.uri, "")
        record_rows(examples, {path: number for path, number in rows.items() if path.startswith(folder)})


def input_files(
    input_dict: Artifacts, output_dict: Artifacts, properties: Properties
) -> tuple[list[InputFile], list[InputFile]]:
    """Return the files to analyze and those to transform, and make the folders of the output.

    Raises:
        DataError: a split has no files.
    """
    examples = input_dict[specs.EXAMPLES_KEY]
    splits = executor_utils.ResolveSplitsConfig(properties.get(specs.SPLITS_CONFIG_KEY), examples)
    transformed = output_dict.get(specs.TRANSFORMED_EXAMPLES_KEY) or []
    executor_utils.SetSplitNames(splits.transform, transformed)
    analyzed = [
        InputFile(path) for split in splits.analyze for artifact in examples for path in required_files(artifact, split)
    ]
    written: list[InputFile] = []
    for split in splits.transform:
        for artifact, target in zip(examples, transformed, strict=bool(transformed)):
            folder = artifact_utils.get_split_uri([target], split)
            fileio.makedirs(folder)
            written += (InputFile(path, number, folder) for number, path in enumerate(required_files(artifact, split)))
    return analyzed, written
