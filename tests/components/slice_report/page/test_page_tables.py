"""Wide and long tables in Chromium: heads that stay, columns that can be chosen, nothing cut off, print."""

import json
import re
import zlib
from dataclasses import replace

import pytest
from fakes import report_pages
from fakes.browser import launched, opened

from components.slice_report.page import render

from test_page_render import big_report  # isort: skip

WIDTHS = (390, 1024, 1440)
# What is wider than its frame can be scrolled to; what has no frame is no wider than the page.
OUTSIDE = """() => [...document.querySelectorAll("main *, header *")]
  .filter((one) => !one.closest(".scroll, svg, caption") && one.checkVisibility())
  .filter((one) => one.getBoundingClientRect().right > innerWidth + 1).map((one) => one.outerHTML.slice(0, 80))"""
# No text runs over the cell beside it.
OVERFLOWING = """() => [...document.querySelectorAll("th, td")]
  .filter((cell) => cell.checkVisibility() && cell.scrollWidth > cell.clientWidth + 1)
  .map((cell) => cell.textContent.slice(0, 80))"""
REFUSE_STORAGE = "Object.defineProperty(window, 'localStorage', { get() { throw new Error('no'); } })"
ADD_RULE = "rule => document.styleSheets[0].insertRule(rule, document.styleSheets[0].cssRules.length)"
BEFORE_PRINT, AFTER_PRINT = ("dispatchEvent(new Event('beforeprint'))", "dispatchEvent(new Event('afterprint'))")


@pytest.fixture(scope="module")
def chromium():
    with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def big_page(tmp_path_factory):
    """500 slices with 12 metrics, some with names of 300 characters without a space."""
    report = big_report()
    slices = [
        replace(item, features=(("user", "x" * 300),)) if index % 100 == 7 else item
        for index, item in enumerate(report.slices)
    ]
    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_text(render(replace(report, slices=tuple(slices)), report_pages.DIGEST), encoding="utf-8")
    return path


@pytest.fixture
def shown(chromium, big_page):
    with opened(chromium, big_page) as found:
        yield found
        assert (found.requests, found.complaints) == ([], [])


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_cut_off_and_the_page_does_not_scroll_sideways(chromium, big_page, width):
    with opened(chromium, big_page, viewport={"width": width, "height": 900}) as found:
        found.page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
        assert found.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert found.page.evaluate(OUTSIDE) == []
        assert found.page.evaluate(OVERFLOWING) == []


def test_the_columns_of_a_usual_report_fit_into_1440(chromium, tmp_path):
    report = report_pages.make_report()
    more = {name: report.slices[0].metrics["auc"] for name in ("auc_precision_recall", "mean_prediction", "precision")}
    slices = tuple(replace(item, units=5, metrics={**item.metrics, **more}) for item in report.slices)
    path = tmp_path / "index.html"
    path.write_text(render(replace(report, slices=slices), report_pages.DIGEST), encoding="utf-8")
    with opened(chromium, path, viewport={"width": 1440, "height": 900}) as found:
        frame = found.page.locator(".scroll:has(> #slice-table)")
        assert frame.locator("th[scope=col]").count() == 13
        assert frame.evaluate("frame => frame.scrollWidth <= frame.clientWidth")
        assert frame.evaluate("frame => !frame.classList.contains('more-right')")


def test_heads_and_names_stay_in_view(shown):
    show_all(shown)
    frame = shown.page.locator(".scroll:has(> #slice-table)")
    corner, cell = frame.locator("thead th").first, frame.locator("tbody th").nth(300)
    frame.evaluate("frame => frame.scrollTo(400, 9000)")
    box = frame.bounding_box()
    assert corner.bounding_box()["x"] == pytest.approx(box["x"], abs=1)
    assert corner.bounding_box()["y"] == pytest.approx(box["y"], abs=1)
    assert cell.bounding_box()["x"] == pytest.approx(box["x"], abs=1)
    assert frame.evaluate("frame => frame.clientHeight < innerHeight")
    assert {"more-left", "more-right"} <= set(frame.get_attribute("class").split())


def columns_of(shown) -> list[str]:
    return shown.page.locator("#slice-table thead th:visible").all_inner_texts()


def show_all(shown) -> None:
    shown.page.get_by_role("button", name="Show all columns").first.click()


