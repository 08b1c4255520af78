"""YAML that somebody else may have written: what is too large, too deep or endless is refused before it is built.

A document of a few lines may stand for gigabytes, by aliases of aliases. Here a document is first taken apart into its
nodes, of which an alias is another mention of the same one, and these are counted as if each mention were written out.
"""

import os
import re
import stat
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import ConfigError

MAX_BYTES = 256 << 10
MAX_VALUES = 20_000
MAX_LEVELS = 32
MAX_PARTS = 16
# Python writes no number of 4,300 digits and more out, and one in hexadecimals has more than it shows.
MAX_DIGITS = 3_500
# What YAML itself allows by escapes, and no setting has: controls, and halves of surrogate pairs.
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class LimitError(ValueError):
    """A document beyond a limit."""


def exists(path: Path) -> bool:
    """Whether there is something of a name; no name is too long for the question."""
    try:
        return path.exists()
    except OSError:
        return False


def check_text(where: str, text: str) -> None:
    """A name from the command line must be one that a file can have.

    Raises:
        ConfigError: it is not text, or no file is called so.
    """
    if not text.isprintable() or any(len(part.encode("utf-8", "replace")) > 255 for part in text.split("/")):
        raise ConfigError(where, "no file can have such a name", received=shorten(text))


def split_key(key: str) -> list[str]:
    """The parts of a key of ``--set``, which make as many levels.

    Raises:
        ConfigError: too many.
    """
    parts = key.split(".")
    if len(parts) > MAX_PARTS:
        raise ConfigError(f"--set {shorten(key)}", "no key has so many parts", expected=f"at most {MAX_PARTS}")
    return parts


def read_file(path: Path) -> str:
    """The text of a file, if it is one, and not too large.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no file, too large, or no UTF-8.
    """
    # A pipe would keep whoever opens it waiting for a writer.
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise LimitError("not a file")
        content = file.read(MAX_BYTES + 1)
    check_bytes(len(content))
    return content.decode("utf-8")


def check_bytes(count: int) -> None:
    """Compares the size of a document with the limit."""
    if count > MAX_BYTES:
        raise LimitError(f"larger than {MAX_BYTES >> 10} KiB")


def load_yaml(text: str, loader: type[yaml.SafeLoader]) -> Any:
    """What a document says.

    Raises:
        ValueError: a document beyond a limit, or a value that YAML knows the form of and no value is, as 2025-02-30.
        yaml.YAMLError: not YAML.

    >>> load_yaml("a: &a [1, 2]\\nb: *a", yaml.SafeLoader)
    {'a': [1, 2], 'b': [1, 2]}
    """
    check_bytes(len(text.encode("utf-8", "replace")))
    reading = loader(text)
    try:
        document = reading.get_single_node()
        if document is None:
            return None
        NodeCounter().of(document)
        return reading.construct_document(document)
    except RecursionError:
        raise LimitError(f"more than {MAX_LEVELS} levels, one within another") from None
    except (TypeError, LookupError, AttributeError, ArithmeticError) as error:
        # PyYAML's constructors of dates, numbers and sets take the form of a value on trust.
        raise LimitError(f"a value that is none: {error}") from error
    finally:
        reading.dispose()


class NodeCounter:
    """Counts the values of a document as if each alias were written out."""

    def __init__(self) -> None:
        self._counted: dict[int, tuple[int, int]] = {}
        self._open: set[int] = set()

    def of(self, node: yaml.Node) -> tuple[int, int]:
        """Values and levels of a node.

        Raises:
            LimitError: too many, or no end.
        """
        key = id(node)
        if key in self._open:
            raise LimitError(f"an alias within what it stands for, at line {node.start_mark.line + 1}")
        if key not in self._counted:
            self._open.add(key)
            self._counted[key] = self._within(node)
            self._open.remove(key)
        return self._counted[key]

    def _within(self, node: yaml.Node) -> tuple[int, int]:
        values, levels = 1, 0
        for inner in inner_nodes(node):
            more, deeper = self.of(inner)
            values, levels = values + more, max(levels, deeper)
        if values > MAX_VALUES:
            raise LimitError(f"more than {MAX_VALUES:,} values, counted with what its aliases stand for")
        if levels >= MAX_LEVELS:
            raise LimitError(f"more than {MAX_LEVELS} levels, one within another")
        return values, levels + 1


def inner_nodes(node: yaml.Node) -> list[yaml.Node]:
    """The nodes of a list, or keys and values of a mapping; of a text, that it is fit to be one."""
    if isinstance(node, yaml.MappingNode):
        return [one for pair in node.value for one in pair]
    if isinstance(node, yaml.SequenceNode):
        return list(node.value)
    if node.tag.endswith(":int") and len(node.value) > MAX_DIGITS:
        raise LimitError(f"a number of more than {MAX_DIGITS:,} digits, at line {node.start_mark.line + 1}")
    if FORBIDDEN.search(node.value):
        raise LimitError(f"a control character or half a character in a text, at line {node.start_mark.line + 1}")
    return []


def shorten(text: str, most: int = 200) -> str:
    """A text for a message: in full, or its beginning; of what no terminal should be sent, the escapes.

    >>> shorten("a" * 300, 3), shorten("a\\x1b\\ud800b")
    ('aaa... (300 characters)', 'a\\\\x1b\\\\ud800b')
    """
    shown = FORBIDDEN.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text[:most])
    return shown if len(text) <= most else f"{shown}... ({len(text)} characters)"
