"""The content of a model card, before it becomes HTML or Markdown."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """Sentences, one a line."""

    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Facts:
    """Names with values."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Rows:
    """A table; the first cell of a row names it."""

    caption: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Blank:
    """A blank, and who can fill it."""

    who: str


Block = Words | Facts | Rows | Blank


@dataclass(frozen=True)
class Point:
    """A point of a section; ``number`` is that of the annex, such as ``1 (a)``."""

    number: str
    heading: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Part:
    """A section of the card."""

    number: int
    heading: str
    points: tuple[Point, ...]


def point(number: str, heading: str, *blocks: Block | None) -> Point:
    """Return a point without its empty blocks."""
    return Point(number, heading, tuple(block for block in blocks if block is not None and not is_empty(block)))


def is_empty(block: Block) -> bool:
    match block:
        case Words(sentences):
            return not sentences
        case Facts(pairs):
            return not pairs
        case Rows(rows=rows):
            return not rows
    return False


def told(sentences: Sequence[str], who: str) -> Block:
    """Return what people wrote, or a blank for them to fill."""
    return Words(tuple(sentences)) if sentences else Blank(who)


def facts(pairs: Iterable[tuple[str, str]]) -> Facts:
    """Return the pairs that have a value."""
    return Facts(tuple((name, value) for name, value in pairs if value))


def blanks(parts: Iterable[Part]) -> Iterator[Blank]:
    """Yield all blanks."""
    for part in parts:
        for item in part.points:
            yield from (block for block in item.blocks if isinstance(block, Blank))