def test_columns_are_chosen_by_keyboard_and_remembered(shown):
    show_all(shown)
    every = columns_of(shown)
    shown.page.locator("details.columns > summary").first.focus()
    shown.page.keyboard.press("Enter")
    shown.page.keyboard.press("Tab")
    shown.page.keyboard.press("Space")
    assert columns_of(shown) == [name for name in every if name != "Rows"]
    assert shown.page.locator("#slice-table tbody tr").nth(5).locator("td:visible").count() == len(every) - 2
    assert shown.page.locator(".left-out").first.inner_text() == "Columns not shown: Rows."
    shown.page.reload()
    assert "Rows" not in columns_of(shown)
    shown.page.locator("details.columns > summary").first.click()
    shown.page.get_by_role("button", name="all columns").first.click()
    assert columns_of(shown) == every
    shown.page.reload()
    assert columns_of(shown) == every


KEEP = "text => localStorage.setItem('mainline-hidden-columns:slices', text)"


@pytest.mark.parametrize("kept", ["not JSON", '{"a": 1}'])
def test_a_choice_that_cannot_be_read_is_none(shown, kept):
    first = columns_of(shown)
    shown.page.evaluate(KEEP, kept)
    shown.page.reload()
    assert columns_of(shown) == first


def test_a_choice_of_columns_that_are_not_there_hides_nothing(shown):
    shown.page.evaluate(KEEP, '["no such column"]')
    shown.page.reload()
    every = columns_of(shown)
    shown.page.evaluate("localStorage.clear()")
    shown.page.reload()
    show_all(shown)
    assert columns_of(shown) == every


def test_without_storage_columns_can_still_be_chosen(chromium, big_page):
    with opened(chromium, big_page) as found:
        found.page.add_init_script(
            "Object.defineProperty(window, 'localStorage', { get() { throw new Error('no'); } })"
        )
        found.page.reload()
        found.page.locator("details.columns > summary").first.click()
        found.page.locator("details.columns").first.get_by_label("Share").uncheck()
        assert "Share" not in columns_of(found)
        assert found.complaints == []


def test_print_has_all_rows_whatever_the_filter_and_names_the_hidden_columns(shown):
    shown.page.get_by_label("Find a slice").fill("user=1")
    shown.page.locator("details.columns > summary").first.click()
    shown.page.locator("details.columns").first.get_by_label("Share").uncheck()
    some = shown.page.locator("#slice-table tbody tr:visible").count()
    shown.page.emulate_media(media="print")
    shown.page.evaluate(BEFORE_PRINT)
    assert shown.page.locator("#slice-table tbody tr:visible").count() == 501 > some
    assert shown.page.locator("#slices-shown").inner_text() == "501 of 501 slices shown."
    assert shown.page.get_by_text("Columns not shown: Share").is_visible()
    assert not shown.page.locator("details.columns").first.is_visible()
    shown.page.emulate_media(media="screen")
    shown.page.evaluate(AFTER_PRINT)
    assert shown.page.locator("#slice-table tbody tr:visible").count() == some


def texts_in(pdf: bytes) -> int:
    """How many pieces of text a PDF of Chromium paints: its streams are deflated, and Tj and TJ paint."""
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    found = 0
    for stream in streams:
        try:
            found += len(re.findall(rb"\bT[jJ]\b", zlib.decompress(stream)))
        except zlib.error:
            continue
    return found


def test_print_repeats_the_head_of_a_table_on_each_page(chromium, tmp_path):
    report = report_pages.make_report()
    many = tuple(replace(report.slices[1], features=(("user", str(index)),)) for index in range(200))
    path = tmp_path / "index.html"
    path.write_text(render(replace(report, slices=(report.slices[0], *many)), report_pages.DIGEST), encoding="utf-8")
    with opened(chromium, path) as found:
        with_heads = texts_in(found.page.pdf(format="A4"))
        rule = "@media print { #slice-table thead { display: table-row-group !important; } }"
        found.page.evaluate(
            "rule => document.styleSheets[0].insertRule(rule, document.styleSheets[0].cssRules.length)", rule
        )
        without = texts_in(found.page.pdf(format="A4"))
        columns = found.page.locator("#slice-table thead th").count()
        assert with_heads - without >= columns * 3


def test_500_slices_are_under_5_mb(big_page):
    assert big_page.stat().st_size < 5_000_000
    counts = json.loads(re.search(r'id="counts">(.*?)</script>', big_page.read_text(encoding="utf-8"))[1])
    assert len(counts["slices"]) == 501
