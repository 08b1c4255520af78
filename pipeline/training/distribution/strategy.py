"""Distribution: which strategy, which task this process has, what it computes, and where it may write."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import tensorflow as tf

from components.support.heartbeat import beat
from pipeline.errors import ConfigError
from pipeline.training.input.batches import Share, progress

# Smaller tables are not worth a message more.
PARTITION_BYTES = 16 << 10
MultiWorker = tf.distribute.MultiWorkerMirroredStrategy


def make_strategy(name: str, parameter_servers: int = 1) -> tf.distribute.Strategy:
    """The strategy of a config; ``multi_worker`` and ``parameter_server`` read their cluster from TF_CONFIG.

    https://www.tensorflow.org/guide/distributed_training

    Raises:
        ConfigError: parameter servers without a cluster.
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
    """Variables on the parameter servers, the rows of larger ones spread over all of them."""
    if not (has_role("chief") and has_role("worker") and has_role("ps")):
        raise ConfigError(
            "training.strategy=parameter_server", "there is no cluster",
            expected="TF_CONFIG with a chief, workers and ps", received=os.environ.get("TF_CONFIG", "no TF_CONFIG"),
            next_step="Train through the pipeline, which starts the processes, or take another strategy.",
        )  # fmt: skip
    report_lost_peers()
    partitioner = tf.distribute.experimental.partitioners.MinSizePartitioner(
        min_shard_bytes=PARTITION_BYTES, max_shards=parameter_servers
    )
    resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
    return tf.distribute.ParameterServerStrategy(resolver, variable_partitioner=partitioner)


def serve_if_told() -> None:
    """In a worker or a parameter server of a cluster that a coordinator leads, serves it and never returns.

    In any other process, does nothing. Whoever started the process ends it.
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
    """Makes gRPC say that a peer is gone, instead of waiting for it.

    https://www.tensorflow.org/tutorials/distribute/parameter_server_training
    """
    os.environ["GRPC_FAIL_FAST"] = "use_caller"


def read_tf_config(tf_config: str | None = None) -> dict[str, Any]:
    """TF_CONFIG, as given or from the environment; empty for a process alone."""
    return dict(json.loads(tf_config or os.environ.get("TF_CONFIG") or "{}"))


def has_role(role: str, tf_config: str | None = None) -> bool:
    """Whether the cluster has tasks of a role."""
    return bool(read_tf_config(tf_config).get("cluster", {}).get(role))


def task(tf_config: str | None = None) -> tuple[str, int, int]:
    """(type, index, number of workers) of this process, by TF_CONFIG; alone, it is the chief.

    The chief comes first, then workers, then parameter servers. A chief is a worker too, unless it leads parameter
    servers.

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
    """Whether this process exports and logs: the first of the workers, or the one that leads them."""
    return task()[1] == 0


def share(distribution: tf.distribute.Strategy) -> Share:
    """Which replicas this process computes."""
    if not isinstance(distribution, MultiWorker):
        return Share(0, distribution.num_replicas_in_sync, distribution.num_replicas_in_sync)
    _, index, workers = task()
    count = distribution.num_replicas_in_sync // workers
    return Share(index * count, count, count * workers)


def of_chief(distribution: tf.distribute.Strategy, value: int) -> int:
    """The chief's value, in all workers, once all have come here."""
    if not isinstance(distribution, MultiWorker):
        return value
    given = tf.constant(value if is_chief() else 0, tf.int32)

    def summed() -> tf.Tensor:
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, given)

    found = distribution.experimental_local_results(tf.function(lambda: distribution.run(summed))())[0]
    return int(found) // share(distribution).count


def wait_for_all(distribution: tf.distribute.Strategy) -> None:
    """Waits until all workers have come here; the chief, whose work is done, misses none that was lost on the way."""
    try:
        of_chief(distribution, 0)
    except tf.errors.OpError as error:
        if not is_chief():
            raise
        progress.warning("a worker was lost at the very end: %s", error.message.splitlines()[0])


def export_directory(serving_model_dir: str) -> str:
    """Where this process may save: the real folder for the chief, a throw-away one for the others."""
    return serving_model_dir if is_chief() else str(Path(tempfile.mkdtemp(prefix="worker-")) / "model")
