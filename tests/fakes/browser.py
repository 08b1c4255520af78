"""A page in a real Chromium without a network."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@dataclass
class OpenPage:
    """A page, the addresses that it requested, and its console messages and errors."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@contextmanager
def launched() -> Iterator[Browser]:
    """Launch Chromium without a sandbox, as containers need it. Without Chromium, skip, or fail if one is required."""
    if CHROMIUM is None and not os.environ.get("MAINLINE_NEEDS_CHROMIUM"):
        pytest.skip("no chromium: run requirements/chromium.sh")
    assert CHROMIUM, "no chromium, which MAINLINE_NEEDS_CHROMIUM asks for"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, path: Path, **options: Any) -> Iterator[OpenPage]:
    """Open a file; the request for the page itself is not recorded."""
    options.setdefault("viewport", {"width": 1280, "height": 900})
    context = browser.new_context(offline=True, **options)
    found = OpenPage(context.new_page())
    address = path.resolve().as_uri()
    found.page.on("request", lambda request: found.requests.append(request.url) if request.url != address else None)
    found.page.on("console", lambda message: found.complaints.append(message.text))
    found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
    found.page.goto(address)
    yield found
    context.close()
