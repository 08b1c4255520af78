"""Divide long strings in properties of ML Metadata for PostgreSQL, whose indexes hold about 2,700 bytes a row.

ML Metadata indexes the values of all properties (``idx_execution_property_string`` and alike). A longer one, such as
the settings of a report, is refused: "index row size 2728 exceeds btree version 4 maximum 2704". So it is written as
several custom properties, ``settings``, ``settings⧶1``, ``settings⧶2``, and read back as one.
https://www.postgresql.org/docs/current/btree.html
"""

import re
from collections.abc import Iterator, MutableMapping
from itertools import count
from typing import Any

from google.protobuf.message import Message

PROPERTIES = "custom_properties"
# The index holds the name of the property too.
MAX_BYTES = 2000
# Precedes the number of a part in its key.
PART = "\u29f6"
PART_KEY = re.compile(rf"(.*){PART}(\d+)", re.DOTALL)


def divide_long_values(message: Message) -> None:
    """Divide the long custom properties in a request, in place."""
    for properties in custom_properties(message):
        for key in list(properties):
            divide(properties, key)


def join_long_values(message: Message) -> None:
    """Join the divided custom properties in a response, in place."""
    for properties in custom_properties(message):
        for key in [key for key in properties if not PART_KEY.fullmatch(key)]:
            join(properties, key)


def divide(properties: MutableMapping[str, Any], key: str) -> None:
    """Divide one property if its value is long."""
    if properties[key].WhichOneof("value") != "string_value":
        return
    first, *others = parts(properties[key].string_value)
    properties[key].string_value = first
    for number, part in enumerate(others, start=1):
        properties[f"{key}{PART}{number}"].string_value = part


def join(properties: MutableMapping[str, Any], key: str) -> None:
    """Append the further parts of a property to its first."""
    for number in count(1):
        part = f"{key}{PART}{number}"
        if part not in properties:
            return
        properties[key].string_value += properties[part].string_value
        del properties[part]


def parts(text: str) -> list[str]:
    """Cut a text into parts of at most ``MAX_BYTES`` in UTF-8; an empty text has one part.

    >>> [len(part) for part in parts("a" * 4100)], parts("")
    ([2000, 2000, 100], [''])
    """
    content, cut = text.encode("utf-8"), []
    while len(content) > MAX_BYTES:
        # Not within a character, whose further bytes are 0b10……….
        end = next(end for end in range(MAX_BYTES, 0, -1) if content[end] & 0xC0 != 0x80)
        cut.append(content[:end])
        content = content[end:]
    return [part.decode("utf-8") for part in [*cut, content]]


def custom_properties(message: Message) -> Iterator[MutableMapping[str, Any]]:
    """Yield the custom properties of every artifact, execution and context in a request or a response."""
    for field, value in message.ListFields():
        if field.name == PROPERTIES:
            yield value
        elif field.type == field.TYPE_MESSAGE and not field.message_type.GetOptions().map_entry:
            for item in [value] if isinstance(value, Message) else value:
                yield from custom_properties(item)
