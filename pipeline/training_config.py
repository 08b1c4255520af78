"""The section ``training`` of a config."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from pipeline.strict import PositiveFloat, PositiveInt, Share, Strict, scalar


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
    workers: PositiveInt = 1
    parameter_servers: PositiveInt = 1
    backend: Literal["local", "kubernetes"] = "local"
    max_restarts: Annotated[int, Field(ge=0)] = 3
    startup_timeout_s: PositiveFloat = 300.0
    hang_timeout_s: PositiveFloat = 30.0
    sharding: Literal["record", "file"] = "record"
    seed: int = 0
    epochs: PositiveInt
    batch_size: PositiveInt
    accumulation_steps: PositiveInt = 1
    steps_per_execution: PositiveInt = 1
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    jit_compile: bool = False
    learning_rate: PositiveFloat
    optimizer: Literal["adam", "adamw"] = "adamw"
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.0
    warmup_share: Share = 0.05
    clip_norm: PositiveFloat | None = None
    class_weights: tuple[PositiveFloat, PositiveFloat] = (1.0, 1.0)
    early_stopping_patience: PositiveInt = 3
    weight_averaging: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    exclude_columns: tuple[str, ...] = ()
    warm_start: Literal["none", "latest_blessed"] = "none"
    checkpoint_every_steps: PositiveInt = 200
    checkpoint_every_s: PositiveFloat = 3600.0
    keep_checkpoints: PositiveInt = 3
    histogram_every_epochs: Annotated[int, Field(ge=0)] = 1
    profile_steps: Annotated[int, Field(ge=0)] = 0
    model: dict[str, Annotated[Any, AfterValidator(scalar)]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fits_together(self) -> "Training":
        if self.workers > 1 and self.strategy not in ("multi_worker", "parameter_server"):
            raise ValueError("several workers need 'strategy: multi_worker' or 'strategy: parameter_server'")
        if self.batch_size < self.workers * self.accumulation_steps:
            raise ValueError("'batch_size' is smaller than 'workers' times 'accumulation_steps'")
        return self
