"""The span that a run takes: ``data.path`` may name all spans, the run is on the latest one that is whole."""

from collections.abc import Callable
from pathlib import Path

from components.support.row_files import KINDS
from data.span_patterns import FIELD, has_span
from data.spans import MARKER, Found, look
from pipeline.config.root import Config
from pipeline.errors import DataError, refused


def has_spans(config: Config) -> bool:
    """Whether ``data.path`` has placeholders."""
    return has_span(config.data.path or "")


def resolve_span(config: Config, say: Callable[[str], None] = lambda _: None) -> Config:
    """The same config with the latest whole span as ``data.path``; as it is, where there is no placeholder.

    ``say`` is told of every later span that is not whole.

    Raises:
        DataError: no span is whole.
    """
    if not has_spans(config):
        return config
    pattern = str(config.data.path)
    found = find_latest(pattern, config.data.is_divided)
    if found.span is None:
        raise no_complete_span(pattern, found, config.data.is_divided)
    for reason in found.left_out:
        say(f"not taken: {reason}")
    data = config.data.model_copy(update={"path": str(found.span.path)})
    return config.model_copy(update={"data": data})


def find_latest(pattern: str, divided: bool) -> Found:
    """The latest whole span of a pattern, whose rows are divided into a folder for each split or not.

    Raises:
        DataError: the folder of the spans is none.
        MachineError: it cannot be read.
    """
    try:
        return look(pattern, divided)
    except OSError as error:
        raise refused(error, DataError)(
            pattern, "spans cannot be listed", received=error.strerror or str(error)
        ) from error


def rows_expected(divided: bool) -> str:
    """What must be in a folder of rows."""
    *others, last = (f"*{kind}" for kind in KINDS)
    return f"{'train/, eval/ and test/, each with ' if divided else ''}{', '.join(others)} or {last}"


def no_complete_span(pattern: str, found: Found, divided: bool) -> DataError:
    """What to say where there is nothing to take."""
    where = Path(FIELD.split(pattern)[0] + "x").parent.resolve()
    return DataError(
        f"data.path {pattern}", "there is no whole span",
        expected=f"{rows_expected(divided)}, and {MARKER} when it is whole",
        received="; ".join(found.left_out) or f"no such folder in {where}",
        next_step="Correct data.path, or wait until a span is whole.",
    )  # fmt: skip
