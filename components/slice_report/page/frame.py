"""The frame of a page: one HTML file whose content security policy allows no requests."""

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from markupsafe import Markup

from components.slice_report.page.html import tag

ASSETS = Path(__file__).parent / "assets"


def page(title: str, body: Markup, scripts: Sequence[str], styles: Sequence[str]) -> str:
    """Return a whole page; ``scripts`` and ``styles`` are the names of files in ``assets``, in order."""
    script, style = read_script(tuple(scripts)), "".join(map(read_text, styles))
    return str(
        Markup("<!DOCTYPE html>\n")
        + tag(
            "html",
            tag(
                "head",
                tag("meta", charset="utf-8"),
                tag("meta", http_equiv="Content-Security-Policy", content=policy(script, style)),
                tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
                tag("title", title),
                tag("style", Markup(style)),
            ),
            tag("body", body, tag("script", Markup(script))),
            lang="en",
        )
    )


@cache
def read_text(file: str) -> str:
    return (ASSETS / file).read_text(encoding="utf-8")


@cache
def read_script(files: tuple[str, ...]) -> str:
    """Return all scripts in one block, which is their scope."""
    return '"use strict";{\n' + "".join(map(read_text, files)) + "}\n"


def policy(script: str, style: str) -> str:
    """Allow only this script and style (https://www.w3.org/TR/CSP3/#match-element-to-source-list)."""
    sources = {"script-src": source(script), "style-src": source(style)}
    rules = {"default-src": "'none'", **sources, "base-uri": "'none'", "form-action": "'none'"}
    return "; ".join(f"{rule} {allowed}" for rule, allowed in rules.items())


def source(text: str) -> str:
    """Return a hash source of a content security policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def as_data(text: str, identifier: str) -> Markup:
    """Return JSON for the scripts, in an element that no text in it can close."""
    return tag("script", Markup(text.replace("<", "\\u003c")), type="application/json", id=identifier)
