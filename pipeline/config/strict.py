"""The base class of all models of a config, and types of numbers with bounds."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0.0, le=1.0)]
# Bounds far outside any sensible value: they catch a typing error here rather than in a library hours later.
PositiveInt = Annotated[int, Field(gt=0, le=1_000_000)]
WholeNumber = Annotated[int, Field(ge=0, le=1_000_000_000)]
PositiveFloat = Annotated[float, Field(ge=1e-12, le=1e12)]
Seconds = Annotated[float, Field(gt=0.0, le=366 * 86_400.0)]
WholeSeconds = Annotated[int, Field(gt=0, le=366 * 86_400)]
# The range that numpy, Optuna and TensorFlow all accept.
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]
Port = Annotated[int, Field(gt=0, le=65_535)]


class Strict(BaseModel):
    """A frozen model that refuses unknown keys and never converts types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
