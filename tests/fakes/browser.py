"""A page in a real Chromium that has no network, and all that went wrong on it."""

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
class Opened:
    """A page, the addresses that it asked for, and what it complained of."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@contextmanager
def launched() -> Iterator[Browser]:
    """Chromium without a sandbox, as containers need it; without Chromium, skips, or fails where there must be one."""
    if CHROMIUM is None and not os.environ.get("MAINLINE_NEEDS_CHROMIUM"):
        pytest.skip("no chromium: run requirements/chromium.sh")
    assert CHROMIUM, "no chromium, which MAINLINE_NEEDS_CHROMIUM asks for"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, path: Path, **options: Any) -> Iterator[Opened]:
    """Opens a file; the page's own address is no request."""
    options.setdefault("viewport", {"width": 1280, "height": 900})
    context = browser.new_context(offline=True, **options)
    found = Opened(context.new_page())
    address = path.resolve().as_uri()
    found.page.on("request", lambda request: found.requests.append(request.url) if request.url != address else None)
    found.page.on("console", lambda message: found.complaints.append(message.text))
    found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
    found.page.goto(address)
    yield found
    context.close()
