"""Hostile texts in Markdown, read by a renderer that is not ours."""

import random

import pytest
from markdown_it import MarkdownIt

from components.slice_report.page.markdown import code, escaped, fenced, table

READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
PIECES = [
    "[a](http://x)", "![a](http://x)", "<img src=x onerror=alert(1)>", "</td>", "|", "\\", "\\|", "`", "```", "~~~",
    "**b**",
    "__b__", "~~s~~", "&lt;", "&#124;", "\n", "\r\n", "\n\n# head", "\n---\n", "\n===\n", "- item", "+ x", "1. one",
    "2) two",
    "> quote", "http://a.example", "https://a.example/b?c=1", "www.a.example", "a@b.example", "mailto:a@b", "$x$",
    "[x]: /y",
    "    code", "\t", "\u2028", "\x00", "*", "_", "#", "!", "=", ":", "ü", "🙂", " ", "-0.5", "javascript:alert(1)",
]  # fmt: skip


def words(text: str) -> str:
    """A text as a reader sees it: white space is one space, and a character that no page may hold is a sign for it."""
    return " ".join(text.replace("\x00", "\ufffd").split())


def cells_of(rendered: str) -> list[list[str]]:
    """The texts of a table's cells, row by row."""
    rows: list[list[str]] = []
    tokens = READER.parse(rendered)
    assert {token.type.rpartition("_")[0] for token in tokens} <= {"table", "thead", "tbody", "tr", "th", "td", ""}
    for token in tokens:
        if token.type == "tr_open":
            rows.append([])
        if token.type == "inline":
            assert {child.type for child in token.children} <= {"text", "text_special"}
            rows[-1].append("".join(child.content for child in token.children))
    return rows


@pytest.mark.parametrize("seed", range(5))
def test_a_table_keeps_random_texts(seed):
    draw = random.Random(seed)
    for _ in range(100):
        rows = [("".join(draw.choices(PIECES, k=draw.randint(1, 6))), "0.5") for _ in range(3)]
        head, *found = cells_of(table(("slice", "auc"), rows))
        assert head == ["slice", "auc"]
        assert [[words(cell) for cell in row] for row in found] == [[words(text), value] for text, value in rows]


@pytest.mark.parametrize("piece", PIECES)
def test_text_in_a_list_has_no_markup(piece):
    for text in (piece, f"city={piece}", f"{piece} and {piece}"):
        tokens = [token for token in READER.parse(f"- {escaped(text)}\n") if token.type not in ("text",)]
        (inline,) = [token for token in tokens if token.type == "inline"] or [None]
        assert [token.type for token in tokens if token.type.endswith("_open")] in (
            ["bullet_list_open", "list_item_open", "paragraph_open"], ["bullet_list_open", "list_item_open"],
        )  # fmt: skip
        seen = "".join(child.content for child in inline.children) if inline else ""
        assert words(seen) == words(text)


@pytest.mark.parametrize("text", ["http://a.example", "HTTPS://a.example", "www.a.example", "a@b.example", "mailto:a"])
def test_a_bare_address_does_not_become_a_link(text):
    assert not any(start in escaped(text).lower() for start in ("://", "www.", "mailto:"))
    assert "a@" not in escaped(text)


@pytest.mark.parametrize("text", ["a", "a`b", "``", "`a`", "a\nb", "/it's/``` x"])
def test_code_is_shown_unchanged(text):
    (inline,) = [token for token in READER.parse(code(text)) if token.type == "inline"]
    assert [child.type for child in inline.children] == ["code_inline"]
    assert words(inline.children[0].content) == words(text)


@pytest.mark.parametrize("text", ["a\nb", "```\n# head\n```", "````", "~~~", "<b>"])
def test_no_text_closes_a_code_block(text):
    (block,) = READER.parse("\n".join(fenced(text)))
    assert (block.type, block.content) == ("fence", f"{text}\n")
