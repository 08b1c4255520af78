"""Texts of the data in Markdown, where a renderer must find no markup in them."""

import re

from components.slice_report.page.html import printable

SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|!~&@$])")
# GitHub and others make links of bare addresses: https://github.github.com/gfm/#autolinks-extension-.
ADDRESS = re.compile(r"(?i)(?<=:)(?=//)|(?<=\bwww)(?=\.)|(?<=\bmailto)(?=:)|(?<=\bxmpp)(?=:)")
# What would begin a list or a quote, or underline the line above.
OPENING = re.compile(r"^(?=[-+=](?!\w))|^(\d+)(?=[.)]( |$))")


def escaped(text: str) -> str:
    r"""A text in one line that no renderer reads as markup (https://spec.commonmark.org/0.31.2/#backslash-escapes).

    >>> escaped("a_b <i> *c*\nd")
    'a\\_b \\<i\\> \\*c\\* d'
    >>> escaped("1. https://a.example")
    '1\\. https:\\//a.example'
    """
    line = ADDRESS.sub(r"\\", SPECIAL.sub(r"\\\1", " ".join(printable(text).split())))
    return OPENING.sub(lambda found: found[0] + "\\", line)


def code(text: str) -> str:
    """A text in one line as it is, in letters of equal width, whatever ticks it has.

    >>> code("a`b"), code("/runs/census")
    ('`` a`b ``', '`/runs/census`')
    """
    line = " ".join(printable(text).split())
    ticks = "`" * (longest(line) + 1)
    space = " " if "`" in line else ""
    return f"{ticks}{space}{line}{space}{ticks}"


def fenced(text: str) -> list[str]:
    """A text of several lines as it is; nothing in it ends the block.

    >>> fenced("a")
    ['```text', 'a', '```']
    """
    fence = "`" * max(3, longest(text) + 1)
    return [f"{fence}text", "\n".join(printable(line) for line in text.splitlines()), fence]


def longest(text: str) -> int:
    """The length of the longest row of ticks."""
    return max(map(len, re.findall("`+", text)), default=0)
