"""Explaining what is wrong with a line of JSON Lines."""

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from components.arrow_example_gen.checks.columns import Columns, shown
from components.arrow_example_gen.checks.text_encoding import NOT_UTF8, not_utf8
from components.arrow_example_gen.quarantine.bad_rows import Reason
from components.support.text import is_utf8, shorten
from pipeline.errors import DataError

BLANK = " \t\r\n"
ONE_OBJECT = "one JSON object a line"
SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class LineError:
    """The first error in a line; ``column`` is empty when it concerns the whole line."""

    problem: str
    reason: Reason
    column: str = ""
    expected: str = ""
    received: str = ""
    next_step: str = "Correct the line."

    def as_data_error(self, where: str) -> DataError:
        """Return the error to raise; ``where`` is the file and line."""
        where = f"{where}, column {self.column}" if self.column else where
        if self.problem == NOT_UTF8:
            return not_utf8(where, self.received)
        return DataError(where, self.problem, expected=self.expected, received=self.received, next_step=self.next_step)


class Pairs(list[tuple[str, Any]]):
    """The keys and values of a JSON object in order, including repeated keys."""


def explain(line: bytes, columns: Columns, is_good: Callable[[bytes], bool]) -> LineError:
    """Return the error of a line that the parser rejected; ``is_good`` asks the parser about a smaller one."""
    text = line.decode("utf-8", "surrogateescape").strip(BLANK)
    try:
        found, end = json.JSONDecoder(object_pairs_hook=Pairs).raw_decode(text)
    except (ValueError, RecursionError) as error:
        if not is_utf8(line):
            return _not_utf8(line)
        received = f"{_reason(error)}: {_quoted(text)}"
        return LineError("the line is not JSON", "not JSON", expected=ONE_OBJECT, received=received)
    if rest := text[end:].strip(BLANK):
        return LineError("there is text after the value", "not JSON", expected=ONE_OBJECT, received=_quoted(rest),
                         next_step="Put each object on a line of its own, which ends with \\n.")  # fmt: skip
    if not isinstance(found, Pairs):
        return LineError("the line is not a JSON object", "not JSON", expected=ONE_OBJECT, received=_dump(found)[:200])
    return _explain_object(line, found, columns, is_good)


def _explain_object(line: bytes, found: Pairs, columns: Columns, is_good: Callable[[bytes], bool]) -> LineError:
    keys = [key for key, _ in found]
    if not is_utf8(line):
        return _not_utf8(line, next((key for key, value in found if SURROGATE.search(_dump(value))), ""))
    if extra := columns.refused(keys):
        nearest = [f"Did you mean {column!r}?" for column in columns.respelled(keys).values()]
        return LineError("a column is not in the schema", "wrong columns", received=shown(extra),
                         next_step=" ".join(nearest[:1]) or "Correct the line, declare the columns in schemas/, or "
                         "leave others out with data.other_columns.")  # fmt: skip
    repeated = next((key for key in columns.among(keys) if keys.count(key) > 1), None)
    if repeated is not None:
        return LineError("the key stands twice in the line", "wrong columns", repeated, received=_quoted(line.decode()))
    for key, value in found:
        if error := _explain_value(line, key, value, columns, is_good):
            return error
    return LineError("the line cannot be read", "not JSON", received=_quoted(line.decode()))


def _explain_value(
    line: bytes, key: str, value: Any, columns: Columns, is_good: Callable[[bytes], bool]
) -> LineError | None:
    if SURROGATE.search(key) or SURROGATE.search(_dump(value)):
        return LineError("half of a surrogate pair, which is not a character", "not UTF-8", key, "UTF-8 text",
                         ascii(_plain(value))[:200])  # fmt: skip
    if value in (math.inf, -math.inf) and b"Infinity" not in line:
        return LineError("the number is too large", "wrong type", key, received=_quoted(line.decode()))
    if key in columns and not is_good(json.dumps({key: _plain(value)}).encode()):
        return LineError("the value has the wrong type", "wrong type", key, columns[key].type, _dump(value)[:200],
                         "Correct the value, or the type in schemas/.")  # fmt: skip
    return None


def _reason(error: ValueError | RecursionError) -> str:
    r"""Return Python's message with the position within the line.

    >>> _reason(json.JSONDecodeError("Expecting ',' delimiter", "{", 1))
    "Expecting ',' delimiter at character 2"
    """
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg.removesuffix(' at')} at character {error.pos + 1}"
    return "brackets are nested too deeply" if isinstance(error, RecursionError) else str(error)[:200]


def _not_utf8(line: bytes, column: str = "") -> LineError:
    text = line.decode("utf-8", "backslashreplace").strip(BLANK)
    at = max(0, text.find("\\x") - 20)
    return LineError(NOT_UTF8, "not UTF-8", column, "UTF-8 text", _quoted(text[at:]))


def _plain(value: Any) -> Any:
    """Convert ``Pairs`` to dictionaries."""
    if isinstance(value, Pairs):
        return {key: _plain(part) for key, part in value}
    return [_plain(part) for part in value] if isinstance(value, list) else value


def _dump(value: Any) -> str:
    return json.dumps(_plain(value), ensure_ascii=False)


def _quoted(text: str) -> str:
    return shorten(text.strip(BLANK))
