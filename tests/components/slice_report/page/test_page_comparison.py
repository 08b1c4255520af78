"""The comparison of two runs on the page."""

import re
from dataclasses import replace

import pytest
from fakes import report_pages
from fakes.report.page_parser import PageParser

from components.evaluation.verdict import Measurement
from components.slice_report import facts as f
from components.slice_report.page import render


@pytest.fixture(scope="module")
def report():
    return report_pages.make_report()


def against(report, other) -> str:
    """The section that sets a report against another."""
    return render(report, report_pages.DIGEST, None, other).split('id="against"')[1].split("</section>")[0]


def test_exact_areas_are_not_compared_with_areas_over_thresholds(report):
    exact, stock = (replace(report, areas=areas) for areas in ("exact", "stock"))
    for section, alike in ((against(exact, exact), True), (against(exact, stock), False)):
        assert ("They cannot be compared" in section) != alike
        (row,) = re.findall(r"<tr><th scope=.row.>AUC</th>.*?</tr>", section)
        assert (row.count(">–<") == 1) != alike
        (row,) = re.findall(r"<tr><th scope=.row.>Recall</th>.*?</tr>", section)
        assert ">–<" not in row


def test_metrics_within_other_groups_are_not_compared(report):
    metrics = report.slices[0].metrics | {"group_ndcg": report.slices[0].metrics["recall"]}
    slices = (replace(report.slices[0], metrics=metrics), *report.slices[1:])
    five, ten = (replace(report, slices=slices, ranked=f.RankedGroups(("user",), top, 9, 8, 7)) for top in (5, 10))
    for section, alike in ((against(five, five), True), (against(five, ten), False)):
        assert ("ranks rows within user at 5, the other within user at 10" in section) != alike
        (row,) = re.findall(r"<tr><th scope=.row.>GroupNDCG</th>.*?</tr>", section)
        assert (row.count(">–<") == 1) != alike
        (row,) = re.findall(r"<tr><th scope=.row.>Recall</th>.*?</tr>", section)
        assert ">–<" not in row


def test_a_float_slice_of_an_earlier_release_is_matched(report):
    def with_slice(text, kind):
        columns = tuple(replace(column, column="weight", type=kind) for column in report.data.columns[:1])
        some = replace(report.slices[1], features=(("weight", text),))
        return replace(report, slices=(report.slices[0], some), data=replace(report.data, columns=columns))

    before, now = "0.10000000149011612", "0.1"
    same = against(with_slice(now, "FLOAT"), with_slice(before, "FLOAT"))
    assert (same.count("weight=0.1"), before in same) == (1, False)
    texts = against(with_slice(now, "BYTES"), with_slice(before, "BYTES"))
    assert before in texts


def test_a_comparison_lists_the_differences(report):
    other = report_pages.make_report(
        report_pages.make_rows(seed=6), [[], [("sex", "Male")], [("sex", "Male"), ("city", "Oslo")]]
    )
    other = replace(other, lineage=replace(other.lineage, config=(("training.epochs", "9"),)))
    page = render(report, report_pages.DIGEST, other=other)
    text = PageParser(page).text
    assert "Against run" in text
    here, there = (item.slices[0].metrics["auc"].value for item in (report, other))
    assert f"{abs(here - there):.4f}" in page.split('id="against"')[1].split("</section>")[0]
    assert "training.learning_rate" in page.split('id="against"')[1].split("</section>")[0]


def test_differences_that_are_not_tested_are_not_called_better_or_worse(report):
    lower = {metric: replace(one, value=one.value - 1e-4) for metric, one in report.slices[0].metrics.items()}
    section = against(report, replace(report, slices=(replace(report.slices[0], metrics=lower), *report.slices[1:])))
    assert "+0.0001" in section
    assert re.findall("better|worse", section) == []
    assert section.count("are not tested") == 1


def test_calibration_is_worse_only_where_the_side_of_1_is_clear(report):
    sure = Measurement(0.101, (0.096, 0.106))
    one = f.Comparison("Calibration", "one", Measurement(1.051), Measurement(0.950), None, sure, None)
    farther = replace(one, candidate=Measurement(1.151, (1.13, 1.17)), baseline=Measurement(1.05))
    noisy = replace(farther, candidate=Measurement(1.151, (0.9, 1.5)))
    words = []
    for comparison in (one, farther, noisy):
        page = render(replace(report, comparisons=(comparison,)), report_pages.DIGEST)
        words.append("(worse)" in page.split('id="comparisons"')[1].split("</table>")[0])
    assert words == [False, True, False]
