"""The order in which runs started, by their ids, which are times in UTC."""

import re
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

# The ids of local runs and of runs on a cluster, both in UTC. Earlier releases used local time without Z.
OURS = re.compile(r"(?P<time>\d{8}T\d{6})(?P<part>\.\d{6})?(Z|-[0-9a-f]{1,8})", re.ASCII)


def time_in(run: str) -> datetime | None:
    """The start of a run by its id; None if the id is not a time in UTC.

    >>> time_in("20260102T030405-0b0f3f7e").isoformat(), time_in("20260102T030405.000006")
    ('2026-01-02T03:04:05+00:00', None)
    """
    found = OURS.fullmatch(run)
    if found is None:
        return None
    try:
        return datetime.strptime(found["time"] + (found["part"] or ".0") + "+0000", "%Y%m%dT%H%M%S.%f%z")
    except ValueError:
        return None


def start_time(folder: Path) -> tuple[float, str]:
    """The start of the run of a history folder, by its id or else by the time of its config; then the id."""
    time = time_in(folder.name)
    return (folder / "config.yaml").stat().st_mtime if time is None else time.timestamp(), folder.name


def sort_by_start(folders: Iterable[Path]) -> list[Path]:
    """Folders of the history in the order in which their runs started."""
    return sorted(folders, key=start_time)
