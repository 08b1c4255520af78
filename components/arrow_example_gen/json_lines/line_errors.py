"""What is wrong with a line of JSON Lines, in words."""

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from components.arrow_example_gen.checks.columns import Columns
from components.arrow_example_gen.checks.text_encoding import NOT_UTF8, is_utf8, not_utf8
from components.arrow_example_gen.quarantine.bad_rows import Reason
from pipeline.errors import DataError

BLANK = " \t\r\n"
ONE_OBJECT = "one JSON object a line"
SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Fault:
    """The first thing that is wrong with a line: in a column, or in all of it."""

    problem: str
    reason: Reason
    column: str = ""
    expected: str = ""
    received: str = ""
    next_step: str = "Correct the line."

    def as_error(self, where: str) -> DataError:
        """The same of a line of a file."""
        where = f"{where}, column {self.column}" if self.column else where
        if self.problem == NOT_UTF8:
            return not_utf8(where, self.received)
        return DataError(where, self.problem, expected=self.expected, received=self.received, next_step=self.next_step)


class Pairs(list[tuple[str, Any]]):
    """The keys and values of an object, in the order of the line, doubled ones too."""


def fault_of(line: bytes, columns: Columns, is_good: Callable[[bytes], bool]) -> Fault:
    """What is wrong with a line that is not good."""
    text = line.decode("utf-8", "surrogateescape").strip(BLANK)
    try:
        found, end = json.JSONDecoder(object_pairs_hook=Pairs).raw_decode(text)
    except (ValueError, RecursionError) as error:
        if not is_utf8(line):
            return _not_utf8(line)
        return Fault("the line is not JSON", "not JSON", expected=ONE_OBJECT, received=f"{_why(error)}: {_shown(text)}")
    if behind := text[end:].strip(BLANK):
        received = _shown(behind)
        return Fault("there is text behind the value of the line", "not JSON", expected=ONE_OBJECT, received=received,
                     next_step="Correct the line: each object has its own, which ends with \\n.")  # fmt: skip
    if not isinstance(found, Pairs):
        return Fault("the line is not a JSON object", "not JSON", expected=ONE_OBJECT, received=_short(found)[:200])
    return _in_object(line, found, columns, is_good)


def _in_object(line: bytes, found: Pairs, columns: Columns, is_good: Callable[[bytes], bool]) -> Fault:
    keys = [key for key, _ in found]
    if not is_utf8(line):
        return _not_utf8(line, next((key for key, value in found if SURROGATE.search(_short(value))), ""))
    if extra := columns.refused(keys):
        return Fault("a column is not in the schema", "wrong columns", received=", ".join(extra),
                     next_step="Correct the line, declare the columns in schemas/, or leave others out with "
                     "data.other_columns.")  # fmt: skip
    twice = next((key for key in columns.among(keys) if keys.count(key) > 1), None)
    if twice is not None:
        return Fault("the key stands twice in the line", "wrong columns", twice, received=_shown(line.decode()))
    for key, value in found:
        if SURROGATE.search(key) or SURROGATE.search(_short(value)):
            return Fault("half of a pair of surrogates, which is no text", "not UTF-8", key, "UTF-8 text",
                         ascii(_plain(value))[:200])  # fmt: skip
        if value in (math.inf, -math.inf) and b"Infinity" not in line:
            return Fault("the number is too large", "wrong type", key, received=_shown(line.decode()))
        if key in columns and not is_good(json.dumps({key: _plain(value)}).encode()):
            return Fault("the value has the wrong type", "wrong type", key, columns[key].type, _short(value)[:200],
                         "Correct the value, or the type in schemas/.")  # fmt: skip
    return Fault("the line cannot be read", "not JSON", received=_shown(line.decode()))


def _why(error: ValueError | RecursionError) -> str:
    r"""What Python says of a line, without the number that it has by itself.

    >>> _why(json.JSONDecodeError("Expecting ',' delimiter", "{", 1))
    "Expecting ',' delimiter at character 2"
    """
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg.removesuffix(' at')} at character {error.pos + 1}"
    return "too many brackets within one another" if isinstance(error, RecursionError) else str(error)[:200]


def _not_utf8(line: bytes, column: str = "") -> Fault:
    text = line.decode("utf-8", "backslashreplace").strip(BLANK)
    at = max(0, text.find("\\x") - 20)
    return Fault(NOT_UTF8, "not UTF-8", column, "UTF-8 text", _shown(text[at:]))


def _plain(value: Any) -> Any:
    """A value of an object's, as ``json`` gives it by itself."""
    if isinstance(value, Pairs):
        return {key: _plain(part) for key, part in value}
    return [_plain(part) for part in value] if isinstance(value, list) else value


def _short(value: Any) -> str:
    return json.dumps(_plain(value), ensure_ascii=False)


def _shown(text: str, limit: int = 100) -> str:
    text = text.strip(BLANK).replace("\x00", "\\x00").replace("\r", "\\r")
    return text if len(text) <= limit else f"{text[:limit]}…"
