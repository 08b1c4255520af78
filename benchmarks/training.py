"""How fast is training on one worker and on two, and from disk? ``python -m benchmarks.training`` measures it.

What 8 to 100 workers would reach is computed.
Whole epochs after the first, so that start-up and tracing do not count; one and two workers in turn, medians.
The growth is that of a ring all-reduce (Patarasuk and Yuan 2009, https://doi.org/10.1016/j.jpdc.2008.09.002): with n
workers a step sends 2 (n - 1) / n of the gradients' bytes over each link, in 2 (n - 1) turns.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.feeding import feed, feeding_table, newest
from benchmarks.quality import latest_facts, write_section
from components.distributed_trainer.cluster import Cluster, tf_config
from components.distributed_trainer.local_backend import free_ports
from pipeline.run.request import Request
from pipeline.run.runner import run

CONFIG, BATCH_SIZE, EPOCHS = "recommender", 1024, 4
SIZES_BYTES = (4_096, 65_536, 1_048_576, 8_388_608)
FEEDING = (
    f"The recommender's model in one process, batch {BATCH_SIZE}, fed in turn. memory: the batches of one epoch, "
    "parsed. disk: the training's own way, rows held as matrices, a new order in each epoch. blocks: its way "
    "with a split that is too large to hold, parsed once to files on disk. files: parsed anew in each epoch, as where "
    "the disk has no room for blocks."
)
WORKERS = (1, 2, 8, 16, 32, 64, 100)


@dataclass(frozen=True)
class Rate:
    """One run: how many workers, and the median of its epochs after the first."""

    workers: int
    epoch_s: float
    examples_per_s: float
    auc: float


@dataclass(frozen=True)
class Link:
    """What an all-reduce of two workers on this machine costs: seconds a turn, and bytes a second."""

    turn_s: float
    bytes_per_s: float

    def step_s(self, workers: int, size_bytes: int) -> float:
        """The cost of a step.

        >>> Link(turn_s=0.001, bytes_per_s=1e6).step_s(2, 1_000_000)
        1.002
        """
        turns = 2 * (workers - 1)
        return round(turns * self.turn_s + turns / workers * size_bytes / self.bytes_per_s, 9)


def train(workers: int, root: Path, seed: int) -> Rate:
    """A run of the recommender; a new seed, so that nothing is cached."""
    spread = (f"training.workers={workers}", f"training.strategy={'multi_worker' if workers > 1 else 'none'}")
    fixed = (f"training.batch_size={BATCH_SIZE}", f"training.epochs={EPOCHS}", "training.histogram_every_epochs=0")
    patient = ("training.early_stopping_patience=100", f"training.seed={seed}", "release.review=required")
    run(Request(config=CONFIG, overrides=(*spread, *fixed, *patient), root=root))
    facts = latest_facts(root / CONFIG)
    record = json.loads((newest_run(root) / "training.json").read_text(encoding="utf-8"))
    epoch_s = statistics.median(np.diff(epoch_ends_s(newest_run(root))))
    auc = next(check["value"] for check in facts["verdict"]["checks"] if check["slice"] == "overall")
    return Rate(workers, float(epoch_s), float(record["steps_per_epoch"] * BATCH_SIZE / epoch_s), float(auc))


def newest_run(root: Path) -> Path:
    """The logs of the latest training."""
    return newest(root / CONFIG / "artifacts" / "Trainer" / "model_run")


def epoch_ends_s(logs: Path) -> list[float]:
    """When each epoch ended, in seconds since 1970, as TensorBoard's events say."""
    import tensorflow as tf

    events = (event for file in logs.rglob("events*") for event in tf.compat.v1.train.summary_iterator(str(file)))
    ends = {
        event.step: event.wall_time for event in events for value in event.summary.value if value.tag == "epoch_loss"
    }
    first_seen: dict[int, float] = {}
    for step, wall_time_s in ends.items():
        first_seen[step] = min(wall_time_s, first_seen.get(step, wall_time_s))
    return [first_seen[step] for step in sorted(first_seen)]


def gradient_bytes(root: Path) -> int:
    """The bytes of all trainable weights of the latest model, which is what a dense gradient has."""
    import tensorflow as tf

    path = newest(root / CONFIG / "artifacts" / "Trainer" / "model") / "Format-Serving"
    reader = tf.train.load_checkpoint(str(path / "variables" / "variables"))
    shapes = reader.get_variable_to_shape_map()
    return int(sum(4 * np.prod(shape) for name, shape in shapes.items() if name.startswith("weights/")))


def reduce_times(repeats: int) -> dict[int, float]:
    """Seconds of an all-reduce between two processes, median, by its size in bytes."""
    cluster = Cluster("multi_worker", workers=2)
    ports = free_ports(2)
    addresses = {task: f"127.0.0.1:{port}" for task, port in zip(cluster.tasks, ports, strict=True)}
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.training", "--reduce", str(repeats)], stdout=subprocess.PIPE, text=True,
            env={**os.environ, "TF_CONFIG": tf_config(task, addresses)}, stderr=subprocess.DEVNULL,
        )
        for task in cluster.tasks
    ]  # fmt: skip
    said = [process.communicate()[0] for process in started]
    return {int(size): float(seconds) for size, seconds in json.loads(said[0].splitlines()[-1]).items()}


