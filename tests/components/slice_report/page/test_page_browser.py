"""The page in Chromium without a network: it asks for nothing, complains of nothing, and does what a reader wants."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import report_pages
from fakes.browser import OpenPage, launched, opened

from components.evaluation.units import independent
from components.slice_report import facts as f
from components.slice_report.analysis.fairness import sensitive
from components.slice_report.page import render
from pipeline.label import Label

from test_page_render import HOSTILE, big_report  # isort: skip
from components.artifacts.decision import Decision


@pytest.fixture(scope="module")
def chromium():
    with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def report():
    return report_pages.make_report()


@pytest.fixture(scope="module")
def page_file(report, tmp_path_factory) -> Path:
    return written(render(report, report_pages.DIGEST), tmp_path_factory.mktemp("page"))


def written(content: str, folder: Path) -> Path:
    path = folder / "index.html"
    path.write_text(content, encoding="utf-8")
    return path


@pytest.fixture
def shown(chromium, page_file):
    with opened(chromium, page_file) as found:
        yield found
        assert (found.requests, found.complaints) == ([], [])


def visible_slices(shown: OpenPage) -> list[str]:
    return shown.page.eval_on_selector_all(
        "#slice-table tbody tr:not([hidden])", "rows => rows.map((row) => row.cells[0].dataset.v)"
    )


def test_a_page_asks_for_nothing_and_draws_its_curves(shown):
    assert shown.page.locator("#quality-charts svg").count() == 5
    assert shown.page.locator("#quality-charts svg").first.get_attribute("aria-label").startswith("ROC")
    assert "undefined" not in shown.page.locator("#quality").inner_text()


def test_nothing_can_be_fetched_or_run_even_with_a_network(chromium, page_file):
    with opened(chromium, page_file) as found:
        found.page.evaluate("const i = new Image(); i.src = 'https://example.invalid/x.png'; document.body.append(i)")
        found.page.evaluate(
            "const s = document.createElement('script'); s.textContent = 'window.ran = 1'; document.body.append(s)"
        )
        found.page.wait_for_timeout(100)
        assert found.page.evaluate("window.ran") is None
        assert any("Content Security Policy" in text for text in found.complaints)


def test_a_heading_sorts_in_both_directions(shown, report):
    rows = {item.name: item.rows for item in report.slices}
    heading = shown.page.get_by_role("columnheader", name="Rows").locator("visible=true").first
    heading.get_by_role("button").click()
    assert visible_slices(shown) == sorted(visible_slices(shown), key=rows.__getitem__)
    assert heading.get_attribute("aria-sort") == "ascending"
    heading.get_by_role("button").press("Enter")
    assert visible_slices(shown) == sorted(visible_slices(shown), key=rows.__getitem__, reverse=True)


def test_names_sort_alphabetically(shown):
    shown.page.locator("#slice-table thead button").first.click()
    assert visible_slices(shown)[0].startswith("city=")


def test_slices_are_found_by_text_feature_and_flag(shown, report):
    shown.page.get_by_label("Find a slice").fill("SEX=")
    assert set(visible_slices(shown)) == {"sex=Female", "sex=Male"}
    assert shown.page.locator("#slices-shown").inner_text() == "2 of 7 slices shown."
    shown.page.get_by_label("Find a slice").fill("")
    shown.page.get_by_role("combobox", name="By").select_option("city")
    assert all(name.startswith("city=") for name in visible_slices(shown))
    shown.page.get_by_label("hide grey").check()
    assert "city=tiny" not in visible_slices(shown)
    shown.page.get_by_role("combobox", name="By").select_option("")
    shown.page.get_by_label("only").check()
    assert set(visible_slices(shown)) == {item.name for item in report.slices if item.differs and not item.too_small}


def test_the_line_below_a_value_can_be_chosen(shown):
    cell = shown.page.locator("#slice-table tbody tr").nth(1).locator("td").nth(2)
    assert cell.locator(".interval").is_visible()
    shown.page.get_by_label("Below each value").select_option("baseline")
    assert cell.locator(".baseline").inner_text().startswith("+0.0100 (")
    assert not cell.locator(".interval").is_visible()


def test_a_slice_opens_with_metrics_and_curves_and_closes_by_keyboard(shown, report):
    button = shown.page.get_by_role("button", name="sex=Female")
    button.focus()
    button.press("Enter")
    dialog = shown.page.get_by_role("dialog", name="sex=Female")
    assert dialog.locator("svg.c").count() == 5
    item = next(item for item in report.slices if item.name == "sex=Female")
    assert f"{item.metrics['auc'].value:.4f}" in dialog.get_by_role("row", name="AUC").inner_text()
    words = dialog.get_by_role("img", name="ROC").get_attribute("aria-label")
    assert f"{sum(item.scores.positives)} positives" in words
    shown.page.keyboard.press("Escape")
    assert not dialog.is_visible()
    assert button.evaluate("button => button === document.activeElement")


def rates_on_page(shown: OpenPage, index: int) -> list[list[str]]:
    return shown.page.locator(".sensitive").nth(index).locator("table.groups tbody tr").evaluate_all(
        "rows => rows.map((row) => [...row.querySelectorAll('[data-rate]')].map((cell) => cell.innerText))"
    )  # fmt: skip


def gaps_on_page(shown: OpenPage, index: int) -> list[list[str]]:
    return shown.page.locator(".sensitive").nth(index).locator("table.gaps tbody tr").evaluate_all(
        "rows => rows.map((row) => [...row.cells].map((cell) => cell.innerText))"
    )  # fmt: skip


def without_intervals(gap: f.Gap) -> f.Gap:
    return replace(gap, difference_interval=None, ratio_interval=None)


def numbers(text: str) -> list[float]:
    return [float(part) for part in re.findall(r"[\d.]+", text)]


def test_of_rows_in_units_a_moved_threshold_gives_rates_without_intervals(chromium, report, tmp_path):
    groups = tuple(replace(group, units=40, baseline={"tpr": 0.25}) for group in report.fairness[0].groups)
    clustered = replace(report, fairness=(replace(report.fairness[0], groups=groups),))
    with opened(chromium, written(render(clustered, report_pages.DIGEST), tmp_path)) as found:
        before = rates_on_page(found, 0)
        assert all("…" in row[1] and "baseline 0.2500" in row[1] for row in before)
        found.page.get_by_role("slider").first.fill("60")
        assert all(len(numbers(cell)) == 1 for row in rates_on_page(found, 0) for cell in row)
        found.page.get_by_role("slider").first.fill("100")
        assert rates_on_page(found, 0) == before


def test_moving_the_threshold_gives_the_rates_gaps_and_matrix_of_the_report(shown, chromium, report, tmp_path):
    before = [rates_on_page(shown, 0), gaps_on_page(shown, 0), rates_on_page(shown, 1), gaps_on_page(shown, 1)]
    slider = shown.page.get_by_role("slider").first
    slider.fill("60")
    table = report_pages.make_rows()
    units = independent(table.num_rows)
    fairness = tuple(sensitive(table, Label("label"), name, 0.3, units) for name in ("sex", "city"))
    # Gaps have no intervals at another threshold.
    fairness = tuple(replace(one, gaps=tuple(map(without_intervals, one.gaps))) for one in fairness)
    moved = replace(report, decision_threshold=0.3, fairness=fairness)
    with opened(chromium, written(render(moved, report_pages.DIGEST), tmp_path)) as expected:
        for index in (0, 1):
            for found, drawn in zip(rates_on_page(shown, index), rates_on_page(expected, index), strict=True):
                assert [numbers(cell) for cell in found] == [pytest.approx(numbers(cell), abs=5e-4) for cell in drawn]
            assert gaps_on_page(shown, index) == gaps_on_page(expected, index)
        matrix = "#confusion"
        assert shown.page.inner_text(matrix) == expected.page.inner_text(matrix)
        assert shown.page.inner_text("#confusion-rates") == expected.page.inner_text("#confusion-rates")
    assert shown.page.locator("output").all_inner_texts() == ["0.3000", "0.3000"]
    shown.page.get_by_role("button", name="reset").first.click()
    after = [rates_on_page(shown, 0), gaps_on_page(shown, 0), rates_on_page(shown, 1), gaps_on_page(shown, 1)]
    assert after == before


def test_moved_rates_are_labelled_with_their_threshold_also_in_print(shown):
    labels = shown.page.locator(".at")
    assert set(labels.all_inner_texts()) == {"0.5000"}
    shown.page.get_by_role("slider").first.fill("60")
    shown.page.emulate_media(media="print")
    assert labels.all_inner_texts() == ["0.3000, moved from 0.5000"] * 3
    assert all(label.is_visible() for label in labels.all())
    shown.page.emulate_media(media="screen")
    shown.page.get_by_role("button", name="reset").first.click()
    assert set(labels.all_inner_texts()) == {"0.5000"}


def test_the_matrix_counts_the_rows(shown):
    table = report_pages.make_rows()
    label, decided = table["label"].to_numpy(), table["score"].to_numpy().astype(float) > 0.5
    cells = shown.page.eval_on_selector_all(
        "#confusion [data-count]", "cells => cells.map((cell) => [cell.dataset.count, cell.innerText])"
    )
    found = {key: int(text.replace(",", "")) for key, text in cells}
    expected = {
        "tp": label & decided,
        "fp": (1 - label) & decided,
        "fn": label & ~decided,
        "tn": (1 - label) & ~decided,
    }
    assert found == {key: int(rows.sum()) for key, rows in expected.items()}


def test_dark_follows_the_system_and_the_button(chromium, page_file):
    background = "getComputedStyle(document.body).backgroundColor"
    with opened(chromium, page_file, color_scheme="dark") as found:
        assert found.page.evaluate(background) == "rgb(13, 17, 23)"
        found.page.get_by_role("button", name="Dark or light").click()
        assert found.page.evaluate(background) == "rgb(255, 255, 255)"


def test_a_printed_page_has_every_part_and_no_controls(chromium, page_file):
    with opened(chromium, page_file) as found:
        found.page.emulate_media(media="print")
        found.page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert not found.page.locator("nav").is_visible()
        assert found.page.locator("details:not([open])").count() == 0
        assert found.page.locator("caption", has_text="Statistics by column and split").is_visible()
        # A4 at 96 dots an inch, less narrow margins.
        found.page.set_viewport_size({"width": 754, "height": 1000})
        assert found.page.locator("#slice-table").evaluate("table => table.offsetWidth <= window.innerWidth")
        found.page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert found.page.locator("details[open]").count() == 0
        assert found.page.pdf().startswith(b"%PDF")


def test_tables_are_shown_without_javascript(chromium, page_file, report):
    with opened(chromium, page_file, java_script_enabled=False) as found:
        assert found.page.locator("#slice-table tbody tr").count() == len(report.slices)
        assert "need JavaScript" in found.page.locator("#quality noscript").inner_text()


def test_hostile_data_runs_nothing_in_a_browser(chromium, report, tmp_path):
    slices = tuple(
        replace(item, features=(("city", text),)) for item, text in zip(report.slices[1:] * 2, HOSTILE, strict=False)
    )
    groups = tuple(replace(group, value=text) for group, text in zip(report.fairness[1].groups, HOSTILE, strict=False))
    hostile = replace(
        report, slices=(report.slices[0], *slices), fairness=(replace(report.fairness[1], groups=groups),)
    )
    decision = Decision("approved", HOSTILE[0], HOSTILE[2], "", "")
    path = written(render(hostile, report_pages.DIGEST, report_pages.standing(decision), other=hostile), tmp_path)
    with opened(chromium, path) as found:
        found.page.on("dialog", lambda dialog: pytest.fail(dialog.message))
        found.page.get_by_role("slider").first.fill("60")
        found.page.locator("#slice-table tbody button").nth(1).click()
        assert found.page.locator("dialog svg.c").count() == 5
        assert (found.requests, found.complaints) == ([], [])


def test_a_comparison_and_a_bare_report_open(chromium, report, tmp_path):
    bare = f.Report(f.SCHEMA_VERSION, f.Run("demo", "1", "demo", "label"), (), 0.5, "auc")
    for name, drawn in {
        "both": render(report, "", other=report),
        "bare": render(bare, ""),
        "none": render(report, "", other=bare),
    }.items():
        (tmp_path / name).mkdir()
        with opened(chromium, written(drawn, tmp_path / name)) as found:
            assert (found.requests, found.complaints) == ([], [])


def test_a_large_page_opens_quickly(chromium, tmp_path):
    path = written(render(big_report(), report_pages.DIGEST), tmp_path)
    with opened(chromium, path) as found:
        timing = json.loads(found.page.evaluate("JSON.stringify(performance.getEntriesByType('navigation')[0])"))
        # The limit is 2 s on an idle machine; one that is busy may take longer.
        assert timing["loadEventEnd"] < 8000
        assert found.page.locator("#slice-table tbody tr").count() == 501
