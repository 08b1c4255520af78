"""Why a model has a new report, to which the decision on an earlier one does not apply."""

from collections.abc import Mapping
from typing import Any

MOST_NAMES = 5


def reasons(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what differs between two reports on one model, each a clause; both are the content of ``report.json``.

    >>> reasons({"run": {"baseline_run": "a"}}, {"run": {"baseline_run": "b"}})
    ('the model is now compared with run b instead of run a',)
    """
    found = [*baseline(before, after), *lineage(before, after)]
    was, now = (row_count(report.get("verdict") or {}) for report in (before, after))
    if was != now:
        found.append(f"it was evaluated on {now:,} rows instead of {was:,}")
    return tuple(found) or ("the same evaluation was reported again",)


def baseline(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    was, now = (report["run"].get("baseline_run") for report in (before, after))
    if was == now:
        return []
    names = [f"run {name}" if name else "no model" for name in (now, was)]
    return ["the model is now compared with {} instead of {}".format(*names)]


def lineage(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return the parts of the lineage that differ."""
    was, now = (report.get("lineage") or {} for report in (before, after))
    parts = (("config", "the config changed"), ("sources", "the code changed"), ("data", "the rows changed"))
    changed = [(words, different(was.get(part), now.get(part))) for part, words in (*parts, VERSIONS)]
    return [f"{words} ({named(names)})" for words, names in changed if names]


VERSIONS = ("versions", "libraries changed")


def different(was: Any, now: Any) -> list[str]:
    """Return the names whose value differs between two lists of pairs."""
    first, second = ({str(name): value for name, value in pairs or ()} for pairs in (was, now))
    return [name for name in {**first, **second} if first.get(name) != second.get(name)]


def named(names: list[str]) -> str:
    """Return some of the names.

    >>> named(["a", "b", "c", "d", "e", "f"])
    'a, b, c, d, e and 1 more'
    """
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more


def row_count(verdict: Mapping[str, Any]) -> int:
    return int(verdict.get("rows", 0))
