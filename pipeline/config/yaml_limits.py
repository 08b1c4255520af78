"""Limits for YAML from untrusted sources: a document that is too large, too deep or recursive is refused.

By aliases of aliases, a document of a few lines can expand to gigabytes ("billion laughs"). Here a document is first
composed into nodes, where an alias is a reference to the same node, and nodes are counted as if aliases were expanded.
"""

import os
import re
import stat
from pathlib import Path
from typing import Any

import yaml

from components.support.text import shorten
from pipeline.errors import ConfigError

MAX_BYTES = 256 << 10
MAX_VALUES = 20_000
MAX_LEVELS = 32
MAX_PARTS = 16
# Python refuses to print numbers of 4,300 digits and more; a hexadecimal number has more digits in decimal.
MAX_DIGITS = 3_500
# Control characters and lone surrogates, which YAML allows as escapes and no setting needs.
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class LimitError(ValueError):
    """A document exceeds a limit."""


def exists(path: Path) -> bool:
    """Whether a path exists; False for a name that is too long."""
    try:
        return path.exists()
    except OSError:
        return False


def check_text(where: str, text: str) -> None:
    """Check that a name from the command line can be the name of a file.

    Raises:
        ConfigError: it is not printable, or too long.
    """
    if not text.isprintable() or any(len(part.encode("utf-8", "replace")) > 255 for part in text.split("/")):
        raise ConfigError(where, "not a valid name of a file", received=shorten(text))


def split_key(key: str) -> list[str]:
    """The parts of a key of ``--set``, one for each level.

    Raises:
        ConfigError: it has too many parts.
    """
    parts = key.split(".")
    if len(parts) > MAX_PARTS:
        raise ConfigError(f"--set {shorten(key)}", "too many parts", expected=f"at most {MAX_PARTS}")
    return parts


def read_file(path: Path) -> str:
    """Read a text file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not a regular file, is too large, or is not UTF-8.
    """
    # Without O_NONBLOCK, opening a named pipe would wait for a writer.
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise LimitError("not a file")
        content = file.read(MAX_BYTES + 1)
    check_bytes(len(content))
    return content.decode("utf-8")


def check_bytes(count: int) -> None:
    """Compare the size of a document with the limit."""
    if count > MAX_BYTES:
        raise LimitError(f"larger than {MAX_BYTES >> 10} KiB")


def load_yaml(text: str, loader: type[yaml.SafeLoader]) -> Any:
    """Load a document.

    Raises:
        ValueError: the document exceeds a limit, or a value has a valid form but does not exist, such as 2025-02-30.
        yaml.YAMLError: it is not YAML.

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
        raise LimitError(f"more than {MAX_LEVELS} nested levels") from None
    except (TypeError, LookupError, AttributeError, ArithmeticError) as error:
        # PyYAML's constructors of dates, numbers and sets do not validate the form of a value.
        raise LimitError(f"an invalid value: {error}") from error
    finally:
        reading.dispose()


class NodeCounter:
    """Counts the values of a document as if every alias were expanded."""

    def __init__(self) -> None:
        self._counted: dict[int, tuple[int, int]] = {}
        self._open: set[int] = set()

    def of(self, node: yaml.Node) -> tuple[int, int]:
        """The number of values and of levels in a node.

        Raises:
            LimitError: too many, or an alias refers to a node that contains it.
        """
        key = id(node)
        if key in self._open:
            raise LimitError(f"an alias inside the node that it refers to, at line {node.start_mark.line + 1}")
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
            raise LimitError(f"more than {MAX_VALUES:,} values with its aliases expanded")
        if levels >= MAX_LEVELS:
            raise LimitError(f"more than {MAX_LEVELS} nested levels")
        return values, levels + 1


def inner_nodes(node: yaml.Node) -> list[yaml.Node]:
    """The items of a list, or the keys and values of a mapping; none for a scalar, which is checked.

    Raises:
        LimitError: a number has too many digits, or a text has a forbidden character.
    """
    if isinstance(node, yaml.MappingNode):
        return [one for pair in node.value for one in pair]
    if isinstance(node, yaml.SequenceNode):
        return list(node.value)
    if node.tag.endswith(":int") and len(node.value) > MAX_DIGITS:
        raise LimitError(f"a number of more than {MAX_DIGITS:,} digits, at line {node.start_mark.line + 1}")
    if FORBIDDEN.search(node.value):
        raise LimitError(f"a control character or a lone surrogate in a text, at line {node.start_mark.line + 1}")
    return []
