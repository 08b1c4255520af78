"""Groups runs that differ in their seeds alone, and names each group by the settings that differ."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from components.slice_report.compare.facts import Setting
from components.slice_report.compare.runs import Run

KINDS = ("config", "code", "data", "library")
# Settings in the name of a line; the table has all.
NAMED = 4


@dataclass(frozen=True)
class Group:
    """Runs of one setting, in the order in which they were named; there is at least one."""

    runs: tuple[Run, ...]

    @property
    def first(self) -> Run:
        """The run that was named first."""
        return self.runs[0]


def group(runs: Sequence[Run]) -> list[Group]:
    """Group the runs whose settings are equal, in the order in which they were named."""
    found: dict[tuple[object, ...], list[Run]] = {}
    for run in runs:
        key = run.pipeline, frozenset(run.settings.items())
        # Without a lineage nothing is known of the settings.
        found.setdefault(key if run.settings else (run.digest,), []).append(run)
    return [Group(tuple(members)) for members in found.values()]


def differing(groups: Sequence[Group]) -> tuple[Setting, ...]:
    """Return the settings that differ between groups: those of the config first, in its order."""
    of_group = [group.first.settings for group in groups]
    keys = dict.fromkeys(key for settings in of_group for key in settings)
    found = []
    for kind, name in sorted(keys, key=lambda key: KINDS.index(key[0])):
        values = tuple(settings.get((kind, name), "") for settings in of_group)
        if len(set(values)) > 1:
            found.append(Setting(kind, name, values))
    return tuple(found)


def names(groups: Sequence[Group], settings: Sequence[Setting]) -> list[str]:
    """Return a name for each group: the settings of the config that differ, or the run where these say nothing."""
    config = [setting for setting in settings if setting.kind == "config"]
    short = short_names([setting.name for setting in config])
    texts = [
        ", ".join(f"{short[setting.name]}={setting.values[at] or 'not set'}" for setting in config[:NAMED])
        for at in range(len(groups))
    ]
    return [
        text if text and texts.count(text) == 1 else ", ".join(filter(None, [f"run {group.first.run}", text]))
        for group, text in zip(groups, texts, strict=True)
    ]


def short_names(keys: Sequence[str]) -> dict[str, str]:
    """Return for each dotted key as many of its last parts as tell it from the others.

    >>> short_names(["training.model.dropout", "training.seed", "tuning.seed"])
    {'training.model.dropout': 'dropout', 'training.seed': 'training.seed', 'tuning.seed': 'tuning.seed'}
    """
    endings = {key: [".".join(key.split(".")[at:]) for at in range(key.count("."), -1, -1)] for key in keys}
    times = Counter(ending for found in endings.values() for ending in found)
    return {key: next((ending for ending in found if times[ending] == 1), key) for key, found in endings.items()}
