"""The section ``training`` of a config."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from pipeline.config.strict import PositiveFloat, PositiveInt, Seconds, Seed, Share, Strict, WholeNumber
from pipeline.search_space import scalar


class Training(Strict):
    """How the model is fitted. ``batch_size`` is global: every worker takes its share of it.

    ``learning_rate`` belongs to the global batch, whatever the number of workers.
    ``weight_averaging`` is the share that the average of earlier epochs keeps when an epoch is added; the averaged
    weights are the ones judged and exported. ``exclude_columns`` leaves the features of some columns out of the model.
    ``class_weights`` are of label 0 and of label 1. ``accumulation_steps`` cuts a worker's batch into parts whose
    gradients are added up before the weights move. ``sharding`` says what a worker reads: its share of every batch of
    one common order (``record``), or its own files (``file``).
    ``model`` holds what the workload's ``model.py`` names in its Settings.
    """

    strategy: Literal["none", "mirrored", "multi_worker", "parameter_server"] = "none"
    workers: Annotated[int, Field(gt=0, le=1024)] = 1
    parameter_servers: Annotated[int, Field(gt=0, le=1024)] = 1
    backend: Literal["local", "kubernetes"] = "local"
    max_restarts: Annotated[int, Field(ge=0, le=1000)] = 3
    startup_timeout_s: Seconds = 300.0
    # A sign of life comes every second.
    hang_timeout_s: Annotated[Seconds, Field(ge=2.0)] = 30.0
    sharding: Literal["record", "file"] = "record"
    seed: Seed = 0
    epochs: PositiveInt
    batch_size: PositiveInt
    accumulation_steps: PositiveInt = 1
    steps_per_execution: PositiveInt = 1
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    jit_compile: bool = False
    learning_rate: Annotated[float, Field(ge=1e-12, le=1000.0)]
    optimizer: Literal["adam", "adamw"] = "adamw"
    weight_decay: Annotated[float, Field(ge=0.0, le=1000.0)] = 0.0
    warmup_share: Share = 0.05
    clip_norm: PositiveFloat | None = None
    class_weights: tuple[PositiveFloat, PositiveFloat] = (1.0, 1.0)
    early_stopping_patience: PositiveInt = 3
    weight_averaging: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    exclude_columns: tuple[str, ...] = ()
    warm_start: Literal["none", "latest_blessed"] = "none"
    checkpoint_every_steps: Annotated[int, Field(gt=0, le=1_000_000_000)] = 200
    checkpoint_every_s: Seconds = 3600.0
    keep_checkpoints: PositiveInt = 3
    histogram_every_epochs: WholeNumber = 1
    profile_steps: Annotated[int, Field(ge=0, le=100_000)] = 0
    model: dict[str, Annotated[Any, AfterValidator(scalar)]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fits_together(self) -> "Training":
        if self.workers > 1 and self.strategy not in ("multi_worker", "parameter_server"):
            raise ValueError("several workers need 'strategy: multi_worker' or 'strategy: parameter_server'")
        if self.batch_size < self.workers * self.accumulation_steps:
            raise ValueError("'batch_size' is smaller than 'workers' times 'accumulation_steps'")
        if self.jit_compile and self.strategy == "parameter_server":
            raise ValueError("'jit_compile' needs all variables in one place: 'parameter_server' has them elsewhere")
        return self
