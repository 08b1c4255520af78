"""What all models of a config have in common."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0.0, le=1.0)]
# Bounds that no sane value meets: beyond them is a slip of the key, found here and not by a library, hours later.
PositiveInt = Annotated[int, Field(gt=0, le=1_000_000)]
WholeNumber = Annotated[int, Field(ge=0, le=1_000_000_000)]
PositiveFloat = Annotated[float, Field(ge=1e-12, le=1e12)]
Seconds = Annotated[float, Field(gt=0.0, le=366 * 86_400.0)]
WholeSeconds = Annotated[int, Field(gt=0, le=366 * 86_400)]
# What numpy, Optuna and TensorFlow all take.
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]
Port = Annotated[int, Field(gt=0, le=65_535)]


def scalar(value: Any) -> Any:
    """Refuses what is not a number, a text or a truth value."""
    if not isinstance(value, bool | int | float | str):
        raise ValueError("a number, a text, true or false")
    return value


class Strict(BaseModel):
    """A frozen model that refuses unknown keys and does not guess types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
