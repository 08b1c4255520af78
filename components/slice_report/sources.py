"""The artifacts that a report is made from, read when they are needed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2
from tfx.dsl.io import fileio

from components.artifacts.report_files import REPORT
from components.artifacts.statistics_files import read_statistics
from components.evaluation.predictions import Predictions
from components.evaluation.results import Evaluation, read_evaluation
from components.examples.listing import files_of
from components.examples.reading import read_schema
from components.slice_report.facts import Report
from components.slice_report.output import read_report
from components.slice_report.trace import Trace
from pipeline.splits import SPLITS

Statistics = Mapping[str, statistics_pb2.DatasetFeatureStatistics]
GateVerdict = Mapping[str, Sequence[Mapping[str, str]]]


@dataclass(frozen=True)
class Sources:
    """The artifacts of a run; a failed run does not have all of them.

    Attributes:
        folders: of artifacts, by the name of the component's input.
        failed_at: the node that failed, if one did.
        listed: the files of the examples, as ``files_of`` takes them.
        rejected: the verdict of a gate that failed the run and so wrote none.
    """

    pipeline: str
    run: str
    folders: Mapping[str, str]
    blessed: bool | None = None
    trace: Trace = field(default_factory=Trace)
    failed_at: str = ""
    error: str = ""
    listed: str = ""
    rejected: GateVerdict | None = None

    @cached_property
    def schema(self) -> schema_pb2.Schema:
        """The curated schema."""
        return read_schema(self.folders["schema"])

    @cached_property
    def statistics(self) -> Statistics:
        """The statistics of each split."""
        folders = {split: f"{self.folders['statistics']}/Split-{split}" for split in SPLITS}
        return read_statistics({split: path for split, path in folders.items() if fileio.exists(path)})

    @cached_property
    def evaluation(self) -> Evaluation:
        """TFMA's metrics."""
        return read_evaluation(self.folders["evaluation"])

    @cached_property
    def predictions(self) -> Predictions:
        """The test rows with their columns, labels and scores."""
        return Predictions(self.folders["evaluation"])

    @cached_property
    def training(self) -> dict[str, Any]:
        """The content of Trainer's ``training.json``."""
        return dict(json.loads(read_text(f"{self.folders['model_run']}/training.json")))

    @cached_property
    def baseline_report(self) -> Report | None:
        """The report on the baseline, if there is one."""
        folder = self.trace.baseline.report if self.trace.baseline else None
        return read_report(folder)[0] if folder and fileio.exists(f"{folder}/{REPORT}") else None

    @cached_property
    def gate_verdict(self) -> GateVerdict:
        """The anomalies that the gate found, by what it did with them; none if it did not run."""
        if "verdict" in self.folders:
            return dict(json.loads(read_text(f"{self.folders['verdict']}/verdict.json")))
        return self.rejected or {}

    def example_files(self) -> dict[str, list[str]]:
        """Return the files of each split, in order."""
        return files_of({split: f"{self.folders['examples']}/Split-{split}" for split in SPLITS}, self.listed)


def read_text(path: str) -> str:
    with fileio.open(path) as file:
        return str(file.read())
