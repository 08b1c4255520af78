"""The settings of a search: number of trials, metric, and ranges."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from pipeline.search_space import Range, Scalar

Params = Mapping[str, Scalar]


@dataclass(frozen=True)
class Settings:
    """A search.

    Attributes:
        trials: how many there are to be, failed ones included.
        parallel: how many run at a time.
        seed: with one trial at a time, the same seed gives the same search.
        metric: what a trial is judged by; less is better.
        epochs: of a trial; None for as many as the training has.
        prune_after_epochs: no trial is pruned that has had fewer; None for no pruning.
        ranges: by dotted key, relative to the training's settings.
        start: what to try first, if anything.
        fixed: settings that every trial has, in place of those of the training.
    """

    trials: int
    parallel: int
    seed: int
    metric: str
    epochs: int | None
    prune_after_epochs: int | None
    ranges: Mapping[str, Range]
    start: Params | None = None
    fixed: Params = field(default_factory=dict)

    def as_json(self) -> str:
        """Return the settings as an execution property: equal settings give equal text."""
        return json.dumps(asdict(self), sort_keys=True)

    def identity(self) -> dict[str, object]:
        """Return what identifies the search: everything but the number of trials and how many run at a time."""
        return {key: value for key, value in asdict(self).items() if key not in ("trials", "parallel")}


def from_json(text: str) -> Settings:
    """Read settings from the JSON of ``as_json``."""
    plain = json.loads(text)
    ranges = {
        key: Range(**{**entry, "choices": tuple(entry["choices"])}) for key, entry in sorted(plain["ranges"].items())
    }
    return Settings(**{**plain, "ranges": ranges})
