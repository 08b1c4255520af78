"""What a killed run leaves: executions that look alive in ML Metadata, and folders that nobody will finish.

Whoever holds the root's lock knows that no other run is at work, so all that looks alive is dead.
"""

import shutil
from pathlib import Path

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2

UNFINISHED = (metadata_store_pb2.Execution.NEW, metadata_store_pb2.Execution.RUNNING)


def clear_stale(store: mlmd.MetadataStore, artifacts: Path) -> list[int]:
    """Marks unfinished executions as failed and removes what they and failed ones wrote; gives the ids marked."""
    executions = store.get_executions()
    unfinished = [execution for execution in executions if execution.last_known_state in UNFINISHED]
    mark_failed(store, unfinished)
    failed = [item for item in executions if item.last_known_state == metadata_store_pb2.Execution.FAILED]
    for execution in failed:
        remove_outputs(artifacts, execution.id)
    return [execution.id for execution in unfinished]


def mark_failed(store: mlmd.MetadataStore, executions: list[metadata_store_pb2.Execution]) -> None:
    """Sets the state, so that the cache never answers from these."""
    for execution in executions:
        execution.last_known_state = metadata_store_pb2.Execution.FAILED
    if executions:
        store.put_executions(executions)


def remove_outputs(artifacts: Path, execution_id: int) -> None:
    """Removes ``<artifacts>/<node>/<output>/<execution id>`` and the node's working folders of that execution."""
    for path in (*artifacts.glob(f"*/*/{execution_id}"), *artifacts.glob(f"*/.system/*/{execution_id}")):
        shutil.rmtree(path, ignore_errors=True)
