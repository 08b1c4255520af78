"""The search space of a hyperparameter search: a config defines it, the Tuner draws from it."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, ConfigDict

Scalar: TypeAlias = bool | int | float | str
# Beyond this, a float cannot tell one whole number from the next.
LARGEST = 2**53


def scalar(value: Any) -> Any:
    """Refuse anything but a number, a text or a boolean."""
    if not isinstance(value, bool | int | float | str):
        raise ValueError("a number, a text, true or false")
    return value


def number(value: Any) -> Any:
    """Refuse anything but a finite number; an integer stays one."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LARGEST:
        raise ValueError(f"a number from {-LARGEST:g} to {LARGEST:g}")
    return value


@dataclass(frozen=True)
class Range:
    """The values of one setting, all of one type.

    Either all from ``low`` to ``high``, both included, uniform or with ``log`` log-uniform; or one of ``choices``.
    """

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    low: Annotated[Any, AfterValidator(number)] = None
    high: Annotated[Any, AfterValidator(number)] = None
    log: bool = False
    choices: tuple[Annotated[Any, AfterValidator(scalar)], ...] = ()

    @property
    def kind(self) -> Literal["float", "int", "choice"]:
        """How values are drawn."""
        if self.choices:
            return "choice"
        return "int" if isinstance(self.low, int) else "float"

    def as_dict(self) -> dict[str, object]:
        """The fields that apply to its kind, for a report.

        >>> Range(1, 4).as_dict(), Range(choices=("adam", "adamw")).as_dict()
        ({'low': 1, 'high': 4, 'log': False}, {'choices': ['adam', 'adamw']})
        """
        if self.choices:
            return {"choices": list(self.choices)}
        return {"low": self.low, "high": self.high, "log": self.log}

    def __contains__(self, value: object) -> bool:
        if self.choices:
            return value in self.choices
        return isinstance(value, int | float) and bool(self.low <= value <= self.high)
