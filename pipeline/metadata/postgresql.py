"""Texts with a backslash, the order of what is found, and passwords, for a PostgreSQL behind ML Metadata.

ML Metadata (1.16.0, 1.21.0) takes the first and the last character off what ``PQescapeLiteral`` gives and puts its own
quotes there. A text with a backslash is given as `` E'...'``, so that its literal ends at its first letter: an error of
syntax for most, and whatever the text says as SQL for some. So no backslash reaches it: texts are written with another
character in its place, and read back as they were.

It asks for rows without an order, and PostgreSQL gives those that were changed last. TFX puts the keys of the outputs
of a cached execution to artifacts by their places (``zip`` in tfx/orchestration/portable/cache_utils.py): a run would
find the graph of Transform where its examples are. So they come in the order that was asked for, else of their ids, as
in the other databases.
"""

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any

from google.protobuf.message import Message

BACKSLASH = "\\"
# REVERSE SOLIDUS OPERATOR, and the mark before a character that stands for itself.
PLACEHOLDER, MARK = "\u29f5", "\u29f7"
TO_WRITE = str.maketrans({BACKSLASH: PLACEHOLDER, PLACEHOLDER: MARK + PLACEHOLDER, MARK: MARK + MARK})
TO_READ = re.compile(f"{MARK}(.)|{PLACEHOLDER}")

# What needs no quotes in a connection string.
PLAIN = re.compile(r"[A-Za-z0-9_.-]+")
# What responses have several of, each with an id.
NUMBERED = frozenset(("artifacts", "executions", "contexts"))


def without_backslash(text: str) -> str:
    """A text as it is written.

    >>> without_backslash('{"a": "\\\\"b\\\\""}')
    '{"a": "⧵"b⧵""}'
    """
    return text.translate(TO_WRITE)


def with_backslash(text: str) -> str:
    """A text as it was before it was written.

    >>> all(with_backslash(without_backslash(text)) == text for text in ("", "a", "\\\\", "⧵", "⧷", "⧷⧵\\\\⧵⧷⧷"))
    True
    """
    return TO_READ.sub(lambda found: found[1] or BACKSLASH, text)


def in_connection_string(text: str) -> str:
    """A user or a password as ML Metadata must be given it, which puts it between spaces, as it is.

    Where libpq cannot read the whole, it says so with a part of the password.
    https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-KEYWORD-VALUE

    >>> print(in_connection_string("secret"), in_connection_string("it is a"))
    secret 'it is a'
    """
    if PLAIN.fullmatch(text):
        return text
    return "'" + text.replace(BACKSLASH, 2 * BACKSLASH).replace("'", BACKSLASH + "'") + "'"


def be_like_others() -> None:
    """Makes every store of this process on PostgreSQL keep texts and order; calling it again changes nothing."""
    from ml_metadata.metadata_store import MetadataStore

    original = MetadataStore._pywrap_cc_call
    if getattr(original, "is_like_others", False):
        return

    @functools.wraps(original)
    def call(self: Any, method: Any, request: Message, response: Message) -> None:
        if self._config.WhichOneof("config") != "postgresql":
            original(self, method, request, response)
            return
        written = type(request)()
        written.CopyFrom(request)
        rewrite(written, without_backslash)
        original(self, method, written, response)
        rewrite(response, with_backslash)
        put_in_order(request, response)

    call.is_like_others = True  # type: ignore[attr-defined]
    MetadataStore._pywrap_cc_call = call


def put_in_order(request: Any, response: Any) -> None:
    """Sorts the artifacts, executions or contexts of a response, unless the request says how they are sorted."""
    fields = request.DESCRIPTOR.fields_by_name
    if "options" in fields and request.HasField("options"):
        return
    for found in NUMBERED.intersection(response.DESCRIPTOR.fields_by_name):
        ids = f"{found[:-1]}_ids"
        places = {number: place for place, number in enumerate(getattr(request, ids) if ids in fields else ())}
        # Those that were not asked for by their ids have no places.
        getattr(response, found).sort(key=functools.partial(rank, places))


def rank(places: Mapping[int, int], item: Any) -> tuple[int, int]:
    """Where an item stands: by its place, if it has one, then by its id."""
    return places.get(item.id, 0), item.id


def rewrite(message: Message, change: Callable[[str], str]) -> None:
    """Changes every text in a message in place, but for a query, whose grammar has backslashes of its own."""
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
    """Changes the keys of a map, and the texts in its values."""
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
