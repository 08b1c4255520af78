"""The distribution strategy, and the task of this process in its cluster."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import tensorflow as tf

from components.support.heartbeat import beat
from pipeline.errors import ConfigError
from pipeline.training.input.batches import Share, progress

# Partitioning smaller tables costs more messages than it saves memory.
PARTITION_BYTES = 16 << 10
MultiWorker = tf.distribute.MultiWorkerMirroredStrategy


def make_strategy(name: str, parameter_servers: int = 1) -> tf.distribute.Strategy:
    """Make the strategy of a config; ``multi_worker`` and ``parameter_server`` read their cluster from TF_CONFIG.

    https://www.tensorflow.org/guide/distributed_training

    Raises:
        ConfigError: there is no cluster for parameter servers.
    """
    match name:
        case "none":
            return tf.distribute.get_strategy()
        case "mirrored":
            return tf.distribute.MirroredStrategy()
        case "multi_worker":
            return MultiWorker()
        case "parameter_server":
            return parameter_server_strategy(parameter_servers)
    raise ValueError(f"no strategy named {name!r}")


def parameter_server_strategy(parameter_servers: int) -> tf.distribute.Strategy:
    """Keep variables on the parameter servers, large ones partitioned by rows."""
    if not (has_role("chief") and has_role("worker") and has_role("ps")):
        raise ConfigError(
            "training.strategy=parameter_server", "there is no cluster",
            expected="TF_CONFIG with a chief, workers and ps", received=os.environ.get("TF_CONFIG", "no TF_CONFIG"),
            next_step="Train through the pipeline, which starts the processes, or choose another strategy.",
        )  # fmt: skip
    report_lost_peers()
    partitioner = tf.distribute.experimental.partitioners.MinSizePartitioner(
        min_shard_bytes=PARTITION_BYTES, max_shards=parameter_servers
    )
    resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
    return tf.distribute.ParameterServerStrategy(resolver, variable_partitioner=partitioner)


def serve_if_coordinated() -> None:
    """In a parameter server, or in a worker that a coordinator leads, serve and never return; else do nothing.

    The process that started this one ends it.
    """
    if not has_role("ps") or task()[0] not in ("worker", "ps"):
        return
    report_lost_peers()
    beat("serving")
    config = read_tf_config()
    server = tf.distribute.Server(
        tf.train.ClusterSpec(config["cluster"]), config["task"]["type"], config["task"]["index"], protocol="grpc"
    )
    server.join()


def report_lost_peers() -> None:
    """Make gRPC report a lost peer instead of waiting for it.

    https://www.tensorflow.org/tutorials/distribute/parameter_server_training
    """
    os.environ["GRPC_FAIL_FAST"] = "use_caller"


def read_tf_config(tf_config: str | None = None) -> dict[str, Any]:
    """Return TF_CONFIG, as given or from the environment; empty for a single process."""
    return dict(json.loads(tf_config or os.environ.get("TF_CONFIG") or "{}"))


def has_role(role: str, tf_config: str | None = None) -> bool:
    """Tell whether the cluster has tasks of a role."""
    return bool(read_tf_config(tf_config).get("cluster", {}).get(role))


def task(tf_config: str | None = None) -> tuple[str, int, int]:
    """Return type and index of this process in TF_CONFIG, and the number of workers; a single process is the chief.

    Indices count the chief first, then workers, then parameter servers. The chief is one of the workers, unless there
    are parameter servers.

    >>> task('{"cluster": {"worker": ["a:1", "b:2"]}, "task": {"type": "worker", "index": 1}}')
    ('worker', 1, 2)
    """
    config = read_tf_config(tf_config)
    cluster = config.get("cluster", {})
    own = config.get("task", {"type": "chief", "index": 0})
    has_chief, workers = int("chief" in cluster), len(cluster.get("worker", []))
    before = {"chief": 0, "worker": has_chief}.get(own["type"], has_chief + workers)
    computing = workers if "ps" in cluster else workers + has_chief
    return own["type"], own["index"] + (before if cluster else 0), max(computing, 1)


def is_chief() -> bool:
    """Tell whether this process exports and logs: the first worker, or the coordinator."""
    return task()[1] == 0


def share(distribution: tf.distribute.Strategy) -> Share:
    """Return the replicas that this process computes."""
    if not isinstance(distribution, MultiWorker):
        return Share(0, distribution.num_replicas_in_sync, distribution.num_replicas_in_sync)
    _, index, workers = task()
    count = distribution.num_replicas_in_sync // workers
    return Share(index * count, count, count * workers)


def of_chief(distribution: tf.distribute.Strategy, value: int) -> int:
    """Return the chief's value on all workers, as soon as all of them have called this."""
    if not isinstance(distribution, MultiWorker):
        return value
    given = tf.constant(value if is_chief() else 0, tf.int32)

    def summed() -> tf.Tensor:
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, given)

    found = distribution.experimental_local_results(tf.function(lambda: distribution.run(summed))())[0]
    return int(found) // share(distribution).count


def wait_for_all(distribution: tf.distribute.Strategy) -> None:
    """Wait until all workers have called this; the chief, which has finished, tolerates a lost one."""
    try:
        of_chief(distribution, 0)
    except tf.errors.OpError as error:
        if not is_chief():
            raise
        progress.warning("a worker was lost after the training had finished: %s", error.message.splitlines()[0])


def export_directory(serving_model_dir: str) -> str:
    """Return where this process saves: the chief in the real folder, others in a temporary one."""
    return serving_model_dir if is_chief() else str(Path(tempfile.mkdtemp(prefix="worker-")) / "model")
