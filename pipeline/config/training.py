"""The section ``training`` of a config."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from pipeline.config.strict import PositiveFloat, PositiveInt, Seconds, Seed, Share, Strict, WholeNumber
from pipeline.search_space import scalar


@dataclass(frozen=True)
class Key:
    """Metadata of a key of ``training``: whether it may be searched, and what changing it means. Every field has one.

    Attributes:
        searchable: whether the tuner may vary it.
        invalidates_checkpoint: whether a checkpoint written with another value belongs to another training, because the
            key changes the rows, their order, or the computation.
        in_trial: the value in every trial of a search, which is one process and leaves nothing behind; None to use the
            value of the config.
    """

    searchable: bool
    invalidates_checkpoint: bool
    in_trial: str | int | None = None


# A setting of the fit: the tuner may vary it.
TUNABLE = Key(searchable=True, invalidates_checkpoint=True)
# A setting of the fit that the tuner may not vary: it is not a scalar, or only changes the luck.
FIXED = Key(searchable=False, invalidates_checkpoint=True)
# A setting of where and how safely a training runs.
OPERATION = Key(searchable=False, invalidates_checkpoint=False)


class Training(Strict):
    """How the model is trained. ``batch_size`` is global: every worker takes its share of it.

    ``learning_rate`` applies to the global batch, whatever the number of workers.
    ``weight_averaging`` is the weight of the average so far when another epoch is added to it; the averaged weights are
    evaluated and exported. ``exclude_columns`` leaves the features of some columns out of the model.
    ``class_weights`` are for label 0 and label 1. ``accumulation_steps`` splits a worker's batch into parts whose
    gradients are summed before the weights are updated. ``sharding`` says what a worker reads: its share of every batch
    in one common order (``record``), or its own files (``file``).
    ``model`` contains the settings that the workload's ``model.py`` declares in its ``Settings``.
    """

    strategy: Annotated[
        Literal["none", "mirrored", "multi_worker", "parameter_server"],
        Key(searchable=False, invalidates_checkpoint=True, in_trial="none"),
    ] = "none"
    workers: Annotated[int, Field(gt=0, le=1024), Key(searchable=False, invalidates_checkpoint=False, in_trial=1)] = 1
    parameter_servers: Annotated[int, Field(gt=0, le=1024), FIXED] = 1
    backend: Annotated[Literal["local", "kubernetes"], OPERATION] = "local"
    max_restarts: Annotated[int, Field(ge=0, le=1000), OPERATION] = 3
    startup_timeout_s: Annotated[Seconds, OPERATION] = 300.0
    # Workers send a heartbeat every second.
    hang_timeout_s: Annotated[Seconds, Field(ge=2.0), OPERATION] = 30.0
    sharding: Annotated[Literal["record", "file"], TUNABLE] = "record"
    seed: Annotated[Seed, FIXED] = 0
    epochs: Annotated[PositiveInt, TUNABLE]
    batch_size: Annotated[PositiveInt, TUNABLE]
    accumulation_steps: Annotated[PositiveInt, TUNABLE] = 1
    steps_per_execution: Annotated[PositiveInt, Key(searchable=True, invalidates_checkpoint=False)] = 1
    precision: Annotated[Literal["float32", "bfloat16", "float16"], TUNABLE] = "float32"
    jit_compile: Annotated[bool, TUNABLE] = False
    learning_rate: Annotated[float, Field(ge=1e-12, le=1000.0), TUNABLE]
    optimizer: Annotated[Literal["adam", "adamw"], TUNABLE] = "adamw"
    weight_decay: Annotated[float, Field(ge=0.0, le=1000.0), TUNABLE] = 0.0
    warmup_share: Annotated[Share, TUNABLE] = 0.05
    clip_norm: Annotated[PositiveFloat | None, TUNABLE] = None
    class_weights: Annotated[tuple[PositiveFloat, PositiveFloat], FIXED] = (1.0, 1.0)
    early_stopping_patience: Annotated[PositiveInt, TUNABLE] = 3
    weight_averaging: Annotated[float, Field(ge=0.0, lt=1.0), TUNABLE] = 0.0
    exclude_columns: Annotated[tuple[str, ...], FIXED] = ()
    warm_start: Annotated[
        Literal["none", "latest_blessed"], Key(searchable=False, invalidates_checkpoint=True, in_trial="none")
    ] = "none"
    checkpoint_every_steps: Annotated[int, Field(gt=0, le=1_000_000_000), OPERATION] = 200
    checkpoint_every_s: Annotated[Seconds, OPERATION] = 3600.0
    keep_checkpoints: Annotated[PositiveInt, OPERATION] = 3
    histogram_every_epochs: Annotated[WholeNumber, Key(searchable=False, invalidates_checkpoint=False, in_trial=0)] = 1
    profile_steps: Annotated[
        int, Field(ge=0, le=100_000), Key(searchable=False, invalidates_checkpoint=False, in_trial=0)
    ] = 0
    model: Annotated[dict[str, Annotated[Any, AfterValidator(scalar)]], FIXED] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fits_together(self) -> "Training":
        if self.workers > 1 and self.strategy not in ("multi_worker", "parameter_server"):
            raise ValueError("several workers need 'strategy: multi_worker' or 'strategy: parameter_server'")
        if self.batch_size < self.workers * self.accumulation_steps:
            raise ValueError("'batch_size' is smaller than 'workers' times 'accumulation_steps'")
        if self.jit_compile and self.strategy == "parameter_server":
            raise ValueError("'jit_compile' needs all variables on one machine, which 'parameter_server' does not have")
        return self


def key_of(name: str) -> Key:
    """Return what another value of a key of ``training`` means."""
    (key,) = (item for item in Training.model_fields[name].metadata if isinstance(item, Key))
    return key


def trial_values() -> dict[str, str | int]:
    """Return the values that every trial of a search has, by key."""
    values = {name: key_of(name).in_trial for name in Training.model_fields}
    return {name: value for name, value in values.items() if value is not None}
