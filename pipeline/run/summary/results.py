"""The end of a run, wherever its nodes ran: the verdict on the model, and the report where its reader looks for it."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pipeline.config.root import Config
from pipeline.errors import MainlineError
from pipeline.nodes import EVALUATOR
from pipeline.run.events import NodeStatus
from pipeline.run.request import RunPaths

# Imported late where they run, since they take seconds to load.
if TYPE_CHECKING:
    from components.evaluation.verdict import Verdict
    from pipeline.run.artifacts import Output


class RunState(Protocol):
    """What is known of a run: how far each node came, what it gave, and where ML Metadata is."""

    @property
    def statuses(self) -> Mapping[str, NodeStatus]:
        """By node, in topological order."""

    @property
    def outputs(self) -> "Mapping[str, list[Output]]":
        """By node; nothing of a node that did not come to its end."""

    @property
    def connection(self) -> Any:
        """ML Metadata's ConnectionConfig."""


def judge(state: RunState, config: Config) -> "Verdict | None":
    """The verdict on the model, if the run came as far as one."""
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
    """Puts the report where its reader looks for it; what stops that must not hide how the run ended."""
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
