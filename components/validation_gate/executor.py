"""Reads the anomalies of every split, writes the verdict, and fails if an anomaly blocks."""

import json
import logging
from collections.abc import Iterable
from typing import Any

from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils

from components.artifacts.anomalies import Anomaly
from components.artifacts.statistics_files import read_statistics
from components.data_validation.labels import Labels
from components.data_validation.out_of_domain import add_out_of_domain
from components.data_validation.verdict import how_to_accept, judge, list_anomalies, render, summary
from components.examples.listing import folders_of
from components.examples.reading import read_schema, required_files
from components.support.remote_files import write_whole
from components.validation_gate.label_check import check_labels
from pipeline.criteria import Acceptance
from pipeline.errors import DataRejectedError
from pipeline.nodes import VALIDATION_GATE

logger = logging.getLogger(__name__)
Artifacts = dict[str, list[types.Artifact]]


class Executor(base_executor.BaseExecutor):
    """Judges the labels and the anomalies of the data."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Check the labels, then the anomalies, and write the verdict.

        Raises:
            DataError: the task cannot learn from the labels.
            DataRejectedError: an anomaly blocks the run; the message holds a table of all that do.
        """
        inputs = {key: artifact_utils.get_single_instance(artifacts) for key, artifacts in input_dict.items()}
        statistics = read_statistics(folders_of(inputs["statistics"]))
        files = {split: required_files(inputs["examples"], split) for split in statistics}
        schema = read_schema(inputs["schema"].uri)
        splits = artifact_utils.decode_split_names(inputs["anomalies"].split_names)
        labels = json.loads(exec_properties["labels"])
        if labels is not None:
            check_labels(Labels(**labels), statistics, files, schema)
        acceptances = [Acceptance(**entry) for entry in json.loads(exec_properties["accept"])]
        found = read_anomalies(inputs["anomalies"].uri, splits)
        anomalies = add_out_of_domain(found, statistics, files, schema)
        verdict = judge(anomalies, exec_properties["block_on"], acceptances)
        if verdict.blocking:
            logger.error("anomalies that block the run:\n%s", render(verdict.blocking))
            blocked = f"{len(verdict.blocking)} anomalies block the run; nothing was trained"
            raise DataRejectedError(
                VALIDATION_GATE,
                f"{blocked}\n\n{summary(verdict.blocking)}\n",
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
