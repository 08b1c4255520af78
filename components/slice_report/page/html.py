"""HTML elements as values. Text is escaped where it enters an element, so that no caller can forget to."""

import re
from collections.abc import Iterable
from typing import TypeAlias, TypeGuard

from markupsafe import Markup, escape

Child: TypeAlias = str | Iterable["Child"] | None
Attribute: TypeAlias = str | int | float | bool | None
VOID = frozenset({"br", "col", "input", "meta", "wbr"})
LONGEST, HEAD, TAIL = 120, 80, 20
# Characters that HTML forbids (https://html.spec.whatwg.org/#text-content), also left out of Markdown.
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^A-Z]+")
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")


def tag(name: str, /, *children: Child, **attributes: Attribute) -> Markup:
    """Return an element; in names of attributes a trailing ``_`` is dropped and other ``_`` become ``-``.

    >>> str(tag("td", "<b>", class_="n", data_value=3, hidden=True, title=None))
    '<td class="n" data-value="3" hidden>&lt;b&gt;</td>'
    """
    opening = Markup("<{}{}>").format(Markup(name), attributes_of(attributes))
    return opening if name in VOID else opening + join(children) + Markup("</{}>").format(Markup(name))


def attributes_of(attributes: dict[str, Attribute]) -> Markup:
    """Return `` name="value"`` for each attribute; True is a bare name, False and None are left out."""
    written = Markup()
    for key, value in attributes.items():
        name = Markup(key.rstrip("_").replace("_", "-"))
        if value is True:
            written += Markup(" {}").format(name)
        elif value is not None and value is not False:
            written += Markup(' {}="{}"').format(name, printable(str(value)))
    return written


def join(children: Child) -> Markup:
    """Concatenate children: markup as it is, text escaped, nested children flattened, None as nothing."""
    if children is None:
        return Markup()
    if isinstance(children, str):
        return children if isinstance(children, Markup) else escape(printable(children))
    return Markup("").join(join(child) for child in children)


def printable(text: str) -> str:
    r"""Replace the characters that a page may not contain.

    >>> printable("a\x00b\n")
    'a\ufffdb\n'
    """
    return FORBIDDEN.sub("\ufffd", text)


def shorten(text: str) -> str:
    """Shorten a long text to its two ends and its length.

    >>> shorten("x" * 200)[78:]
    'xx…xxxxxxxxxxxxxxxxxxxx (200 characters)'
    """
    if len(text) <= LONGEST:
        return text
    return f"{text[:HEAD]}…{text[-TAIL:]} ({len(text):,} characters)"


def name(text: str) -> Markup:
    """Return a text from the data, shortened and isolated: right-to-left characters affect nothing around it."""
    return tag("bdi", shorten(text))


def breakable(word: str) -> Markup:
    """Return a name in camel case that a narrow column may break between its words.

    >>> str(breakable("AUCPrecisionRecall"))
    'AUC<wbr>Precision<wbr>Recall'
    """
    return join([part for found in WORD.findall(word) for part in (tag("wbr"), found)][1:])


def table(caption: str, headings: Iterable[Child], rows: Iterable[Markup], **attributes: Attribute) -> Markup:
    """Return a table in a frame that scrolls and takes keyboard focus; ``rows`` are ``tr`` elements."""
    head = tag("thead", tag("tr", [as_heading(heading) for heading in headings]))
    drawn = tag("table", tag("caption", caption), head, tag("tbody", rows), **attributes)
    return tag("div", drawn, class_="scroll", tabindex="0", role="region", aria_label=caption)


def as_heading(heading: Child) -> Markup:
    """Return a column heading; a ``th`` stays as it is."""
    return heading if is_element(heading, "th") else tag("th", heading, scope="col")


def row(head: Child, *cells: Child, **attributes: Attribute) -> Markup:
    """Return a row with a heading cell; a list is several cells, and a ``td`` stays as it is."""
    flat = (item for cell in cells for item in (cell if isinstance(cell, list) else [cell]))
    made = (cell if is_element(cell, "td") else tag("td", cell) for cell in flat)
    return tag("tr", tag("th", head, scope="row"), made, **attributes)


def is_element(child: Child, element: str) -> TypeGuard[Markup]:
    return isinstance(child, Markup) and child.startswith((f"<{element} ", f"<{element}>"))


def pairs(items: Iterable[tuple[Child, Child]]) -> Markup:
    """Return a list of names and values."""
    return tag("dl", [tag("div", tag("dt", key), tag("dd", value)) for key, value in items])


def details(summary: Child, *children: Child, **attributes: Attribute) -> Markup:
    """Return a part that is folded, unless ``open`` is True."""
    return tag("details", tag("summary", summary), children, **attributes)
