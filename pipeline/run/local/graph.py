"""Launch the nodes of a compiled pipeline one by one, and report their states to an observer."""

from dataclasses import dataclass, field

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.compiler import compiler, constants
from tfx.orchestration import metadata
from tfx.orchestration.local import runner_utils
from tfx.orchestration.pipeline import Pipeline
from tfx.orchestration.portable import partial_run_utils, runtime_parameter_utils
from tfx.proto.orchestration import pipeline_pb2

from components.compat.tfx.launcher import HookedLauncher
from components.support import garbage_collection
from pipeline.cache.node_keys import add_code_to_keys
from pipeline.errors import InputError, MainlineError
from pipeline.run.artifacts import Output, outputs_of
from pipeline.run.console import ProgressHandler
from pipeline.run.events import NodeStatus, Observer, State
from pipeline.run.executions import mark_failed
from pipeline.run.local.row_counts import Counts, check_rows, check_source, rows_out, source_rows
from pipeline.run.output_folders import claim_outputs
from pipeline.run.signals import stop_requested

CACHED = metadata_store_pb2.Execution.CACHED


@dataclass
class Graph:
    """A compiled pipeline and the state of its run so far."""

    ir: pipeline_pb2.Pipeline
    observer: Observer
    progress: ProgressHandler
    statuses: dict[str, NodeStatus] = field(default_factory=dict)
    outputs: dict[str, list[Output]] = field(default_factory=dict)
    failure: BaseException | None = None
    rows: Counts = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.deployment = runner_utils.extract_local_deployment_config(self.ir)
        kind = self.deployment.metadata_connection_config.WhichOneof("connection_config")
        self.connection = getattr(self.deployment.metadata_connection_config, kind)
        self.nodes = {node.pipeline_node.node_info.id: node.pipeline_node for node in self.ir.nodes}
        self.statuses = {node: NodeStatus(node, state=initial_state(spec)) for node, spec in self.nodes.items()}
        self.observer.nodes(list(self.statuses.values()))

    def to_run(self) -> list[str]:
        """The nodes that are not skipped, in topological order."""
        return [node for node, status in self.statuses.items() if status.state != "skipped"]

    def launch(self, node: str) -> None:
        """Run a node or take it from the cache, and notify the observer; a failure is recorded and raised."""
        if stop_requested():
            raise KeyboardInterrupt
        status = self.statuses[node]
        status.start()
        self.observer.changed(status)
        self.progress.running = status
        try:
            status.end(self._launch(node))
        except BaseException as error:
            self.failure = self.failure or error
            status.end("failed")
            raise
        finally:
            self.progress.running = None
            self.observer.changed(status)
        if status.state == "done":
            garbage_collection.release_memory()

    def _launch(self, node: str) -> State:
        with metadata.Metadata(self.connection) as handle:
            if self.nodes[node].execution_options.run.perform_snapshot:
                partial_run_utils.snapshot(handle, self.ir)
            execution = self._launcher(node).launch()
            if execution is None:
                return "cached"
            (record,) = handle.store.get_executions_by_id([execution.execution_id])
            self.outputs[node] = outputs_of(handle.store, record.id)
            if record.last_known_state == CACHED:
                return "cached"
            check_ran(node, record)
            self._count_or_fail(node, handle.store, record)
        self.statuses[node].detail = ""
        return "done"

    def _launcher(self, node: str) -> HookedLauncher:
        return HookedLauncher(
            claim_outputs,
            pipeline_node=self.nodes[node],
            mlmd_connection=metadata.Metadata(self.connection),
            pipeline_info=self.ir.pipeline_info,
            pipeline_runtime_spec=self.ir.runtime_spec,
            executor_spec=runner_utils.extract_executor_spec(self.deployment, node),
            custom_driver_spec=runner_utils.extract_custom_driver_spec(self.deployment, node),
        )

    def _count_or_fail(self, node: str, store: mlmd.MetadataStore, record: metadata_store_pb2.Execution) -> None:
        """Compare rows out with rows in; an execution that lost rows is marked as failed, so it is never cached."""
        found = rows_out(self.outputs[node])
        if found is None:
            return
        expected = self._ingested(found)
        source = source_rows(self.outputs[node])
        status = self.statuses[node]
        status.rows_in = sum(expected[split] for split in found if split in expected) if expected else None
        status.rows_in = source["source"] if source else status.rows_in
        status.rows_out = sum(found.values())
        try:
            check_rows(node, expected, found)
            check_source(node, source, found)
        except Exception:
            mark_failed(store, [record])
            raise

    def _ingested(self, latest: Counts) -> Counts:
        """Rows by split in the output of ExampleGen, produced now or cached.

        ``latest`` has the counts of the latest node, which are used if no earlier node has rows.
        """
        if not self.rows:
            earlier = (rows_out(outputs) for outputs in list(self.outputs.values())[:-1])
            self.rows = next((counts for counts in earlier if counts), latest)
        return self.rows


def check_ran(node: str, record: metadata_store_pb2.Execution) -> None:
    """Check that a node ran: TFX's launcher does not raise if it cannot find the inputs of a node.

    Raises:
        MainlineError: it did not run.
    """
    if record.last_known_state == metadata_store_pb2.Execution.FAILED:
        raise MainlineError(
            node, "not run: ML Metadata does not have all outputs of the nodes before it",
            next_step="See the log of the run for details, and run again with --no-cache.",
        )  # fmt: skip


def initial_state(node: pipeline_pb2.PipelineNode) -> State:
    """``waiting``, or ``skipped`` if a partial run leaves the node out."""
    return "skipped" if node.execution_options.HasField("skip") else "waiting"


def compile_pipeline(
    pipeline: Pipeline, run_id: str, from_node: str | None, to_node: str | None
) -> pipeline_pb2.Pipeline:
    """Compile a pipeline for one run; a partial run reuses the nodes before ``from_node`` from the latest run.

    Raises:
        InputError: ``from_node`` or ``to_node`` is not in the graph.
    """
    ir = compiler.Compiler().compile(pipeline)
    parameters = {constants.PIPELINE_RUN_ID_PARAMETER_NAME: run_id}
    runtime_parameter_utils.substitute_runtime_parameter(ir, parameters)
    add_code_to_keys(ir)
    names = [node.pipeline_node.node_info.id for node in ir.nodes]
    for option, name in (("--from", from_node), ("--to", to_node)):
        if name is not None and name not in names:
            raise InputError(option, "no such node", expected=", ".join(names), received=name)
    if from_node or to_node:
        partial_run_utils.mark_pipeline(ir, [from_node] if from_node else None, [to_node] if to_node else None)
    return ir
