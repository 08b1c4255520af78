"""Reads the anomalies of every split, writes the verdict, and fails on what blocks."""

import json
from collections.abc import Iterable
from typing import Any

from tensorflow_metadata.proto.v0 import anomalies_pb2, statistics_pb2
from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils

from components.artifacts.anomalies import Anomaly
from components.examples.reading import read_schema, required_files
from components.support.remote_files import write_whole
from components.validation_gate.labels import Labels, check_labels
from components.validation_gate.unlisted import Statistics, with_unlisted
from components.validation_gate.verdict import how_to_accept, judge, list_anomalies, render
from pipeline.criteria import Acceptance
from pipeline.errors import DataRejectedError
from pipeline.nodes import VALIDATION_GATE

Artifacts = dict[str, list[types.Artifact]]


class Executor(base_executor.BaseExecutor):
    """The gate."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Judges the labels, then the anomalies.

        Raises:
            DataError: there are labels that the task cannot learn from.
            DataRejectedError: some anomaly blocks; it carries the table of them.
        """
        inputs = {key: artifact_utils.get_single_instance(artifacts) for key, artifacts in input_dict.items()}
        statistics = read_statistics(inputs["statistics"])
        files = {split: required_files(inputs["examples"], split) for split in statistics}
        schema = read_schema(inputs["schema"].uri)
        splits = artifact_utils.decode_split_names(inputs["anomalies"].split_names)
        labels = json.loads(exec_properties["labels"])
        if labels is not None:
            check_labels(Labels(**labels), statistics, files, schema)
        acceptances = [Acceptance(**entry) for entry in json.loads(exec_properties["accept"])]
        anomalies = with_unlisted(read_anomalies(inputs["anomalies"].uri, splits), statistics, files, schema)
        verdict = judge(anomalies, exec_properties["block_on"], acceptances)
        if verdict.blocking:
            raise DataRejectedError(
                VALIDATION_GATE,
                f"{len(verdict.blocking)} anomalies block the run; nothing was trained\n\n{render(verdict.blocking)}\n",
                next_step=how_to_accept(verdict.blocking[0]),
            )
        folder = artifact_utils.get_single_uri(output_dict["verdict"])
        write_whole(f"{folder}/verdict.json", json.dumps(verdict.as_dict(), indent=1).encode("utf-8"))


def read_anomalies(folder: str, splits: Iterable[str]) -> list[Anomaly]:
    """Read the anomalies of some splits of an ExampleAnomalies artifact."""
    rows: list[Anomaly] = []
    for split in splits:
        with fileio.open(f"{folder}/Split-{split}/SchemaDiff.pb", "rb") as file:
            rows += list_anomalies(split, anomalies_pb2.Anomalies.FromString(file.read()))
    return rows


def read_statistics(artifact: types.Artifact) -> Statistics:
    """The statistics of every split."""
    found = {}
    for split in artifact_utils.decode_split_names(artifact.split_names):
        folder = artifact_utils.get_split_uri([artifact], split)
        with fileio.open(f"{folder}/FeatureStats.pb", "rb") as file:
            found[split] = statistics_pb2.DatasetFeatureStatisticsList.FromString(file.read()).datasets[0]
    return found