def reduce_here(repeats: int) -> dict[int, float]:
    """One of the two processes: sums vectors of several sizes with the other, again and again."""
    import tensorflow as tf

    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    found = {}
    for size in SIZES_BYTES:
        found[size] = time_reduce(strategy, tf.ones([size // 4]), repeats)
    return found


def time_reduce(strategy: Any, vector: Any, repeats: int) -> float:
    """The median seconds of a sum over the workers."""
    import tensorflow as tf

    @tf.function
    def step() -> tf.Tensor:
        def on_replica() -> tf.Tensor:
            return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, vector)

        return strategy.run(on_replica)

    step()
    taken_s = []
    for _ in range(repeats):
        started_s = time.perf_counter()
        step()
        taken_s.append(time.perf_counter() - started_s)
    return statistics.median(taken_s)


def fit_link(times_s: dict[int, float]) -> Link:
    """The turn and the bandwidth that explain the times of two workers best (two turns, all bytes once).

    >>> link = fit_link({0: 0.002, 1_000_000: 1.002})
    >>> round(link.turn_s, 6), round(link.bytes_per_s)
    (0.001, 1000000)
    """
    slope, start = np.polyfit(list(times_s), list(times_s.values()), 1)
    return Link(turn_s=float(max(start, 1e-9) / 2), bytes_per_s=float(1 / max(slope, 1e-15)))


def table(rates: Sequence[Rate], link: Link, size_bytes: int) -> Iterator[str]:
    """The table as Markdown: measured where there are runs, computed elsewhere."""
    by_workers = {workers: [rate for rate in rates if rate.workers == workers] for workers in WORKERS}
    alone_s = statistics.median(rate.epoch_s for rate in by_workers[1])
    steps = by_workers[1][0].examples_per_s * by_workers[1][0].epoch_s / BATCH_SIZE
    yield "| workers | examples/s, measured | AUC | all-reduce a step | examples/s, computed | of linear |"
    yield "|---|---|---|---|---|---|"
    for workers in WORKERS:
        runs, reduce_s = by_workers[workers], link.step_s(workers, size_bytes) if workers > 1 else 0.0
        measured = f"{statistics.median(rate.examples_per_s for rate in runs):,.0f}" if runs else "–"
        auc = f"{statistics.median(rate.auc for rate in runs):.4f}" if runs else "–"
        step_s = alone_s / steps + reduce_s
        computed, linear = workers * BATCH_SIZE / step_s, alone_s / steps / step_s
        yield f"| {workers} | {measured} | {auc} | {reduce_s * 1000:.2f} ms | {computed:,.0f} | {linear:.0%} |"


def explanation(link: Link, size_bytes: int) -> str:
    """What the table is made from."""
    megabytes, bandwidth = size_bytes / 1e6, link.bytes_per_s / 1e6
    return (
        f"Global batch {BATCH_SIZE} for the measured lines. The computed ones give each worker {BATCH_SIZE} rows on "
        f"cores of its own (weak scaling), {megabytes:.2f} MB of gradients a step, and links like the loopback here: "
        f"{link.turn_s * 1e6:.0f} µs a turn, {bandwidth:,.0f} MB/s. Two workers on two cores share what one has to "
        "itself: their measured line shows the cost of spreading, not its gain."
    )


def main() -> int:
    """Measures, prints the table, writes JSON and a section of results.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--root", type=Path, default=Path("runs/training"))
    parser.add_argument("--json", type=Path, default=Path("runs/training/training.json"))
    parser.add_argument(
        "--only-feeding", action="store_true", help="on what the latest run below --root transformed; one, if none has"
    )
    parser.add_argument("--reduce", type=int, metavar="REPEATS", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.reduce:
        print(json.dumps(reduce_here(options.reduce)))
        return 0
    facts = {} if options.only_feeding else spread(options.root, options.repeats)
    if not (options.root / CONFIG).is_dir():
        train(1, options.root, seed=0)
    fed = feed(CONFIG, options.root, BATCH_SIZE, options.repeats)
    options.json.write_text(json.dumps({**facts, "fed": [asdict(one) for one in fed]}, indent=1) + "\n", "utf-8")
    publish("Feeding the training", [FEEDING, "", *feeding_table(fed)], options.repeats)
    return 0


def spread(root: Path, repeats: int) -> dict[str, Any]:
    """One and two workers in turn, as facts and as a section of results.md."""
    rates = [train(workers, root, seed) for seed in range(repeats) for workers in (1, 2)]
    times_s, size_bytes = reduce_times(200), gradient_bytes(root)
    link = fit_link(times_s)
    publish(
        "Training on several workers", [explanation(link, size_bytes), "", *table(rates, link, size_bytes)], repeats
    )
    facts = {"rates": [asdict(rate) for rate in rates], "all_reduce_s": times_s, "gradient_bytes": size_bytes}
    return {**facts, "link": asdict(link)}


def publish(title: str, lines: list[str], repeats: int) -> None:
    """Prints a section and puts it into results.md."""
    print("\n".join(lines))
    write_section(title, lines, f"`python -m benchmarks.training`, medians of {repeats}")


if __name__ == "__main__":
    sys.exit(main())
