"""The span of rows that a run reads: the latest complete one, if ``data.path`` has placeholders for spans."""

from collections.abc import Callable, Sequence
from pathlib import Path

from components.support.row_files import KINDS, kind
from data.span_patterns import FIELD, has_span
from data.spans import MARKER, Found, look, without_rows
from pipeline.config.root import Config
from pipeline.errors import DataError, refused
from pipeline.splits import SPLITS

SPLIT_IT = " by a column with data.split_by: {key: COLUMN}, or {time: COLUMN, cuts: [FROM, FROM]}."


def has_spans(config: Config) -> bool:
    """Whether ``data.path`` has placeholders."""
    return has_span(config.data.path or "")


def resolve_span(config: Config, note: Callable[[str], None] = lambda _: None) -> Config:
    """The config with the path of the latest complete span; unchanged if ``data.path`` has no placeholder.

    ``note`` gets a message for every later span that is incomplete.

    Raises:
        DataError: no span is complete.
    """
    if not has_spans(config):
        return config
    pattern = str(config.data.path)
    found = find_latest(pattern, config.data.is_divided)
    if found.span is None:
        raise no_complete_span(pattern, found, config.data.is_divided)
    for reason in found.left_out:
        note(f"not taken: {reason}")
    data = config.data.model_copy(update={"path": str(found.span.path)})
    return config.model_copy(update={"data": data})


def find_latest(pattern: str, divided: bool) -> Found:
    """The latest complete span of a pattern; with ``divided``, each split must have a folder of its own.

    Raises:
        DataError: the folder of the spans is not a folder.
        MachineError: the folder cannot be read.
    """
    try:
        return look(pattern, divided)
    except OSError as error:
        raise refused(error, DataError)(
            pattern, "spans cannot be listed", received=error.strerror or str(error)
        ) from error


def rows_expected(divided: bool) -> str:
    """The files that a folder of rows must have, for a message."""
    *others, last = (f"*{kind}" for kind in KINDS)
    return f"{'train/, eval/ and test/, each with ' if divided else ''}{', '.join(others)} or {last}"


def no_rows(folder: Path, divided: bool, missing: Sequence[str]) -> DataError:
    """The error for a path without rows for some splits: they may lie one level above or below, or be a single file."""
    received, found = f"none for {', '.join(missing)}", files_of(folder)
    rows = [name for name in found if kind(name) in KINDS]
    if folder.is_file():
        received = "a file"
        advice = f"Give its folder, data.path: {folder.parent}{', and divide its rows' + SPLIT_IT if divided else '.'}"
    elif divided and rows:
        received = f"{', '.join(rows[:3])} in the folder itself"
        advice = f"Divide the rows{SPLIT_IT}"
    elif not divided and not without_rows(folder):
        received = f"folders {', '.join(SPLITS)}"
        advice = "Leave out data.split_by: the rows are divided."
    else:
        others = [name for part in missing if divided for name in files_of(folder / part)] + found
        received += f", but {', '.join(others[:3])}" if others else ""
        advice = "Correct data.path." if folder.is_dir() else "Correct data.path: there is no such folder."
    return DataError(str(folder), "no rows", expected=rows_expected(divided), received=received, next_step=advice)


def files_of(folder: Path) -> list[str]:
    """The names of the files in a folder that are not hidden, sorted; none if there is no such folder."""
    entries = folder.iterdir() if folder.is_dir() else []
    return sorted(path.name for path in entries if path.is_file() and not path.name.startswith("."))


def no_complete_span(pattern: str, found: Found, divided: bool) -> DataError:
    """The error for a pattern without a complete span."""
    where = Path(FIELD.split(pattern)[0] + "x").parent.resolve()
    return DataError(
        f"data.path {pattern}", "no complete span",
        expected=f"{rows_expected(divided)}, and {MARKER} once it is complete",
        received="; ".join(found.left_out) or f"no such folder in {where}",
        next_step="Correct data.path, or wait until a span is complete.",
    )  # fmt: skip
