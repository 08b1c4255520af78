"""Checkpoints of a training: written by step, time and epoch, sealed by a manifest, and found again.

    <resume_dir>/checkpoints/00000400/state.*     weights and optimizer, as tf.train.Checkpoint
    <resume_dir>/checkpoints/00000400.json        the manifest, written last: without it there is no checkpoint
    <resume_dir>/best-0002.npz, average-0002.npz  what BestWeights keeps; a manifest says which of them count

The chief writes, all processes read. Only variables that are the same on every worker are saved, so that the chief can
write by its own clock, without the others.
"""

import json
import re
import time
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from components.compat.tensorflow import plain
from components.support import heartbeat
from components.support.folders import files_in
from pipeline.errors import MainlineError
from pipeline.training.callbacks import EpochJournal, History, Logs, not_finite, progress
from pipeline.training.checkpoint import sealed_files
from pipeline.training.checkpoint.best_weights import BestState, BestWeights

NEXT = "Free some space and run again: training resumes from the last checkpoint."


@dataclass(frozen=True)
class Manifest:
    """The state of a training after ``step`` global batches and ``epoch`` whole epochs, and the files by name.

    ``resumed_at`` lists the steps at which it was resumed before; ``warm_start`` is the record of how it began.
    """

    step: int
    epoch: int
    history: History
    best: BestState
    files: dict[str, sealed_files.Seal]
    resumed_at: list[int] = field(default_factory=list)
    warm_start: dict[str, Any] = field(default_factory=dict)

    def resumed(self) -> "Manifest":
        """Return the manifest with this resume added."""
        return replace(self, resumed_at=[*self.resumed_at, self.step])


def beginning(warm_start: dict[str, Any]) -> Manifest:
    """Return the manifest of a training before its first step."""
    return Manifest(0, 0, {}, BestState(record={}, stopped=False, best={}, average={}), {}, [], warm_start)


class EpochCheckpoints(keras.callbacks.Callback):
    """Write a checkpoint at the end of each epoch, and keep the last ``keep`` of them.

    Must come after the journal and the best weights, whose state it saves.

    Raises:
        MainlineError: the disk is full, or a weight is not finite; earlier checkpoints stay as they are.
    """

    def __init__(
        self, resume_dir: str, journal: EpochJournal, best: BestWeights, keep: int, origin: Manifest | None = None
    ) -> None:
        super().__init__()
        self.resume_dir = resume_dir
        self.journal = journal
        self.best = best
        self.keep = keep
        self.origin = origin or beginning({})

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Write a checkpoint."""
        self.save()

    def save(self) -> None:
        """Write a checkpoint now."""
        with heartbeat.phase("writing"):
            self._save(self.journal.step)

    def _save(self, step: int) -> None:
        check_finite(self.model, step)
        try:
            with sealed_files.disk_may_be_full(folder(self.resume_dir), NEXT):
                self._write(step)
        except MainlineError:
            discard(self.resume_dir, step)
            raise
        remove_unneeded(self.resume_dir, self.keep)

    def _write(self, step: int) -> None:
        discard(self.resume_dir, step)
        tf.io.gfile.makedirs(data_folder(self.resume_dir, step))
        tracked(self.model).write(prefix(self.resume_dir, step))
        beginning = f"{prefix(self.resume_dir, step)}."
        names = [name for name in files_in(data_folder(self.resume_dir, step)) if name.startswith(beginning)]
        files = {name.removeprefix(f"{self.resume_dir}/"): sealed_files.seal(name) for name in names}
        best = self.best.state
        manifest = replace(
            self.origin, step=step, epoch=step // self.journal.steps_per_epoch, history=self.journal.history,
            best=best, files=files | best["best"] | best["average"],
        )  # fmt: skip
        sealed_files.write(manifest_file(self.resume_dir, step), json.dumps(asdict(manifest)).encode())


class Checkpoints(EpochCheckpoints):
    """Also write a checkpoint every ``every_steps`` steps and every ``every_s`` seconds."""

    def __init__(
        self, resume_dir: str, journal: EpochJournal, best: BestWeights, keep: int, origin: Manifest | None = None,
        every_steps: int = 200, every_s: float = 3600.0,
    ) -> None:  # fmt: skip
        super().__init__(resume_dir, journal, best, keep, origin)
        self.every_steps = every_steps
        self.every_s = every_s
        self._saved_step = journal.step
        self._saved_s = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Write when it is time; the checkpoint at the end of an epoch follows its evaluation."""
        step = self.journal.step
        crossed = step // self.every_steps > self._saved_step // self.every_steps
        overdue = time.monotonic() - self._saved_s >= self.every_s
        if (crossed or overdue) and step % self.journal.steps_per_epoch:
            self.save()

    def save(self) -> None:
        """Write, and restart both clocks."""
        super().save()
        self._saved_step, self._saved_s = self.journal.step, time.monotonic()


