"""Pushes a blessed model. Unlike stock Pusher's, its versions never collide and are never visible half-written."""

from pathlib import Path
from typing import Any

from tfx import types
from tfx.components.pusher import executor as stock
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as specs
from tfx.utils import io_utils

from components.artifacts.decision import APPROVED, REJECTED
from components.artifacts.model_digest import content_digest
from components.artifacts.report_files import REPORT as REPORT_FILE
from components.artifacts.report_files import digest, is_blessed, model_digest
from components.compat.tfx.executors import mark_not_pushed, mark_pushed, run_id
from components.versioned_pusher.inputs import (
    DECISION,
    HELD,
    REPORT,
    REVIEW,
    destination,
    judged_digest,
    model_path,
    review_outcome,
)
from components.versioned_pusher.versions import push
from pipeline.errors import MainlineError

Artifacts = dict[str, list[types.Artifact]]
# Properties of a pushed model, in addition to stock Pusher's.
DIGEST, RUN = "model_digest", "pushed_run"


class Executor(stock.Executor):
    """Executor of VersionedPusher. It also accepts stock Pusher's inputs, outputs and properties, without a review."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Push the model if it is blessed and approved; a model that is already served is not copied again.

        Raises:
            MainlineError: the model is not the evaluated one, or model or report are not the approved ones.
        """
        pushed = artifact_utils.get_single_instance(output_dict[specs.PUSHED_MODEL_KEY])
        if not self.CheckBlessing(input_dict) or not self._approved(input_dict, pushed, exec_properties):
            mark_not_pushed(self, pushed)
            return
        model = model_path(input_dict)
        check_judged(model, judged_digest(input_dict))
        version, _ = push(Path(model), destination(exec_properties), run=run_id(self))
        io_utils.copy_dir(model, pushed.uri)
        mark_pushed(self, pushed, str(version.folder), version.folder.name)
        pushed.set_string_custom_property(DIGEST, version.digest)
        pushed.set_string_custom_property(RUN, version.run)

    def _approved(self, inputs: Artifacts, pushed: types.Artifact, properties: dict[str, Any]) -> bool:
        """Return True if the review allows the push; the outcome is recorded on the pushed model."""
        if properties.get(HELD):
            pushed.set_string_custom_property(REVIEW, REJECTED)
            pushed.set_string_custom_property(HELD, properties[HELD])
            return False
        if properties.get(REVIEW, "none") == "none":
            return True
        outcome = review_outcome(inputs.get(DECISION, []))
        pushed.set_string_custom_property(REVIEW, outcome)
        if outcome == APPROVED:
            report = artifact_utils.get_single_instance(inputs[REPORT])
            approved = inputs[DECISION][0].get_string_custom_property("report_digest")
            check_reviewed(report.uri, approved, model_path(inputs))
        return outcome == APPROVED


def check_judged(model: str, judged: str) -> None:
    """Check that the files of the model are those that Evaluator judged; they may have been damaged since.

    Raises:
        MainlineError: they have a different digest.
    """
    received = content_digest(Path(model))
    if received != judged:
        raise MainlineError(
            model, "not the evaluated model; nothing was pushed", expected=judged, received=received,
            next_step="Run again with --no-cache: a new model is trained and evaluated.",
        )  # fmt: skip


def check_reviewed(report: str, approved: str, model: str) -> None:
    """Check that report and model are those that the reviewer approved.

    Raises:
        MainlineError: ``report.json`` has a different digest, or the model a different one than the report says.
    """
    path = f"{report}/{REPORT_FILE}"
    with fileio.open(path, "rb") as file:
        content = file.read()
    if digest(content) != approved:
        raise MainlineError(
            path, "not the approved report; nothing was pushed", expected=approved, received=digest(content),
            next_step="Run again with --no-cache and have the new report reviewed.",
        )  # fmt: skip
    if not is_blessed(content):
        raise MainlineError(
            path, "the approved report is on a model that was not blessed; nothing was pushed",
            next_step="ML Metadata says that it is blessed. Find out who edited it.",
        )  # fmt: skip
    expected, received = model_digest(content), content_digest(Path(model))
    if expected != received:
        raise MainlineError(
            model, "not the model of the approved report; nothing was pushed",
            expected=expected or "a digest in the report", received=received,
            next_step="Run again with --no-cache and have the new report reviewed.",
        )  # fmt: skip
