"""One call of ``fit``: the remaining batches, and the callbacks in the order that they depend on one another."""

from collections.abc import Callable
from pathlib import Path

import tensorflow as tf
import tf_keras as keras

from components.support.heartbeat import beat
from components.tuner.report import report
from pipeline.training import callbacks
from pipeline.training.checkpoint.best_weights import BestWeights
from pipeline.training.checkpoint.checkpoints import Checkpoints, EpochCheckpoints, Manifest
from pipeline.training.diagnostics import tensorboard
from pipeline.training.diagnostics.probe import Batch
from pipeline.training.distribution import strategy
from pipeline.training.distribution.parameter_server import ChiefEvaluation, worker_batches
from pipeline.training.input.batches import eval_batches, first_batch, training_batches
from pipeline.training.input.disk_cache import scratch
from pipeline.training.input.split_rows import Batches
from pipeline.training.job import Job
from pipeline.training.training_model import TrainingModel


class Session:
    """A training from ``origin`` to its end; ``make_copy`` builds the model again, without a strategy."""

    def __init__(
        self, job: Job, model: TrainingModel, distribution: tf.distribute.Strategy, origin: Manifest,
        make_copy: Callable[[], TrainingModel],
    ) -> None:  # fmt: skip
        self.job = job
        self.model = model
        self.distribution = distribution
        self.origin = origin
        self.make_copy = make_copy
        self.monitor = f"val_{job.task.monitor}"
        self.coordinated = job.training.strategy == "parameter_server"
        journal = callbacks.EpochJournal if self.coordinated else callbacks.Journal
        self.journal = journal(job.steps_per_epoch, origin.step, origin.history)
        self.best = BestWeights(
            job.resume_dir, self.monitor, job.training.early_stopping_patience, job.training.weight_averaging,
            strategy.is_chief(), origin.best,
        )  # fmt: skip

    @property
    def steps_made(self) -> int:
        """The number of steps since the last resume."""
        return self.journal.step - self.origin.step

    def fit(self) -> tensorboard.Watch:
        """Train, until the model of the chief holds the best weights."""
        with scratch() as folder:
            return self.fit_in(folder)

    def fit_in(self, folder: Path) -> tensorboard.Watch:
        """Fits, with a folder for rows that memory does not hold."""
        training = self.job.training
        share = strategy.share(self.distribution)
        beat("reading rows")
        held_out, steps = eval_batches(self.job.eval, training.batch_size, share, folder)
        watch = tensorboard.watch(
            self.job.fn_args.model_run_dir, self.model, self.job.task.losses, training, self.one_batch,
            strategy.is_chief(),
        )  # fmt: skip
        evaluation = [ChiefEvaluation(self.make_copy(), held_out, steps, self.best)] if self.coordinated else []
        self.model.steps_done = self.origin.step
        self.model.fit(
            self.batches(folder),
            epochs=training.epochs,
            initial_epoch=training.epochs if self.best.state["stopped"] else self.origin.epoch,
            steps_per_epoch=self.job.steps_per_epoch,
            validation_data=None if self.coordinated else self.spread(held_out),
            validation_steps=None if self.coordinated else steps,
            callbacks=[*evaluation, *self.callbacks(), *watch.callbacks],
            verbose=0,
        )
        return watch

    def batches(self, folder: Path) -> Batches | keras.utils.experimental.DatasetCreator:
        """Return the training rows from where the training stands."""
        training, split = self.job.training, self.job.train
        class_weights = self.job.task.class_weights(training)
        if self.coordinated:
            return worker_batches(split, training.batch_size, training.seed, self.origin.epoch, class_weights)
        share = strategy.share(self.distribution)
        return self.spread(
            training_batches(
                split, training.batch_size, training.seed, self.origin.step, share, class_weights, training.sharding,
                folder,
            )
        )  # fmt: skip

    def spread(self, batches: Batches) -> Batches:
        """Distribute batches that are already this worker's own, one for each replica."""
        return self.distribution.distribute_datasets_from_function(lambda _: batches)

    def one_batch(self) -> Batch:
        """Return a batch of the first eval rows."""
        return first_batch(self.job.eval, self.job.training.batch_size)

    def callbacks(self) -> list[keras.callbacks.Callback]:
        """Return the callbacks: checkpoints come last, after the state that they save and the check of the loss."""
        training, journal = self.job.training, self.journal
        keeping = (self.job.resume_dir, journal, self.best, training.keep_checkpoints, self.origin)
        if self.coordinated:
            beside = [callbacks.StopOnNaNEpoch(journal), callbacks.EpochProgress(training.epochs)]
            saving: EpochCheckpoints = EpochCheckpoints(*keeping)
        else:
            beside = [callbacks.StopOnNaN(journal), callbacks.Progress(training.epochs, journal)]
            saving = Checkpoints(*keeping, training.checkpoint_every_steps, training.checkpoint_every_s)
        chief = [Report(self.monitor), saving] if strategy.is_chief() else []
        heartbeat = callbacks.EpochHeartbeat() if self.coordinated else callbacks.Heartbeat()
        return [heartbeat, journal, beside[0], self.best, beside[1], *chief]


class Report(keras.callbacks.Callback):
    """Report the metric of each epoch to the tuner, if this is a trial."""

    def __init__(self, monitor: str) -> None:
        super().__init__()
        self.monitor = monitor

    def on_epoch_end(self, epoch: int, logs: callbacks.Logs = None) -> None:
        report(epoch, float((logs or {})[self.monitor]))
