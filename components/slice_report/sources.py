"""What a report is made from: folders of artifacts, read when they are asked for."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2
from tfx.dsl.io import fileio

from components.artifacts.anomalies import Anomaly
from components.evaluation.predictions import Predictions
from components.evaluation.results import Evaluation, read_evaluation
from components.examples.listing import files_of
from components.examples.reading import read_schema
from components.slice_report.facts import Report
from components.slice_report.output import REPORT, read_report
from components.slice_report.trace import Trace
from components.validation_gate.unlisted import with_unlisted
from components.validation_gate.verdict import judge, list_anomalies
from pipeline.criteria import Acceptance
from pipeline.splits import SPLITS

Statistics = Mapping[str, statistics_pb2.DatasetFeatureStatistics]


@dataclass(frozen=True)
class Sources:
    """Where the artifacts of a run are, by the name of the component's input; a failed run has not all of them."""

    pipeline: str
    run: str
    folders: Mapping[str, str]
    blessed: bool | None = None
    trace: Trace = field(default_factory=Trace)
    failed_at: str = ""
    error: str = ""
    listed: str = ""

    @cached_property
    def schema(self) -> schema_pb2.Schema:
        """The curated schema."""
        return read_schema(self.folders["schema"])

    @cached_property
    def statistics(self) -> Statistics:
        """Of each split."""
        return read_statistics(self.folders["statistics"])

    @cached_property
    def evaluation(self) -> Evaluation:
        """TFMA's metrics."""
        return read_evaluation(self.folders["evaluation"])

    @cached_property
    def predictions(self) -> Predictions:
        """A row for each test row, with its columns, its label and its score."""
        return Predictions(self.folders["evaluation"])

    @cached_property
    def training(self) -> dict[str, Any]:
        """Trainer's record."""
        return dict(json.loads(read_text(f"{self.folders['model_run']}/training.json")))

    @cached_property
    def baseline_report(self) -> Report | None:
        """The report on the last blessed model, if there is one that this code can read."""
        folder = self.trace.baseline.report if self.trace.baseline else None
        return read_report(folder)[0] if folder and fileio.exists(f"{folder}/{REPORT}") else None

    def gate_verdict(self, block_on: str, acceptances: Sequence[Acceptance]) -> dict[str, list[dict[str, str]]]:
        """What the gate wrote; or, where it failed the run and wrote nothing, what made it fail."""
        if "verdict" in self.folders:
            return dict(json.loads(read_text(f"{self.folders['verdict']}/verdict.json")))
        anomalies = read_anomalies(self.folders["anomalies"]) if "anomalies" in self.folders else []
        if {"statistics", "examples", "schema"} <= self.folders.keys():
            anomalies = with_unlisted(anomalies, self.statistics, self.example_files(), self.schema)
        return judge(anomalies, block_on, acceptances).as_dict()

    def example_files(self) -> dict[str, list[str]]:
        """The files of each split, in order: those that ``listed`` says, which is of the examples."""
        return files_of({split: f"{self.folders['examples']}/Split-{split}" for split in SPLITS}, self.listed)


def read_text(path: str) -> str:
    """A file of text."""
    with fileio.open(path) as file:
        return str(file.read())


def read_statistics(folder: str) -> Statistics:
    """The statistics of each split that an artifact has."""
    paths = {split: f"{folder}/Split-{split}/FeatureStats.pb" for split in SPLITS}
    return {split: read_split(path) for split, path in paths.items() if fileio.exists(path)}


def read_split(path: str) -> statistics_pb2.DatasetFeatureStatistics:
    """The statistics of one split."""
    with fileio.open(path, "rb") as file:
        return statistics_pb2.DatasetFeatureStatisticsList.FromString(file.read()).datasets[0]


def read_anomalies(folder: str) -> list[Anomaly]:
    """The anomalies of each split, as ExampleValidator wrote them."""
    found: list[Anomaly] = []
    for split in SPLITS:
        path = f"{folder}/Split-{split}/SchemaDiff.pb"
        if fileio.exists(path):
            with fileio.open(path, "rb") as file:
                found += list_anomalies(split, anomalies_pb2.Anomalies.FromString(file.read()))
    return found