def folder(resume_dir: str) -> str:
    return f"{resume_dir}/checkpoints"


def data_folder(resume_dir: str, step: int) -> str:
    """Return the folder of the variables of one checkpoint."""
    return f"{folder(resume_dir)}/{step:08d}"


def prefix(resume_dir: str, step: int) -> str:
    """Return the path by which TensorFlow writes and reads the checkpoint."""
    return f"{data_folder(resume_dir, step)}/state"


def manifest_file(resume_dir: str, step: int) -> str:
    return f"{data_folder(resume_dir, step)}.json"


def tracked(model: keras.Model) -> tf.train.Checkpoint:
    """Return what is saved: the variables of the layers, and the optimizer with its loss scale, but no metrics."""
    return tf.train.Checkpoint(layers=list(model.layers), optimizer=model.optimizer)


def check_finite(model: keras.Model, step: int) -> None:
    """Check the weights before they are saved.

    Raises:
        MainlineError: a weight or a variable of the optimizer is not finite.
    """
    for variable in [*model.variables, *optimizer_variables(model.optimizer)]:
        if variable.dtype.is_floating and not np.isfinite(tf.convert_to_tensor(variable).numpy()).all():
            raise not_finite(f"{variable.name} is not finite", step)


def optimizer_variables(optimizer: keras.optimizers.Optimizer) -> list[tf.Variable]:
    """Return all variables of an optimizer; in older versions of Keras they are a method."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    return list(inner.variables() if callable(inner.variables) else inner.variables)


def restore(model: keras.Model, resume_dir: str, step: int) -> None:
    """Restore a checkpoint into a compiled model whose optimizer is built."""
    tracked(model).read(plain(prefix(resume_dir, step))).assert_consumed()


def newest(resume_dir: str) -> Manifest | None:
    """Return the manifest of the last intact checkpoint; log which ones are skipped, and why."""
    for step in reversed(steps_in(resume_dir)):
        manifest, fault = inspect(resume_dir, step)
        if manifest is not None:
            return manifest
        progress.warning("skipping the checkpoint of step %d: %s", step, fault)
    return None


def steps_in(resume_dir: str) -> list[int]:
    """Return the steps that have a checkpoint, intact or not, in order."""
    names = tf.io.gfile.listdir(folder(resume_dir)) if tf.io.gfile.isdir(folder(resume_dir)) else []
    found = (re.fullmatch(r"(\d{8})(\.json|/)?", name) for name in names)
    return sorted({int(match.group(1)) for match in found if match})


def inspect(resume_dir: str, step: int) -> tuple[Manifest | None, str]:
    """Return the manifest if all files match it, else None and what is wrong."""
    try:
        manifest = Manifest(**json.loads(sealed_files.read(manifest_file(resume_dir, step))))
    except tf.errors.NotFoundError:
        return None, "it has no manifest"
    except (ValueError, TypeError) as error:
        return None, f"its manifest cannot be read ({error})"
    for name, expected in manifest.files.items():
        try:
            found: Any = sealed_files.seal(f"{resume_dir}/{name}")
        except tf.errors.OpError:
            return None, f"{name} is missing"
        if found != expected:
            return None, f"{name} has changed since it was written"
    return manifest, ""


def discard(resume_dir: str, step: int) -> None:
    """Remove a checkpoint, its manifest first."""
    sealed_files.remove(manifest_file(resume_dir, step))
    sealed_files.remove(data_folder(resume_dir, step))


def remove_unneeded(resume_dir: str, keep: int) -> None:
    """Remove older and incomplete checkpoints, and weights of epochs that no checkpoint needs."""
    written = [step for step in steps_in(resume_dir) if tf.io.gfile.exists(manifest_file(resume_dir, step))]
    kept = written[-keep:]
    for step in set(steps_in(resume_dir)) - set(kept):
        discard(resume_dir, step)
    used = {name for step in kept for name in files_of(resume_dir, step)}
    for path in files_in(resume_dir):
        name = path.removeprefix(f"{resume_dir}/")
        if ".npz" in name and name not in used:
            sealed_files.remove(path)


def files_of(resume_dir: str, step: int) -> list[str]:
    """Return the files that a manifest lists, none if it cannot be read."""
    try:
        return list(json.loads(sealed_files.read(manifest_file(resume_dir, step)))["files"])
    except (ValueError, KeyError):
        return []
