"""What the files of a workload are written from: the plan, the names, and where the rows come from."""

import json
import math
import re
from dataclasses import dataclass

import yaml

from pipeline.scaffold.plan import Plan

# What would end a comment or a text in the files that are written.
UNQUOTABLE = re.compile(r"[\x00-\x1f\x7f\"\\`#]")
BATCHES = 100
LEAST_BATCH, MOST_BATCH = 32, 512
STEPS, LEAST_EPOCHS, MOST_EPOCHS = 3000, 15, 60


@dataclass(frozen=True)
class Draft:
    """A workload that is to be written.

    Attributes:
        package: the name of the folder and of the Python package.
        sources: the user's files as given.
        notes: how these are written, such as their delimiter.
    """

    package: str
    sources: tuple[str, ...]
    plan: Plan
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name in the config, which takes hyphens where a package takes underscores."""
        return self.package.replace("_", "-").lower()

    @property
    def label(self) -> str:
        """The column of the label."""
        return self.plan.target.column.name

    @property
    def event(self) -> str:
        """The value of the label that counts as 1, for a sentence."""
        return UNQUOTABLE.sub("_", self.plan.target.event)

    @property
    def rows(self) -> int:
        """The rows with a label."""
        return len(self.plan.target.ones)

    @property
    def source(self) -> str:
        """The files, for a sentence."""
        first = UNQUOTABLE.sub("_", self.sources[0])
        return first if len(self.sources) == 1 else f"{first} and {len(self.sources) - 1} more"

    @property
    def batch_size(self) -> int:
        """About a hundredth of the train rows, as a power of 2."""
        power = 2 ** round(math.log2(max(self.plan.train_rows / BATCHES, 1)))
        return min(max(power, LEAST_BATCH), MOST_BATCH)

    @property
    def epochs(self) -> int:
        """So many that a small table gets enough steps, too; training stops earlier if it does not improve."""
        steps = math.ceil(self.plan.train_rows / self.batch_size)
        return min(max(math.ceil(STEPS / steps), LEAST_EPOCHS), MOST_EPOCHS)


def share_text(share: float) -> str:
    """Return a share in words; one that is not 0 never looks like it, nor one that is not all like all.

    >>> share_text(0.133), share_text(0.0001), share_text(0.99991)
    ('13.3%', '< 0.1%', '> 99.9%')
    """
    return "< 0.1%" if share < 0.001 else "> 99.9%" if share > 0.999 else f"{share:.1%}"


def yaml_text(text: str) -> str:
    """Return a name as YAML takes it for a text: one that would be true, false or null is quoted.

    >>> yaml_text("churn"), yaml_text("true"), yaml_text("No")
    ('churn', '"true"', '"No"')
    """
    return text if yaml.safe_load(text) == text else json.dumps(text)


def rounded(value: float, up: bool, digits: int = 2) -> float:
    """Return a number with few digits, rounded away from the inside of a range.

    >>> rounded(1234.5, up=True), rounded(1234.5, up=False), rounded(-0.0, up=True)
    (1300.0, 1200.0, 0.0)
    """
    if value == 0 or not math.isfinite(value):
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(abs(value))) - digits + 1)
    whole = (math.ceil if up else math.floor)(value / unit)
    return float(f"{whole * unit:.10g}")
