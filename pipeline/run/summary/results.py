"""The results of a run, wherever its nodes ran: the verdict on the model, and the published report."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pipeline.config.root import Config
from pipeline.errors import MainlineError
from pipeline.nodes import EVALUATOR
from pipeline.run.events import NodeStatus
from pipeline.run.request import RunPaths

# Imported inside functions, since they take seconds to load.
if TYPE_CHECKING:
    from components.evaluation.verdict import Verdict
    from pipeline.run.artifacts import Output


class RunState(Protocol):
    """The state of a run: the status and the outputs of each node, and the connection to ML Metadata."""

    @property
    def statuses(self) -> Mapping[str, NodeStatus]:
        """The status by node, in topological order."""

    @property
    def outputs(self) -> "Mapping[str, list[Output]]":
        """The outputs by node; nodes that did not finish are absent."""

    @property
    def connection(self) -> Any:
        """ML Metadata's ConnectionConfig."""


def judge(state: RunState, config: Config) -> "Verdict | None":
    """The verdict on the model; None if the run ended before the Evaluator."""
    from components.evaluation.results import read_verdict
    from pipeline.workloads.contract import load_workload, with_bounds

    outputs = {output.key: output for output in state.outputs.get(EVALUATOR, [])}
    if not outputs:
        return None
    blessed = outputs["blessing"].properties.get("blessed") == 1
    evaluation = with_bounds(load_workload(config.workload).evaluation, config.evaluation)
    return read_verdict(outputs["evaluation"].uri, blessed, evaluation.bounds)


def publish_report(
    state: RunState, paths: RunPaths, config: Config, error: MainlineError | None, note: Callable[[str], None]
) -> Path | None:
    """Publish the report and return the path of the page; None if that fails, which must not hide how the run ended."""
    from tfx.orchestration import metadata

    from pipeline.run.summary.report import NodeFailure, publish

    if not state.outputs:
        return None
    failed = next((status.node for status in state.statuses.values() if status.state == "failed"), "")
    try:
        note("writing the report")
        with metadata.Metadata(state.connection) as handle:
            failure = NodeFailure(failed, str(error) if error else "")
            return publish(handle.store, config, paths.run_id, paths.root / "reports" / paths.run_id, failure)
    except (Exception, KeyboardInterrupt):
        logging.getLogger(__name__).error("the report could not be written", exc_info=True)
        return None
