"""Measure the training input pipeline: the speed of a model fed from disk, compared with the same batches from memory.

All are trained in one process, in turn. Rates cover whole epochs after the first, so that tracing does not count.
``blocks`` is how a split that does not fit in memory is read: parsed once into files of numbers. ``files`` is the
fallback when the disk has no room for those: the examples are parsed again in each epoch.
"""

import dataclasses
import importlib
import itertools
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.config.load import load_config
from pipeline.workloads.contract import load_workload

# At run time these are imported where they are used: they take seconds to load.
if TYPE_CHECKING:
    from pipeline.training.input.split_rows import Batches, Split
    from pipeline.training.job import Job

EPOCHS = 3


@dataclass(frozen=True)
class FitRate:
    """One training: its source of batches, and the examples per second of the training and of the input alone."""

    source: str
    examples_per_s: float
    input_per_s: float


def feed(config: str, root: Path, batch_size: int, repeats: int) -> list[FitRate]:
    """Train a workload's model on the transformed examples of a finished run, from each source in turn."""
    import tf_keras as keras

    from components.compat.tensorflow import exclude_from_autograph
    from pipeline.training.input.batches import training_batches
    from pipeline.training.input.disk_cache import scratch
    from pipeline.training.loop import build_training_model

    exclude_from_autograph("tf_keras")
    job = job_of(config, root, batch_size)
    build_model = importlib.import_module(load_workload(config).module("model")).build_model
    with scratch() as folder:
        sources: dict[str, Batches] = {
            "disk": training_batches(job.train, batch_size, seed=0),
            "memory": from_memory(training_batches(job.train, batch_size, seed=0), job.steps_per_epoch),
            "blocks": training_batches(too_large(job.train), batch_size, seed=0, folder=folder),
            "files": training_batches(too_large(job.train), batch_size, seed=0),
        }
        models: dict[str, keras.Model] = {source: build_training_model(job, build_model) for source in sources}
        return [
            FitRate(source, fit_rate(models[source], batches, job), drain_rate(batches, job))
            for _ in range(repeats)
            for source, batches in sources.items()
        ]


def job_of(config: str, root: Path, batch_size: int) -> "Job":
    """Return the training job of the latest run."""
    from tfx.components.trainer.fn_args_utils import FnArgs

    from pipeline.training.job import make_job, read_training

    node = root / config / "artifacts" / "Transform"
    examples = newest(node / "transformed_examples")
    training = load_config(config).training.model_copy(update={"batch_size": batch_size})
    fn_args = FnArgs(
        working_dir="",
        train_files=[f"{examples}/Split-train/*"],
        eval_files=[f"{examples}/Split-eval/*"],
        train_steps=None,
        eval_steps=None,
        schema_path="",
        transform_graph_path=str(newest(node / "transform_graph")),
        data_accessor=None,
        serving_model_dir=str(root / "feeding" / "model"),
        eval_model_dir=None,
        model_run_dir=str(root / "feeding" / "model_run" / "1"),
        base_model=None,
        custom_config={"training": training.model_dump(mode="json")},
    )
    return make_job(fn_args, load_workload(config).table, read_training(fn_args))


def newest(folder: Path) -> Path:
    """Return the artifact of the latest execution."""
    return max(folder.iterdir(), key=lambda path: int(path.name))


def from_memory(batches: "Batches", steps: int) -> "Batches":
    """Cache the parsed batches of one epoch and repeat them."""
    import tensorflow as tf

    return batches.take(steps).cache().repeat().prefetch(tf.data.AUTOTUNE)


def too_large(split: "Split") -> "Split":
    """Return the same split as if it did not fit in memory."""
    from pipeline.training.input.split_rows import Split

    class Large(Split):
        def is_held(self) -> bool:
            return False

    return Large(**{field.name: getattr(split, field.name) for field in dataclasses.fields(split)})


def fit_rate(model: Any, batches: "Batches", job: "Job") -> float:
    """Return the examples per second of the epochs after the first."""
    import tf_keras as keras

    ends_s: list[float] = []
    clock = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: ends_s.append(time.perf_counter()))
    model.fit(batches, epochs=EPOCHS + 1, steps_per_epoch=job.steps_per_epoch, callbacks=[clock], verbose=0)
    return rate(job, [after - before for before, after in itertools.pairwise(ends_s)])


def drain_rate(batches: "Batches", job: "Job") -> float:
    """Return the examples per second of the input alone, without a model."""
    iterator, epochs_s = iter(batches), []
    for _ in range(EPOCHS + 1):
        started_s = time.perf_counter()
        for _ in range(job.steps_per_epoch):
            next(iterator)
        epochs_s.append(time.perf_counter() - started_s)
    return rate(job, epochs_s[1:])


def rate(job: "Job", epochs_s: Sequence[float]) -> float:
    """Return the examples per second of the median epoch."""
    return job.steps_per_epoch * job.training.batch_size / statistics.median(epochs_s)


def medians(found: Sequence[FitRate]) -> Mapping[str, FitRate]:
    """Return the medians of each source.

    >>> medians([FitRate("disk", 1.0, 5.0), FitRate("disk", 3.0, 5.0), FitRate("disk", 2.0, 9.0)])["disk"]
    FitRate(source='disk', examples_per_s=2.0, input_per_s=5.0)
    """
    return {
        source: FitRate(
            source,
            statistics.median(one.examples_per_s for one in found if one.source == source),
            statistics.median(one.input_per_s for one in found if one.source == source),
        )
        for source in dict.fromkeys(one.source for one in found)
    }


def feeding_table(found: Sequence[FitRate]) -> Iterator[str]:
    """Format the Markdown table; a ratio compares trainings of the same turn."""
    yield "| fed from | examples/s | of memory | input alone, examples/s |"
    yield "|---|---|---|---|"
    by_source = {source: [one.examples_per_s for one in found if one.source == source] for source in medians(found)}
    for source, middle in medians(found).items():
        pairs = zip(by_source[source], by_source["memory"], strict=True)
        share = statistics.median(own / memory for own, memory in pairs)
        yield f"| {source} | {middle.examples_per_s:,.0f} | {share:.0%} | {middle.input_per_s:,.0f} |"
