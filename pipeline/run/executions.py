"""Executions in ML Metadata, by pipeline and by run, and the cleanup of those that a killed run left unfinished.

The process that holds the lock of a root is the only one that runs there, so other unfinished executions are dead.
"""

from pathlib import Path
from typing import TypeAlias

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2

from pipeline.run.output_folders import remove_outputs

Execution: TypeAlias = metadata_store_pb2.Execution
UNFINISHED = (Execution.NEW, Execution.RUNNING)


def clean_up_executions(
    store: mlmd.MetadataStore, artifacts: Path, executions: list[Execution] | None = None
) -> list[int]:
    """Mark unfinished executions as failed and remove the outputs of all failed ones; return the ids marked.

    ``executions`` limits the cleanup; by default it covers the whole store, which must not be shared with other roots,
    whose executions may be alive.
    """
    executions = store.get_executions() if executions is None else executions
    unfinished = [execution for execution in executions if execution.last_known_state in UNFINISHED]
    mark_failed(store, unfinished)
    failed = [item for item in executions if item.last_known_state == Execution.FAILED]
    for execution in failed:
        remove_outputs(artifacts, execution)
    return [execution.id for execution in unfinished]


def executions_of_pipeline(store: mlmd.MetadataStore, pipeline: str) -> list[Execution]:
    return _of_context(store, "pipeline", pipeline)


def executions_of_run(store: mlmd.MetadataStore, run: str) -> list[Execution]:
    return _of_context(store, "pipeline_run", run)


def unfinished_in_root(store: mlmd.MetadataStore, root: Path) -> list[Execution]:
    """The unfinished executions of the root's pipeline whose run has its history in this root."""
    unfinished = [item for item in executions_of_pipeline(store, root.name) if item.last_known_state in UNFINISHED]
    return [item for item in unfinished if any((root / "history" / run).is_dir() for run in _runs_of(store, item))]


def _runs_of(store: mlmd.MetadataStore, execution: Execution) -> list[str]:
    return [context.name for context in store.get_contexts_by_execution(execution.id) if context.type == "pipeline_run"]


def _of_context(store: mlmd.MetadataStore, kind: str, name: str) -> list[Execution]:
    context = store.get_context_by_type_and_name(kind, name)
    return list(store.get_executions_by_context(context.id)) if context else []


def mark_failed(store: mlmd.MetadataStore, executions: list[Execution]) -> None:
    """Mark executions as failed, so that the cache never uses them."""
    for execution in executions:
        execution.last_known_state = Execution.FAILED
    if executions:
        store.put_executions(executions)
