"""Distribution: which strategy, which worker this is, and where it may write."""

import json
import os
import tempfile
from pathlib import Path

import tensorflow as tf


def make_strategy(name: str) -> tf.distribute.Strategy:
    """The strategy of a config; ``multi_worker`` reads its cluster from TF_CONFIG.

    https://www.tensorflow.org/guide/distributed_training
    """
    match name:
        case "none":
            return tf.distribute.get_strategy()
        case "mirrored":
            return tf.distribute.MirroredStrategy()
        case "multi_worker":
            return tf.distribute.MultiWorkerMirroredStrategy()
    raise ValueError(f"no strategy named {name!r}")


def task(tf_config: str | None = None) -> tuple[str, int, int]:
    """(type, index, number of workers) of this process, by TF_CONFIG; alone, it is the chief.

    >>> task('{"cluster": {"worker": ["a:1", "b:2"]}, "task": {"type": "worker", "index": 1}}')
    ('worker', 1, 2)
    """
    config = json.loads(tf_config or os.environ.get("TF_CONFIG") or "{}")
    cluster = config.get("cluster", {})
    own = config.get("task", {"type": "chief", "index": 0})
    has_chief = int("chief" in cluster)
    workers = len(cluster.get("worker", [])) + has_chief
    index = own["index"] + (has_chief if own["type"] == "worker" else 0)
    return own["type"], index, max(workers, 1)


def is_chief() -> bool:
    """Whether this process exports and logs: the first of the workers."""
    return task()[1] == 0


def export_directory(serving_model_dir: str) -> str:
    """Where this process may save: the real folder for the chief, a throw-away one for the others.

    All workers must save, since saving reads variables together; only one copy is kept.
    """
    return serving_model_dir if is_chief() else str(Path(tempfile.mkdtemp(prefix="worker-")) / "model")
