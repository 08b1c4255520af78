"""What all models of a config have in common."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0.0, le=1.0)]
PositiveInt = Annotated[int, Field(gt=0)]
PositiveFloat = Annotated[float, Field(gt=0.0)]


def scalar(value: Any) -> Any:
    """Refuses what is not a number, a text or a truth value."""
    if not isinstance(value, bool | int | float | str):
        raise ValueError("a number, a text, true or false")
    return value


class Strict(BaseModel):
    """A frozen model that refuses unknown keys and does not guess types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
