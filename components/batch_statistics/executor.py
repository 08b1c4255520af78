"""Statistics from record batches, decoded and counted in C++; one Beam pipeline with few stages for all splits."""

import logging
import os
from typing import Any

import apache_beam as beam
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx import types
from tfx.components.statistics_gen import executor as stock
from tfx.dsl.components.base import base_beam_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as specs
from tfx.utils import json_utils, stats_utils

from components.artifacts.statistics_files import read_statistics
from components.batch_statistics.counting import CountFile, MergeFiles, WriteSplit
from components.batch_statistics.options import check_options
from components.compat.tfx.executors import beam_pipeline
from components.examples.file_rows import check_rows_read, rows_by_split
from components.examples.listing import folders_of
from components.examples.parsing import declared
from components.examples.reading import check_examples, read_schema, required_files
from pipeline.errors import ConfigError, MainlineError

logger = logging.getLogger(__name__)
Artifacts = dict[str, list[types.Artifact]]


class Executor(base_beam_executor.BaseBeamExecutor):
    """Runs under the stock StatisticsGen component: same inputs, outputs and properties."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Write ``FeatureStats.pb`` for each split.

        Raises:
            ConfigError: an option is not supported.
            DataError: a split has no files.
            MainlineError: rows were lost.
        """
        examples = artifact_utils.get_single_instance(input_dict[specs.EXAMPLES_KEY])
        check_examples("BatchStatisticsGen", examples)
        options = read_settings(input_dict, exec_properties)
        splits = chosen_splits(examples, exec_properties)
        files = {split: required_files(examples, split) for split in splits}
        statistics = artifact_utils.get_single_instance(output_dict[specs.STATISTICS_KEY])
        describe(statistics, examples, splits)
        paths = {split: statistics_path(statistics, split) for split in splits}
        self.count(files, paths, declared(examples), options.to_json())
        missing = [path for path in paths.values() if not fileio.exists(path)]
        if missing:
            raise MainlineError(", ".join(missing), "a split was not counted", expected="statistics of each split")
        check_rows_read("StatisticsGen", rows_by_split(examples), rows_counted(statistics))
        logger.info("statistics of %s written to %s", ", ".join(splits), statistics.uri)

    def count(
        self, files: dict[str, list[str]], paths: dict[str, str], columns: schema_pb2.Schema | None, options: str
    ) -> None:
        """Count files side by side, and merge the counts by split."""
        for path in paths.values():
            fileio.makedirs(os.path.dirname(path))
        with beam_pipeline(self) as pipeline:
            _ = (
                pipeline
                | beam.Create([(split, path) for split, paths in files.items() for path in paths])
                | beam.Reshuffle()
                | beam.ParDo(CountFile(columns, options))
                | beam.CombinePerKey(MergeFiles(options))
                | beam.ParDo(WriteSplit(paths, {split: len(paths) for split, paths in files.items()}))
            )


def rows_counted(statistics: types.Artifact) -> dict[str, int]:
    """Return the number of rows behind the statistics of each split."""
    return {split: int(found.num_examples) for split, found in read_statistics(folders_of(statistics)).items()}


def read_settings(input_dict: Artifacts, exec_properties: dict[str, Any]) -> tfdv.StatsOptions:
    """Return the options of the component, with the schema if it is an input.

    Raises:
        ConfigError: there are two schemas, or an option is not supported.
    """
    for key in (specs.SAMPLE_RATE_BY_SPLIT_KEY, specs.SHARDED_STATS_OUTPUT_KEY):
        if exec_properties.get(key) not in (None, False, 0, "", "null", "{}"):
            raise ConfigError(f"BatchStatisticsGen: {key}", "not supported by this StatisticsGen", expected="nothing")
    text = exec_properties.get(specs.STATS_OPTIONS_JSON_KEY)
    options = tfdv.StatsOptions.from_json(text) if text else tfdv.StatsOptions()
    check_options(options)
    if input_dict.get(specs.SCHEMA_KEY):
        if options.schema is not None:
            raise ConfigError("BatchStatisticsGen", "two schemas", expected="one, as an input or in stats_options")
        options.schema = read_schema(artifact_utils.get_single_uri(input_dict[specs.SCHEMA_KEY]))
    return options


def chosen_splits(examples: types.Artifact, exec_properties: dict[str, Any]) -> list[str]:
    """Return the splits without the excluded ones.

    Raises:
        ConfigError: none is left, or ``exclude_splits`` is not a list.
    """
    excluded = json_utils.loads(exec_properties.get(specs.EXCLUDE_SPLITS_KEY) or "null") or []
    if not isinstance(excluded, list):
        raise ConfigError(
            "BatchStatisticsGen: exclude_splits", "not a list", expected="a list of names", received=repr(excluded)
        )
    splits = artifact_utils.decode_split_names(examples.split_names)
    chosen = [split for split in splits if split not in excluded]
    if not chosen:
        raise ConfigError("BatchStatisticsGen: exclude_splits", "no split is left", received=", ".join(excluded))
    return chosen


def statistics_path(statistics: types.Artifact, split: str) -> str:
    """Return the path at which stock StatisticsGen writes the statistics of a split."""
    return os.path.join(artifact_utils.get_split_uri([statistics], split), stock.DEFAULT_FILE_NAME)


def describe(statistics: types.Artifact, examples: types.Artifact, splits: list[str]) -> None:
    """Fill the properties as stock StatisticsGen does (tfx/components/statistics_gen/executor.py)."""
    statistics.split_names = artifact_utils.encode_split_names(splits)
    statistics.span = examples.span
    link = stats_utils.generate_stats_dashboard_link(statistics)
    statistics.set_string_custom_property(stock.STATS_DASHBOARD_LINK, link)
    rates = json_utils.dumps(dict.fromkeys(splits, 1.0))
    statistics.set_json_value_custom_property(stock.SAMPLE_RATE_BY_SPLIT_PROPERTY_NAME, rates)
