"""Workarounds for ML Metadata (1.16.0, 1.21.0) on PostgreSQL: backslashes, order of results, passwords, long values.

Backslashes: ML Metadata replaces the first and the last character of the result of ``PQescapeLiteral`` by quotes of its
own. For a text with a backslash the result is `` E'...'``, so the literal ends at its first letter, and the rest of the
text is run as SQL: usually a syntax error, at worst an injection. So no backslash may reach it: texts are written with
another character in its place, and read back as they were.

Order: ML Metadata queries without ``ORDER BY``, and PostgreSQL returns updated rows last. TFX assigns the outputs of a
cached execution by position (``zip`` in tfx/orchestration/portable/cache_utils.py), so a run would take the graph of
Transform for its examples. So results are sorted as requested, or else by id, as in the other databases.

Long values: see ``long_values``.
"""

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any

from google.protobuf.message import Message

from components.compat.ml_metadata import Call, wrap_calls
from pipeline.metadata.long_values import divide_long_values, join_long_values

BACKSLASH = "\\"
# REVERSE SOLIDUS OPERATOR, and the escape character before a literal placeholder or escape character.
PLACEHOLDER, ESCAPE = "\u29f5", "\u29f7"
TO_WRITE = str.maketrans({BACKSLASH: PLACEHOLDER, PLACEHOLDER: ESCAPE + PLACEHOLDER, ESCAPE: ESCAPE + ESCAPE})
TO_READ = re.compile(f"{ESCAPE}(.)|{PLACEHOLDER}")

# Needs no quotes in a connection string.
PLAIN = re.compile(r"[A-Za-z0-9_.-]+")
# Fields of responses that are lists of objects with an id.
LISTS = frozenset(("artifacts", "executions", "contexts"))


def without_backslash(text: str) -> str:
    """Replace backslashes, for writing.

    >>> without_backslash('{"a": "\\\\"b\\\\""}')
    '{"a": "⧵"b⧵""}'
    """
    return text.translate(TO_WRITE)


def with_backslash(text: str) -> str:
    """Restore backslashes, after reading.

    >>> all(with_backslash(without_backslash(text)) == text for text in ("", "a", "\\\\", "⧵", "⧷", "⧷⧵\\\\⧵⧷⧷"))
    True
    """
    return TO_READ.sub(lambda found: found[1] or BACKSLASH, text)


def in_connection_string(text: str) -> str:
    """Quote a user or a password for a connection string, which ML Metadata does not do.

    Otherwise libpq would quote a part of the password in its error message.
    https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-KEYWORD-VALUE

    >>> print(in_connection_string("secret"), in_connection_string("it is a"))
    secret 'it is a'
    """
    if PLAIN.fullmatch(text):
        return text
    return "'" + text.replace(BACKSLASH, 2 * BACKSLASH).replace("'", BACKSLASH + "'") + "'"


def install_workarounds() -> None:
    """Apply the workarounds to every store of this process on PostgreSQL; repeated calls change nothing."""
    wrap_calls("postgresql", call_with_workarounds)


def call_with_workarounds(call: Call, request: Message, response: Message) -> None:
    """Make a call of ML Metadata without backslashes or long values, and sort its response."""
    escaped = type(request)()
    escaped.CopyFrom(request)
    rewrite(escaped, without_backslash)
    divide_long_values(escaped)
    call(escaped, response)
    join_long_values(response)
    rewrite(response, with_backslash)
    sort_response(request, response)


def sort_response(request: Any, response: Any) -> None:
    """Sort the objects of a response by the ids of the request, or by their own; not if the request has options."""
    fields = request.DESCRIPTOR.fields_by_name
    if "options" in fields and request.HasField("options"):
        return
    for name in LISTS.intersection(response.DESCRIPTOR.fields_by_name):
        ids = f"{name[:-1]}_ids"
        positions = {number: position for position, number in enumerate(getattr(request, ids) if ids in fields else ())}
        getattr(response, name).sort(key=functools.partial(sort_key, positions))


def sort_key(positions: Mapping[int, int], item: Any) -> tuple[int, int]:
    """The position of an id in the request, 0 for all if it has none, then the id itself."""
    return positions.get(item.id, 0), item.id


def rewrite(message: Message, change: Callable[[str], str]) -> None:
    """Change every string of a message in place, except filter queries, whose syntax uses backslashes."""
    for field, value in message.ListFields():
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            rewrite_map(value, change)
        elif isinstance(value, Message):
            rewrite(value, change)
        elif field.type == field.TYPE_MESSAGE:
            for item in value:
                rewrite(item, change)
        elif field.type == field.TYPE_STRING and field.name != "filter_query":
            if isinstance(value, str):
                setattr(message, field.name, change(value))
            else:
                value[:] = [change(item) for item in value]


def rewrite_map(entries: Any, change: Callable[[str], str]) -> None:
    """Change the keys of a map field, and the strings in its values."""
    for key in list(entries):
        value, changed = entries[key], change(key) if isinstance(key, str) else key
        if isinstance(value, Message):
            rewrite(value, change)
        if changed != key:
            if isinstance(value, Message):
                entries[changed].CopyFrom(value)
            else:
                entries[changed] = value
            del entries[key]
