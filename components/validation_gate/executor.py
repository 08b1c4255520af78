"""Reads the anomalies of every split, writes the verdict, and fails on what blocks."""

import json
from typing import Any

from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils

from components.validation_gate.verdict import Acceptance, Anomaly, how_to_accept, judge, list_anomalies, render
from pipeline.errors import DataRejectedError

Artifacts = dict[str, list[types.Artifact]]


class Executor(base_executor.BaseExecutor):
    """The gate."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Judges the anomalies.

        Raises:
            DataRejectedError: some anomaly blocks; it carries the table of them.
        """
        artifact = artifact_utils.get_single_instance(input_dict["anomalies"])
        acceptances = [Acceptance(**entry) for entry in json.loads(exec_properties["accept"])]
        verdict = judge(read_anomalies(artifact), exec_properties["block_on"], acceptances)
        if verdict.blocking:
            raise DataRejectedError(
                "ValidationGate",
                f"{len(verdict.blocking)} anomalies block the run; nothing was trained\n\n{render(verdict.blocking)}\n",
                next_step=how_to_accept(verdict.blocking[0]),
            )
        folder = artifact_utils.get_single_uri(output_dict["verdict"])
        with fileio.open(f"{folder}/verdict.json", "w") as file:
            file.write(json.dumps(verdict.as_dict(), indent=1))


def read_anomalies(artifact: types.Artifact) -> list[Anomaly]:
    """The anomalies of every split of an ExampleAnomalies artifact."""
    rows: list[Anomaly] = []
    for split in artifact_utils.decode_split_names(artifact.split_names):
        folder = artifact_utils.get_split_uri([artifact], split)
        with fileio.open(f"{folder}/SchemaDiff.pb", "rb") as file:
            rows += list_anomalies(split, anomalies_pb2.Anomalies.FromString(file.read()))
    return rows
