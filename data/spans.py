"""Spans: folders of rows that come one after another, numbered in their names, and which of them is to be taken.

A folder that is still being filled must not be, see ``choose``.
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
    """What is seen of a span: splits without a file of rows, whether it is marked as whole, its latest change.

    ``changed_s`` is in seconds since 1970, infinite while files come and go.
    """

    span: Span
    missing: tuple[str, ...]
    marked: bool
    changed_s: float


@dataclass(frozen=True)
class Found:
    """The latest whole span, if there is one, and for each later one why it is not whole, latest first."""

    span: Span | None
    left_out: tuple[str, ...] = ()


def latest_span(pattern: str, divided: bool = True) -> Span | None:
    """Return the whole span with the greatest number, of its versions that with the greatest, or None.

    The rows of a span are ``divided`` into a folder for each split, or they lie in its folder itself. Raise DataError
    when two folders have those numbers, OSError when a folder cannot be listed.
    """
    return look(pattern, divided).span


def look(pattern: str, divided: bool = True) -> Found:
    """Return the latest whole span and what was passed over to get to it; raise as ``latest_span``."""
    return choose(listing(pattern, divided), time.time())


def choose(folders: Sequence[Folder], now_s: float) -> Found:
    """Return the latest of the folders that are whole.

    A span is whole when it has files of rows for all three splits and the file ``_SUCCESS``. Where no span has such a
    file, it will do that nothing in it changed for ``SETTLE_S``.
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
    """Return why a span must not be taken yet, or nothing.

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
            next_step="Leave one of them.",
        )  # fmt: skip


def listing(pattern: str, divided: bool = True) -> list[Folder]:
    """Return what is seen of every span, in no order; nothing where the folder above them is not there."""
    return [seen(span, divided) for span in spans(pattern)]


def seen(span: Span, divided: bool = True) -> Folder:
    """Return the facts about a span's folder."""
    try:
        missing = without_rows(span.path, divided)
    except PermissionError:
        # One that may not be read does not stand in the way of others.
        missing = SPLITS
    return Folder(span, missing, (span.path / MARKER).is_file(), changed_s(span.path))


def without_rows(folder: Path, divided: bool = True) -> tuple[str, ...]:
    """Return the splits that have no file of rows in a folder; raise OSError when it may not be listed."""
    return tuple(split for split in SPLITS if not has_rows(folder / split if divided else folder))


def has_rows(folder: Path) -> bool:
    """Return whether a folder is there and has a file of rows."""
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return any(kind(name) in KINDS for name in names)


def changed_s(folder: Path) -> float:
    """Return when something in a folder last changed, in seconds since 1970.

    By the inode's own time, since a copy may keep the modification times of its originals.
    """
    try:
        return max(path.stat().st_ctime for path in (folder, *folder.glob("*"), *folder.glob("*/*")))
    except OSError:
        return math.inf
