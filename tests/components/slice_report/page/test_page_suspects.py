"""Label suspects on the page, as text and in Chromium without a network."""

from dataclasses import replace

import pytest
from fakes import report_pages
from fakes.browser import launched, opened
from fakes.report.page_parser import PageParser

from components.slice_report import facts as f
from components.slice_report.page import render

TAILS = f.LabelTail(1, 900, 70, 21.3, 1e-9), f.LabelTail(0, 40, 1, 0.8, 0.6)
ROWS = f.WorstRows(("city",), ("age",), tuple(f.WorstRow(at, 1, 0.02, 3.9, ("Oslo",), (0.1,)) for at in (7, 9)),
                   (f.Scope("overall", (0, 1)), f.Scope(f.SUSPECTS, (1, 0))))  # fmt: skip


@pytest.fixture(scope="module")
def suspected():
    return replace(report_pages.make_report(), suspects=f.LabelSuspects(0.05, 0.05, TAILS), worst_rows=ROWS)


def part_of(report):
    page = render(report, report_pages.DIGEST)
    return PageParser(page[page.index('<h3 id="label-suspects"') :].split("</section>")[0]).text


def test_both_tails_are_counted_and_the_one_with_too_many_is_marked(suspected):
    text = part_of(suspected)
    assert "at most 0.0590070more than expected21.3< 0.0001" in text
    assert "at least 0.9540" in text
    assert text.count("more than expected") == 1
    assert "Suspects, most in doubt first" in text


def test_a_small_expectation_is_not_rounded_to_zero(suspected):
    few = replace(suspected.suspects, tails=(replace(TAILS[0], suspects=3, expected=0.0189), TAILS[1]))
    assert "0.059003more than expected0.019< 0.0001" in part_of(replace(suspected, suspects=few))


def test_two_suspects_are_not_more_than_expected(suspected):
    few = replace(suspected.suspects, tails=(replace(TAILS[0], suspects=2, expected=0.0189), TAILS[1]))
    assert "more than expected" not in part_of(replace(suspected, suspects=few))


def test_without_columns_that_may_be_shown_there_are_only_counts(suspected):
    text = part_of(replace(suspected, worst_rows=None))
    assert "more than expected" in text
    assert "report.example_columns names no column that may be" in text


def test_where_nothing_is_found_the_counts_are_shown_alone(suspected):
    usual = replace(suspected.suspects, tails=tuple(replace(tail, p_value=0.4) for tail in TAILS))
    text = part_of(replace(suspected, suspects=usual))
    assert "more than expected" not in text
    assert "most in doubt" not in text


def test_a_report_of_an_earlier_release_has_no_such_part(suspected):
    assert "label-suspects" not in render(replace(suspected, suspects=None), report_pages.DIGEST)


def test_the_line_in_the_box_leads_to_the_rows(suspected, tmp_path):
    only = replace(suspected, verdict=replace(suspected.verdict, checks=(), blessed=True), training=None, fairness=())
    path = tmp_path / "report.html"
    path.write_text(render(only, report_pages.DIGEST), encoding="utf-8")
    with launched() as browser, opened(browser, path) as shown:
        shown.page.get_by_role("link", name="label that contradicts a confident score").click()
        heading = shown.page.get_by_role("heading", name="Labels that contradict a confident score")
        assert 0 <= heading.bounding_box()["y"] < shown.page.viewport_size["height"]
        shown.page.get_by_text("Suspects, most in doubt first", exact=True).click()
        rows = shown.page.get_by_role("table", name="Suspects, most in doubt first").locator("tbody tr")
        assert rows.locator("td:first-child, th").first.inner_text() == "9"
        assert (shown.requests, shown.complaints) == ([], [])
