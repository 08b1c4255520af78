"""Runs in the order in which they began, wherever and under whatever clock: their ids are of UTC, and only grow."""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from pathlib import Path

FORMAT = "%Y%m%dT%H%M%S.%fZ"
# As a run here, or one on a cluster, whose time is of UTC too; earlier releases had local time, and no Z.
OURS = re.compile(r"(?P<time>\d{8}T\d{6})(?P<part>\.\d{6})?(Z|-[0-9a-f]{1,8})", re.ASCII)


def new_run_id(history: Path, now: datetime) -> str:
    """The time in UTC, or a microsecond after the latest run: two at one moment, or a clock that steps back, differ.

    >>> new_run_id(Path("no such folder"), datetime(2026, 1, 2, 3, 4, 5, 6, timezone.utc))
    '20260102T030405.000006Z'
    """
    times = [time for time in (time_in(path.name) for path in _folders(history)) if time is not None]
    earliest = max(times) + timedelta(microseconds=1) if times else now
    return max(now, earliest).astimezone(timezone.utc).strftime(FORMAT)


def time_in(run: str) -> datetime | None:
    """When a run began, by its id; None where that does not say it in UTC.

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
    """When the run of a folder of the history began, by its id, or by when its config was written; then its id."""
    time = time_in(folder.name)
    return (folder / "config.yaml").stat().st_mtime if time is None else time.timestamp(), folder.name


def sort_by_start(folders: Iterable[Path]) -> list[Path]:
    """Folders of the history, the earliest run first."""
    return sorted(folders, key=start_time)


def _folders(history: Path) -> list[Path]:
    return list(history.iterdir()) if history.is_dir() else []
