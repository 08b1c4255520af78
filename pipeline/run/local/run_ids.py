"""Ids of runs, which are times in UTC that only increase."""

from datetime import datetime, timedelta, timezone
from pathlib import Path

from components.artifacts.run_order import time_in

FORMAT = "%Y%m%dT%H%M%S.%fZ"


def new_run_id(history: Path, now: datetime) -> str:
    """The current time, but at least a microsecond after the latest run, so that ids are unique if the clock goes back.

    >>> new_run_id(Path("no such folder"), datetime(2026, 1, 2, 3, 4, 5, 6, timezone.utc))
    '20260102T030405.000006Z'
    """
    times = [time for time in (time_in(path.name) for path in _folders(history)) if time is not None]
    earliest = max(times) + timedelta(microseconds=1) if times else now
    return max(now, earliest).astimezone(timezone.utc).strftime(FORMAT)


def _folders(history: Path) -> list[Path]:
    return list(history.iterdir()) if history.is_dir() else []
