"""Text from the data in Markdown, escaped."""

import re
from collections.abc import Iterable

from components.slice_report.page.html import printable

SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|!~&@$])")
# GitHub and others turn bare addresses into links: https://github.github.com/gfm/#autolinks-extension-.
ADDRESS = re.compile(r"(?i)(?<=:)(?=//)|(?<=\bwww)(?=\.)|(?<=\bmailto)(?=:)|(?<=\bxmpp)(?=:)")
# Characters that would start a list or a quote, or underline the line above.
OPENING = re.compile(r"^(?=[-+=](?!\w))|^(\d+)(?=[.)]( |$))")


def escaped(text: str) -> str:
    r"""Escape a text, on one line, for every renderer (https://spec.commonmark.org/0.31.2/#backslash-escapes).

    >>> escaped("a_b <i> *c*\nd")
    'a\\_b \\<i\\> \\*c\\* d'
    >>> escaped("1. https://a.example")
    '1\\. https:\\//a.example'
    """
    line = ADDRESS.sub(r"\\", SPECIAL.sub(r"\\\1", " ".join(printable(text).split())))
    return OPENING.sub(lambda found: found[0] + "\\", line)


def code(text: str) -> str:
    """Return a text as inline code, whatever backticks it contains.

    >>> code("a`b"), code("/runs/census")
    ('`` a`b ``', '`/runs/census`')
    """
    line = " ".join(printable(text).split())
    ticks = "`" * (longest(line) + 1)
    space = " " if "`" in line else ""
    return f"{ticks}{space}{line}{space}{ticks}"


def fenced(text: str) -> list[str]:
    """Return the lines of a code block; no text can close it.

    >>> fenced("a")
    ['```text', 'a', '```']
    """
    fence = "`" * max(3, longest(text) + 1)
    return [f"{fence}text", "\n".join(printable(line) for line in text.splitlines()), fence]


def table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table (https://github.github.com/gfm/#tables-extension-), with all cells escaped.

    >>> print(table(("a", "b"), [("1", "x|y")]))
    | a | b |
    |---|---|
    | 1 | x\\|y |
    <BLANKLINE>
    """
    names = tuple(headings)
    ruler = f"|{'|'.join('---' for _ in names)}|"
    return "\n".join([line_of(names), ruler, *map(line_of, rows)]) + "\n"


def line_of(cells: Iterable[str]) -> str:
    return f"| {' | '.join(map(escaped, cells))} |"


def longest(text: str) -> int:
    """Return the length of the longest run of backticks."""
    return max(map(len, re.findall("`+", text)), default=0)
