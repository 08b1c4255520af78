"""Measure training on one worker and on two, and the input pipeline: ``python -m benchmarks.training``.

One and two workers run in turn. Rates cover whole epochs after the first, so that start-up and tracing do not count.
Figures for 8 to 100 workers are computed from the cost of a ring all-reduce (Patarasuk and Yuan 2009,
https://doi.org/10.1016/j.jpdc.2008.09.002): with n workers a step sends 2 (n - 1) / n of the gradients' bytes over each
link, in 2 (n - 1) turns.
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

from benchmarks.input_pipeline import feed, feeding_table, newest
from benchmarks.measurement.report import write_section
from benchmarks.quality import latest_facts
from components.distributed_trainer.cluster import Cluster, tf_config
from components.distributed_trainer.local_backend import free_ports
from pipeline.run.local.runner import run
from pipeline.run.request import Request

CONFIG, BATCH_SIZE, EPOCHS = "recommender", 1024, 4
SIZES_BYTES = (4_096, 65_536, 1_048_576, 8_388_608)
INPUT_SOURCES = (
    f"The recommender's model in one process, batch size {BATCH_SIZE}, each source in turn. memory: the batches of one "
    "epoch, parsed and cached. disk: the default, rows held as matrices and shuffled in each epoch. blocks: for a "
    "split that does not fit in memory, parsed once to files on disk. files: parsed again in each epoch, when the disk "
    "has no room for blocks."
)
WORKERS = (1, 2, 8, 16, 32, 64, 100)


@dataclass(frozen=True)
class Rate:
    """One run: the number of workers, and the median over its epochs after the first."""

    workers: int
    epoch_s: float
    examples_per_s: float
    auc: float


@dataclass(frozen=True)
class Link:
    """The cost of an all-reduce between two workers on this machine: seconds per turn, and bandwidth."""

    turn_s: float
    bytes_per_s: float

    def step_s(self, workers: int, size_bytes: int) -> float:
        """Return the seconds of the all-reduce of one step.

        >>> Link(turn_s=0.001, bytes_per_s=1e6).step_s(2, 1_000_000)
        1.002
        """
        turns = 2 * (workers - 1)
        return round(turns * self.turn_s + turns / workers * size_bytes / self.bytes_per_s, 9)


def train(workers: int, root: Path, seed: int) -> Rate:
    """Run the recommender with a new seed, so that training is not cached."""
    distribution = (f"training.workers={workers}", f"training.strategy={'multi_worker' if workers > 1 else 'none'}")
    fixed = (f"training.batch_size={BATCH_SIZE}", f"training.epochs={EPOCHS}", "training.histogram_every_epochs=0")
    patient = ("training.early_stopping_patience=100", f"training.seed={seed}", "release.review=required")
    run(Request(config=CONFIG, overrides=(*distribution, *fixed, *patient), root=root))
    facts = latest_facts(root / CONFIG)
    record = json.loads((newest_run(root) / "training.json").read_text(encoding="utf-8"))
    epoch_s = statistics.median(np.diff(epoch_ends_s(newest_run(root))))
    auc = next(check["value"] for check in facts["verdict"]["checks"] if check["slice"] == "overall")
    return Rate(workers, float(epoch_s), float(record["steps_per_epoch"] * BATCH_SIZE / epoch_s), float(auc))


def newest_run(root: Path) -> Path:
    """Return the log folder of the latest training."""
    return newest(root / CONFIG / "artifacts" / "Trainer" / "model_run")


def epoch_ends_s(logs: Path) -> list[float]:
    """Return the end of each epoch, in seconds since 1970, from the TensorBoard events."""
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
    """Return the bytes of all trainable weights of the latest model, the size of a dense gradient."""
    import tensorflow as tf

    path = newest(root / CONFIG / "artifacts" / "Trainer" / "model") / "Format-Serving"
    reader = tf.train.load_checkpoint(str(path / "variables" / "variables"))
    shapes = reader.get_variable_to_shape_map()
    return int(sum(4 * np.prod(shape) for name, shape in shapes.items() if name.startswith("weights/")))


def reduce_times(repeats: int) -> dict[int, float]:
    """Return the median seconds of an all-reduce between two processes, by size in bytes."""
    cluster = Cluster("multi_worker", workers=2)
    ports = free_ports(2)
    addresses = {task: f"127.0.0.1:{port}" for task, port in zip(cluster.tasks, ports, strict=True)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.training", "--reduce", str(repeats)], stdout=subprocess.PIPE, text=True,
            env={**os.environ, "TF_CONFIG": tf_config(task, addresses)}, stderr=subprocess.DEVNULL,
        )
        for task in cluster.tasks
    ]  # fmt: skip
    outputs = [process.communicate()[0] for process in processes]
    return {int(size): float(seconds) for size, seconds in json.loads(outputs[0].splitlines()[-1]).items()}


def reduce_here(repeats: int) -> dict[int, float]:
    """Measure an all-reduce of several sizes; runs in each of the two processes."""
    import tensorflow as tf

    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    found = {}
    for size in SIZES_BYTES:
        found[size] = time_reduce(strategy, tf.ones([size // 4]), repeats)
    return found


def time_reduce(strategy: Any, vector: Any, repeats: int) -> float:
    """Return the median seconds of a sum over the workers."""
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
    """Fit latency and bandwidth to the times of two workers (two turns, all bytes once).

    >>> link = fit_link({0: 0.002, 1_000_000: 1.002})
    >>> round(link.turn_s, 6), round(link.bytes_per_s)
    (0.001, 1000000)
    """
    slope, start = np.polyfit(list(times_s), list(times_s.values()), 1)
    return Link(turn_s=float(max(start, 1e-9) / 2), bytes_per_s=float(1 / max(slope, 1e-15)))


def table(rates: Sequence[Rate], link: Link, size_bytes: int) -> Iterator[str]:
    """Format the Markdown table, with measured and computed rates."""
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
    """Describe how the figures of the table were measured and computed."""
    megabytes, bandwidth = size_bytes / 1e6, link.bytes_per_s / 1e6
    return (
        f"Measured rows: global batch size {BATCH_SIZE}. Computed rows: each worker has {BATCH_SIZE} rows a step and "
        f"its own cores (weak scaling), {megabytes:.2f} MB of gradients a step, and a network like the loopback here: "
        f"{link.turn_s * 1e6:.0f} µs a turn, {bandwidth:,.0f} MB/s. Two workers on two cores share the cores that one "
        "has to itself, so the measured row shows the cost of distribution, not its gain."
    )


def main() -> int:
    """Measure, print the tables, and write the JSON file and the sections of results.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--root", type=Path, default=Path("runs/training"))
    parser.add_argument("--json", type=Path, default=Path("runs/training/training.json"))
    parser.add_argument(
        "--only-feeding",
        action="store_true",
        help="measure only the input pipeline, on the latest run below --root; without one, run once",
    )
    parser.add_argument("--reduce", type=int, metavar="REPEATS", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.reduce:
        print(json.dumps(reduce_here(options.reduce)))
        return 0
    facts = {} if options.only_feeding else measure_workers(options.root, options.repeats)
    if not (options.root / CONFIG).is_dir():
        train(1, options.root, seed=0)
    fed = feed(CONFIG, options.root, BATCH_SIZE, options.repeats)
    options.json.write_text(json.dumps({**facts, "fed": [asdict(one) for one in fed]}, indent=1) + "\n", "utf-8")
    publish("Input pipeline", [INPUT_SOURCES, "", *feeding_table(fed)], options.repeats)
    return 0


def measure_workers(root: Path, repeats: int) -> dict[str, Any]:
    """Measure one and two workers in turn, write the section of results.md, and return the measurements."""
    rates = [train(workers, root, seed) for seed in range(repeats) for workers in (1, 2)]
    times_s, size_bytes = reduce_times(200), gradient_bytes(root)
    link = fit_link(times_s)
    publish(
        "Training on several workers", [explanation(link, size_bytes), "", *table(rates, link, size_bytes)], repeats
    )
    facts = {"rates": [asdict(rate) for rate in rates], "all_reduce_s": times_s, "gradient_bytes": size_bytes}
    return {**facts, "link": asdict(link)}


def publish(title: str, lines: list[str], repeats: int) -> None:
    """Print a section and write it to results.md."""
    print("\n".join(lines))
    write_section(title, lines, f"`python -m benchmarks.training`, medians of {repeats}")


if __name__ == "__main__":
    sys.exit(main())
