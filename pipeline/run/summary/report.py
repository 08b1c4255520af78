"""Publish the report of a run to ``reports/<run>``."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2
from tfx.utils import io_utils

from components.artifacts.metadata_store import node_name
from components.artifacts.record.models import blessed_before
from components.artifacts.report_files import CARD, PAGE, REPORT, read_bytes, write_whole
from components.data_validation.out_of_domain import add_out_of_domain
from components.data_validation.verdict import judge
from components.examples.listing import FILES
from components.slice_report.facts import Report
from components.slice_report.output import write_report
from components.slice_report.report import make_report
from components.slice_report.settings import Settings
from components.slice_report.sources import GateVerdict, Sources
from components.slice_report.trace import trace
from components.validation_gate.executor import read_anomalies
from pipeline.config.root import Config
from pipeline.nodes import BASELINE, SLICE_REPORT, WARM_START
from pipeline.run.artifacts import Output, outputs_of
from pipeline.run.executions import executions_of_run
from pipeline.run.summary.pages import draw_recorded
from pipeline.settings.report import report_settings
from pipeline.workloads.contract import load_workload

Execution = metadata_store_pb2.Execution
Outputs = Mapping[str, list[Output]]


@dataclass(frozen=True)
class NodeFailure:
    """The node that failed, and its error; both are empty if none failed."""

    node: str = ""
    error: str = ""


def outputs_of_run(store: mlmd.MetadataStore, run: str) -> dict[str, list[Output]]:
    """The outputs of each node of a run, produced now or cached."""
    whole = [
        item
        for item in executions_of_run(store, run)
        if item.last_known_state in (Execution.COMPLETE, Execution.CACHED)
    ]
    return {node_name(store, execution.id): outputs_of(store, execution.id) for execution in whole}


def publish(store: mlmd.MetadataStore, config: Config, run: str, folder: Path, failure: NodeFailure) -> Path:
    """Write the report of a run to ``folder`` and return the path of the page.

    A run that ended before SliceReport gets a partial report on the outputs that it has.
    """
    outputs = outputs_of_run(store, run)
    made = [output.uri for output in outputs.get(SLICE_REPORT, []) if output.key == "report"]
    if made:
        for name in (CARD, REPORT):
            write_whole(str(folder / name), read_bytes(f"{made[0]}/{name}"))
    else:
        write_report(partial_report(store, config, run, outputs, failure), str(folder))
    for sentence in draw_recorded(store, config.name, folder.parents[1], [folder]):
        logging.getLogger(__name__).warning(sentence)
    return folder / PAGE


def partial_report(
    store: mlmd.MetadataStore, config: Config, run: str, outputs: Outputs, failure: NodeFailure
) -> Report:
    """The report on the outputs of a run that ended before SliceReport."""
    workload = load_workload(config.workload)
    schema = io_utils.SchemaReader().read(str(workload.schema))
    written = [
        output
        for node, found in outputs.items()
        if node not in (BASELINE, SLICE_REPORT, WARM_START)
        for output in found
    ]
    baseline = next((output.id for output in outputs.get(BASELINE, []) if output.key == "model"), None)
    settings = report_settings(workload, config, schema)
    found = trace(store, [output.id for output in written], baseline)
    model = max((output.id for output in written if output.key == "model"), default=0)
    sources = Sources(
        pipeline=config.name,
        run=run,
        folders={output.key: output.uri for output in written},
        listed=next((str(output.properties.get(FILES, "")) for output in written if output.key == "examples"), ""),
        blessed=next((output.properties.get("blessed") == 1 for output in written if output.key == "blessing"), None),
        trace=found if baseline else replace(found, blessed_before=blessed_before(store, config.name, model)),
        failed_at=failure.node,
        error=failure.error,
    )
    return make_report(replace(sources, rejected=judge_again(sources, settings)), settings)


def judge_again(sources: Sources, settings: Settings) -> GateVerdict | None:
    """Return the verdict of the gate for a run without one, since a gate that fails the run writes none."""
    has = sources.folders
    if "verdict" in has or not {"statistics", "examples", "schema"} <= has.keys():
        return None
    found = read_anomalies(has["anomalies"], sources.statistics) if "anomalies" in has else []
    anomalies = add_out_of_domain(found, sources.statistics, sources.example_files(), sources.schema)
    return judge(anomalies, settings.block_on, settings.acceptances).as_dict()
