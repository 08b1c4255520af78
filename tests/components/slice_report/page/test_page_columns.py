"""The columns that a wide table of slices starts with, in Chromium."""

from dataclasses import replace

import pytest
from fakes import report_pages
from fakes.browser import launched, opened

from components.evaluation.tasks.registry import METRICS
from components.evaluation.verdict import Check
from components.slice_report.page import render

BOUNDED = ("AUC", "BinaryCrossEntropy", "Calibration", "GroupAUC", "GroupNDCG")
FITS = "frame => frame.scrollWidth <= frame.clientWidth"


@pytest.fixture(scope="module")
def wide_page(tmp_path_factory):
    """A report of a recommender: units, and all metrics, of which five have a bound and one is marked."""
    report = report_pages.make_report()
    value = report.slices[0].metrics["auc"]
    metrics = {name: value for name in METRICS.values() if name != "example_count"}
    rows = {"example_count": report.slices[0].metrics["example_count"]}
    slices = tuple(
        replace(item, units=5, metrics={**rows, **metrics}, differs=("recall",), to_rest={"recall": value})
        for item in report.slices
    )
    kept = [Check(kind, "overall", "≥ 0.7", 0.75, (0.73, 0.77), None, 0.05) for kind in BOUNDED[:4]]
    kept.append(Check("GroupNDCG against baseline", "overall", "≥ -0.1", 0.0, (-0.01, 0.01), None, 0.1))
    path = tmp_path_factory.mktemp("page") / "index.html"
    wide = replace(report, slices=slices, verdict=replace(report.verdict, checks=tuple(kept)))
    path.write_text(render(wide, report_pages.DIGEST), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def chromium():
    with launched() as browser:
        yield browser


def shown_columns(page):
    return page.locator("#slice-table thead th:visible").evaluate_all("heads => heads.map((head) => head.textContent)")


def test_a_table_starts_with_the_columns_that_fit_and_names_the_others(chromium, wide_page):
    with opened(chromium, wide_page, viewport={"width": 1440, "height": 900}) as found:
        frame = found.page.locator(".scroll:has(> #slice-table)")
        assert frame.evaluate(FITS)
        left = [name for name in METRICS if name not in shown_columns(found.page) and name != "ExampleCount"]
        assert left
        words = found.page.locator(".left-out").first.inner_text()
        assert words.startswith("Columns without a bound or mark that do not fit: ")
        assert all(name in words for name in left)
        found.page.get_by_role("button", name="Show all columns").click()
        assert len(shown_columns(found.page)) == 4 + len(METRICS) - 1
        assert found.page.locator(".left-out").first.inner_text() == ""
        found.page.reload()
        assert len(shown_columns(found.page)) == 4 + len(METRICS) - 1
        assert found.complaints == []


@pytest.mark.parametrize("width", [390, 1024, 1440])
def test_metrics_with_a_bound_or_a_mark_are_always_there(chromium, wide_page, width):
    with opened(chromium, wide_page, viewport={"width": width, "height": 900}) as found:
        assert {"Slice", "Rows", *BOUNDED, "Recall"} <= set(shown_columns(found.page))
        assert found.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_table_that_fits_has_all_columns(chromium, tmp_path):
    report = report_pages.make_report()
    path = tmp_path / "index.html"
    path.write_text(render(report, report_pages.DIGEST), encoding="utf-8")
    with opened(chromium, path, viewport={"width": 1440, "height": 900}) as found:
        assert len(shown_columns(found.page)) == 3 + len(report.slices[0].metrics) - 1
        assert found.page.locator(".left-out").first.inner_text() == ""
