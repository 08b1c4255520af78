"""The page by axe-core and by measured contrast: in each state, width and scheme, and in print."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from fakes import report_pages
from fakes.browser import launched, opened
from fakes.report.contrast import contrasts

from components.artifacts.decision import Decision
from components.slice_report.page import render

UNFOLD = "document.querySelectorAll('details').forEach((part) => { part.open = true; })"


def as_opened(page):
    """The page as it opens."""


def unfolded(page):
    """All parts are open."""
    page.evaluate(UNFOLD)


def filtered(page):
    """A filter is on, a column is hidden, the threshold is moved, a heading sorts."""
    page.get_by_label("Find a slice").fill("sex")
    page.locator("details.columns > summary").first.click()
    page.locator("details.columns").first.get_by_label("Share").uncheck()
    page.get_by_role("slider").first.fill("60")
    page.locator("#slice-table thead button").first.click()


def slice_open(page):
    """The dialog of a slice is open."""
    page.get_by_role("button", name="sex=Female").click()


def printed(page):
    """As on paper."""
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")


# Of axe's rules only that one depends on the colours.
RULES = {"light": None, "dark": {"runOnly": ["color-contrast"]}}
STATES = (as_opened, unfolded, filtered, slice_open, printed)


@pytest.fixture(scope="module")
def chromium():
    with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "index.html"
    decision = Decision("approved", "Ada", "sound", report_pages.DIGEST, "2026-01-01T00:00:00+00:00")
    drawn = render(report_pages.make_report(), report_pages.DIGEST, report_pages.standing(decision))
    path.write_text(drawn, encoding="utf-8")
    return path


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1024, 1440])
def test_each_state_is_accessible_and_its_contrast_measured(chromium, page_file, state, scheme, width):
    with opened(chromium, page_file, color_scheme=scheme, viewport={"width": width, "height": 900}) as found:
        state(found.page)
        result = Axe().run(found.page, options=RULES[scheme]).response
        told = [(item["id"], [node["html"][:120] for node in item["nodes"]][:3]) for item in result["violations"]]
        assert told == []
        assert {item["id"] for item in result["incomplete"]} <= {"color-contrast"}
        measured = contrasts(found.page)
        assert len(measured) > 100
        assert [text for text in measured if text[1] < text[2]] == []


def test_a_low_contrast_is_noticed(chromium, page_file):
    with opened(chromium, page_file) as found:
        found.page.evaluate("document.documentElement.style.setProperty('--muted', '#999')")
        low = [text for text in contrasts(found.page) if text[1] < text[2]]
        assert ("Pipeline", pytest.approx(2.85, abs=0.01), 4.5) in low
        assert any(text.startswith("The baseline is ") for text, _, _ in low)


@pytest.mark.parametrize("decision", ["rejected", None])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_each_status_is_accessible_and_its_contrast_measured(chromium, tmp_path, decision, scheme):
    made = Decision(decision, "Ada", "sound", report_pages.DIGEST, "2026-01-01T00:00:00+00:00") if decision else None
    path = tmp_path / "index.html"
    path.write_text(render(report_pages.make_report(), "", report_pages.standing(made)), encoding="utf-8")
    with opened(chromium, path, color_scheme=scheme) as found:
        assert Axe().run(found.page).response["violations"] == []
        words = "✗ Rejected by" if decision else "Awaiting review."
        assert found.page.get_by_role("region", name="Status").inner_text().startswith(words)
        assert [text for text in contrasts(found.page) if text[1] < text[2]] == []
