"""Attributes that TFX's base executors and drivers offer their subclasses under private names.

It stands, alike in TFX 1.16 and 1.21, in ``tfx/dsl/components/base/base_executor.py`` and ``base_beam_executor.py``, in
``tfx/orchestration/portable/base_driver.py`` and in ``tfx/components/pusher/executor.py``. When one of these goes, the
node that uses it fails as it starts, with the attribute's name.
"""

import apache_beam as beam
from tfx import types
from tfx.components.pusher.executor import Executor as Pusher
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.orchestration.metadata import Metadata
from tfx.orchestration.portable.base_driver import BaseDriver


def beam_pipeline(executor: BaseBeamExecutor) -> beam.Pipeline:
    """Return a Beam pipeline with the arguments of the graph, to be used as a context manager."""
    return executor._make_beam_pipeline()


def pipeline_id(executor: BaseExecutor) -> str:
    """Return the name of the pipeline, or an empty text outside one."""
    info = executor._context.pipeline_info
    return str(info.id) if info else ""


def run_id(executor: BaseExecutor) -> str:
    """Return the id of the run, or an empty text outside one."""
    return executor._context.pipeline_run_id or ""


def driver_metadata(driver: BaseDriver) -> Metadata:
    """Return the connection to ML Metadata that a driver was made with."""
    return driver._mlmd_connection


def mark_pushed(pusher: Pusher, pushed: types.Artifact, destination: str, version: str) -> None:
    """Record on the artifact of a Pusher where it pushed to, and as which version."""
    pusher._MarkPushed(pushed, pushed_destination=destination, pushed_version=version)


def mark_not_pushed(pusher: Pusher, pushed: types.Artifact) -> None:
    """Record on the artifact of a Pusher that it pushed nothing."""
    pusher._MarkNotPushed(pushed)
