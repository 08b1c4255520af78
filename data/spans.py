"""Choosing the latest of the spans, folders of rows that are numbered in their names, that is complete.

A folder that is still being filled is not; see ``choose``.
"""

import math
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from components.support.row_files import KINDS, kind
from data.span_patterns import Span, spans
from pipeline.errors import DataError
from pipeline.splits import SPLITS

MARKER = "_SUCCESS"
SETTLE_S = 60.0


@dataclass(frozen=True)
class Folder:
    """The state of a span: its splits without rows, whether it is marked as complete, and its latest change.

    ``changed_s`` is in seconds since 1970, infinite while files come and go.
    """

    span: Span
    missing: tuple[str, ...]
    marked: bool
    changed_s: float


@dataclass(frozen=True)
class Found:
    """The latest complete span, if any, and why each later one is not complete, latest first."""

    span: Span | None
    left_out: tuple[str, ...] = ()


def latest_span(pattern: str, divided: bool = True) -> Span | None:
    """Return the complete span with the highest number, and of its versions the highest, or None.

    ``divided`` spans have a folder for each split; the files of others lie in the span's folder itself. Raise DataError
    when two folders have the same numbers, OSError when a folder cannot be listed.
    """
    return look(pattern, divided).span


def look(pattern: str, divided: bool = True) -> Found:
    """Return the latest complete span and why later ones were skipped; raise as ``latest_span``."""
    return choose(listing(pattern, divided), time.time())


def choose(folders: Sequence[Folder], now_s: float) -> Found:
    """Return the latest folder that is complete.

    A span is complete when it has rows for all three splits and the file ``_SUCCESS``. If no span has such a file, it
    is enough that nothing in the folder changed for ``SETTLE_S`` seconds.
    """
    marking = any(folder.marked for folder in folders)
    left_out: list[str] = []
    for folder in sorted(folders, key=lambda folder: folder.span.place, reverse=True):
        problem = why_not_whole(folder, marking, now_s)
        if not problem:
            refuse_twins(folder.span, folders)
            return Found(folder.span, tuple(left_out))
        left_out.append(f"{folder.span.path}: {problem}")
    return Found(None, tuple(left_out))


def why_not_whole(folder: Folder, marking: bool, now_s: float) -> str:
    """Return why a span is not complete, or an empty string.

    >>> why_not_whole(Folder(Span(7, Path("span-7")), ("eval", "test"), True, 0.0), True, 0.0)
    'no rows for eval, test'
    """
    if folder.missing:
        return f"no rows for {', '.join(folder.missing)}"
    if marking and not folder.marked:
        return f"no {MARKER}, which other spans have"
    if not folder.marked and now_s - folder.changed_s < SETTLE_S:
        return f"no {MARKER}, and changed less than {SETTLE_S:.0f} s ago"
    return ""


def refuse_twins(span: Span, folders: Sequence[Folder]) -> None:
    """Raise DataError when another folder has the numbers of a span, as ``span-7`` and ``span-07`` do."""
    twins = sorted(str(folder.span.path) for folder in folders if folder.span.place == span.place)
    if len(twins) > 1:
        raise DataError(
            str(span.path.parent), f"more than one folder is {span}", received=", ".join(twins),
            next_step="Keep one of them.",
        )  # fmt: skip


def listing(pattern: str, divided: bool = True) -> list[Folder]:
    """Return the state of every span, unordered; none if their parent folder does not exist."""
    return [seen(span, divided) for span in spans(pattern)]


def seen(span: Span, divided: bool = True) -> Folder:
    """Return the state of one span."""
    try:
        missing = without_rows(span.path, divided)
    except PermissionError:
        # An unreadable span must not hide the others.
        missing = SPLITS
    return Folder(span, missing, (span.path / MARKER).is_file(), changed_s(span.path))


def without_rows(folder: Path, divided: bool = True) -> tuple[str, ...]:
    """Return the splits without a file of rows; raise OSError when the folder cannot be listed."""
    return tuple(split for split in SPLITS if not has_rows(folder / split if divided else folder))


def has_rows(folder: Path) -> bool:
    """Return whether a folder exists and has a file of rows."""
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return any(kind(name) in KINDS for name in names)


def changed_s(folder: Path) -> float:
    """Return when something in a folder last changed, in seconds since 1970.

    This is the inode's change time, since a copy may keep the modification times of its originals.
    """
    try:
        return max(path.stat().st_ctime for path in (folder, *folder.glob("*"), *folder.glob("*/*")))
    except OSError:
        return math.inf
