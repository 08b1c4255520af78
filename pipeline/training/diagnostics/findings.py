"""Warnings about a model and its losses: what is wrong, how much, and what to do."""

import math
from collections.abc import Iterator, Mapping, Sequence

from pipeline.training.diagnostics.probe import DeadUnits, EmbeddingSpread, Inspection

# Adam divides by sqrt(v) + 1e-7 (tf_keras's epsilon): below about that norm a step follows epsilon, not the data.
VANISHED_NORM = 1e-6
# Below this loss a batch is fitted, and its gradients may well be small.
FITTED_LOSS = 0.01
# The derivative of the mean log loss by a logit is at most 1: a larger norm comes from inputs and weights.
# Pascanu et al., "On the difficulty of training RNNs" (2013) clip far below.
EXPLODED_NORM = 1e3
# Stanford CS231n, "Neural Networks Part 1": with too high a learning rate "as much as 40% of your network can be dead".
DEAD_SHARE = 0.4
# Of the norm of the mean row: below it, the next layers get nearly the same vector whatever the id.
COLLAPSED_SHARE = 0.05
# Numbers enter the deep part with variance 1; beside them, a thousandth is nothing.
COLLAPSED_DISTANCE = 1e-3
# Prechelt, "Early Stopping - But When?" (1998): generalization loss, there 1 to 5 % above the best.
OVERFIT_RISE = 0.05


def in_inspection(inspection: Inspection) -> list[str]:
    """Return the warnings about a model."""
    return [
        *in_gradients(inspection.gradient_norm, inspection.loss),
        *(text for layer, dead in inspection.dead.items() for text in in_units(layer, dead, inspection.rows)),
        *(text for layer, spread in inspection.spreads.items() for text in in_spread(layer, spread)),
    ]


def in_gradients(norm: float, loss: float) -> Iterator[str]:
    """Warn of gradients that vanish although the loss is high, explode, or are not finite.

    >>> next(in_gradients(5000.0, 0.7))[:53]
    'The gradients explode: their global norm is 5e+03, ab'
    """
    if not math.isfinite(norm):
        yield (
            f"The gradients are not finite (global norm {norm}). Lower training.learning_rate, set "
            "training.clip_norm, and look for NaN in the input."
        )
    elif norm > EXPLODED_NORM:
        yield (
            f"The gradients explode: their global norm is {norm:.3g}, above {EXPLODED_NORM:g}. Lower "
            "training.learning_rate or set training.clip_norm, and look for numbers that are not scaled."
        )
    elif norm < VANISHED_NORM and loss > FITTED_LOSS:
        yield (
            f"The gradients vanish: their global norm is {norm:.3g}, below {VANISHED_NORM:g}, at a loss of "
            f"{loss:.3g}. Lower training.learning_rate or raise training.warmup_share, and look for saturated layers."
        )


def in_units(layer: str, dead: DeadUnits, rows: int) -> Iterator[str]:
    """Warn of a ReLU layer with many units that are 0 for every row.

    >>> list(in_units("deep_0", DeadUnits(1, 64), 512))
    []
    """
    if dead.units > DEAD_SHARE * dead.of:
        yield (
            f"Layer {layer}: {dead.units} of {dead.of} units ({dead.units / dead.of:.0%}) are dead, 0 for each of "
            f"{rows:,} eval rows. Lower training.learning_rate or raise training.warmup_share."
        )


def in_spread(layer: str, spread: EmbeddingSpread) -> Iterator[str]:
    """Warn of an embedding table whose rows are nearly alike."""
    floor = max(COLLAPSED_SHARE * spread.mean_norm, COLLAPSED_DISTANCE)
    if spread.rows > 1 and spread.distance < floor:
        yield (
            f"Embedding table {layer} has collapsed: the {spread.rows:,} rows in use are nearly alike, on average "
            f"{spread.distance:.2g} from their mean (below {floor:.2g}). The feature tells the model nothing: lower "
            "its L2 or leave it out."
        )


def in_history(history: Mapping[str, Sequence[float]], monitor: str) -> Iterator[str]:
    """Warn of metrics by epoch that are not finite, and if ``monitor`` of train and eval rows (``val_``) diverge.

    >>> list(in_history({"log_loss": [0.6, 0.5, 0.4], "val_log_loss": [0.6, 0.55, 0.56]}, "log_loss"))
    []
    """
    for name, values in history.items():
        bad = next((epoch for epoch, value in enumerate(values, start=1) if not math.isfinite(value)), None)
        if bad is not None:
            yield (
                f"{name} is {values[bad - 1]} at epoch {bad}. Lower training.learning_rate, set "
                "training.clip_norm, and look for NaN in the input."
            )
    train, eval_ = history.get(monitor, ()), history.get(f"val_{monitor}", ())
    if len(train) == len(eval_) > 1 and all(map(math.isfinite, [*train, *eval_])):
        yield from in_gap(train, eval_, monitor.replace("_", " "))


def in_gap(train: Sequence[float], eval_: Sequence[float], loss: str) -> Iterator[str]:
    """Warn of an eval ``loss`` that rose from its best while that of the train rows kept falling."""
    best = min(range(len(eval_)), key=eval_.__getitem__)
    if eval_[-1] > (1 + OVERFIT_RISE) * eval_[best] and train[-1] < train[best]:
        yield (
            f"The model overfits: from epoch {best + 1} to {len(eval_)} the {loss} fell from {train[best]:.4f} to "
            f"{train[-1]:.4f} on the train rows and rose from {eval_[best]:.4f} to {eval_[-1]:.4f} on the eval rows. "
            "The best epoch was kept; raise weight decay, dropout or L2, or lower training.epochs."
        )
