"""What needs attention, found in reports with one fact changed at a time."""

from dataclasses import replace

import pytest
from fakes import report_pages
from fakes.report.page_parser import PageParser

from components.evaluation.verdict import Check, Measurement, Verdict
from components.slice_report import facts as f
from components.slice_report.analysis.attention import MOST, Severity, attention, split
from components.slice_report.page import render

KEPT = Check("AUC", "overall", "≥ 0.7", 0.75, (0.73, 0.77), None, 0.05)
CLOSE = Check("AUC", "sex=Male", "≥ 0.7", 0.71, (0.69, 0.73), None, 0.01, risk=0.16)
BELOW_FOUR_FIFTHS = f.Gap("selection", "Male", "Female", 0.1, 0.63, ratio_interval=(0.5, 0.79))
NOT_CONFIRMED = Measurement(0.2, (-0.1, 0.5))
SUSPECTS = f.LabelSuspects(0.05, 0.05, (f.LabelTail(1, 900, 70, 21.3, 1e-9), f.LabelTail(0, 40, 1, 0.8, 0.6)))
MISSED = Check("AUC", "sex=Female", "≥ 0.8", 0.7, (0.66, 0.74), 0.1, -0.1)


@pytest.fixture(scope="module")
def full():
    return report_pages.make_report()


@pytest.fixture(scope="module")
def calm(full):
    """A report in which nothing needs attention."""
    data = replace(full.data, gate=(), drift=(), leaks=(f.Leak("rows", "test", "train", 0, 0.0),))
    return replace(
        full,
        verdict=Verdict(True, 2000, (KEPT,)),
        data=data,
        training=replace(full.training, warnings=()),
        weak=replace(full.weak, found=()),
        fairness=(),
    )


def kinds(report: f.Report) -> list[str]:
    return [line.kind for line in attention(report)]


def test_a_calm_report_has_no_line_and_says_so(calm):
    assert attention(calm) == ()
    assert "Needs attentionNothing needs attention." in PageParser(render(calm, report_pages.DIGEST)).text


def test_each_finding_is_one_line_and_the_most_severe_come_first(full):
    lines = attention(full)
    assert [line.severity for line in lines] == sorted((line.severity for line in lines), reverse=True)
    assert kinds(full) == [
        "missed bound", "missed bound", "leakage", "impact ratio", "training warning", "drift", "weak segment",
        "accepted anomaly", "shared ids",
    ]  # fmt: skip


def with_data(report: f.Report, **facts) -> f.Report:
    return replace(report, data=replace(report.data, **facts))


def entry(outcome: str, column: str = "city") -> f.GateEntry:
    return f.GateEntry(outcome, column, "RULE", "seen", "test", "ERROR")


def test_each_fact_gives_its_line(calm):
    segment = f.Segment((("sex", "Male"),), 90, 0.045, 0.7, 0.5, 0.001, excess=Measurement(0.2, (0.1, 0.3)))
    cases = {
        "failure": replace(calm, run=replace(calm.run, failed_at="Trainer")),
        "missed bound": replace(calm, verdict=Verdict(False, 2000, (KEPT, MISSED))),
        "close bound": replace(calm, verdict=Verdict(True, 2000, (KEPT, CLOSE))),
        "regression": replace(calm, slices=(calm.slices[0], replace(calm.slices[1], regressed=("auc",)))),
        "blocked anomaly": with_data(calm, gate=(entry("blocked"),)),
        "missing part": replace(calm, missing=(f.Missing("quality", "Evaluator failed"),)),
        "label suspects": replace(calm, suspects=SUSPECTS),
        "impact ratio": replace(calm, fairness=(f.Sensitive("sex", (), (BELOW_FOUR_FIFTHS,)),)),
        "leakage": with_data(calm, leaks=(f.Leak("rows", "test", "train", 3, 0.0015),)),
        "training warning": replace(calm, training=replace(calm.training, warnings=("Units are dead.",))),
        "drift": with_data(calm, drift=(f.Drift("age", "Jensen-Shannon", 0.2, 0.1),)),
        "weak segment": replace(calm, weak=replace(calm.weak, found=(segment,))),
        "accepted anomaly": with_data(calm, gate=(entry("accepted"),)),
        "shared ids": with_data(calm, leaks=(f.Leak("user_id", "test", "train", 900, 0.45),)),
    }
    assert {kind: kinds(report) for kind, report in cases.items()} == {kind: [kind] for kind in cases}


@pytest.mark.parametrize(
    "quiet",
    [
        lambda calm: with_data(calm, gate=(entry("below level"),)),
        lambda calm: with_data(calm, drift=(f.Drift("age", "Jensen-Shannon", 0.1, 0.1),)),
        lambda calm: replace(calm, missing=(f.Missing("baseline", "no baseline yet"),)),
        lambda calm: replace(
            calm,
            weak=replace(
                calm.weak, found=(f.Segment((("sex", "Male"),), 90, 0.045, 0.7, 0.5, 0.001, excess=NOT_CONFIRMED),)
            ),
        ),
        lambda calm: with_data(calm, leaks=(f.Leak("user_id", "test", "train", 0, 0.0),)),
    ],
)
def test_what_is_as_it_should_be_gives_none(calm, quiet):
    assert kinds(quiet(calm)) == []


def test_a_verdict_without_a_missed_bound_that_blesses_nothing_is_said(calm):
    (line,) = attention(replace(calm, verdict=Verdict(False, 2000, (KEPT,))))
    assert (line.text, line.severity) == ("Not blessed, although no listed bound is missed", Severity.BLOCKING)


@pytest.mark.parametrize(("blessed", "severity"), [(True, Severity.SERIOUS), (False, Severity.BLOCKING)])
def test_a_bound_that_is_too_close_blocks_if_it_withheld_the_blessing(calm, blessed, severity):
    (line,) = attention(replace(calm, verdict=Verdict(blessed, 2000, (KEPT, CLOSE))))
    assert (line.kind, line.severity, line.subject) == ("close bound", severity, "sex=Male")
    assert "0.6900 … 0.7300 contains its bound of ≥ 0.7, which it misses with a probability of 16 %" in line.text


def test_a_bound_that_is_too_close_does_not_block_where_another_is_missed(calm):
    found = {
        line.kind: line.severity for line in attention(replace(calm, verdict=Verdict(False, 2000, (CLOSE, MISSED))))
    }
    assert found == {"close bound": Severity.SERIOUS, "missed bound": Severity.BLOCKING}


@pytest.mark.parametrize(
    ("metric", "value", "before", "error", "kind"),
    [
        ("AUC", 0.7, 0.8, 0.1, True),
        ("AUC", 0.8, 0.7, 0.1, False),
        ("Calibration", 1.051, 0.95, 0.01, False),
        ("Calibration", 1.2, 1.1, 0.01, True),
        ("Calibration", 1.2, 1.1, 0.2, False),
    ],
)
def test_a_metric_of_all_rows_that_is_worse_than_the_baseline_is_said(calm, metric, value, before, error, kind):
    change = value - before
    sure = Measurement(change, (change - 0.01, change + 0.01))
    candidate = Measurement(value, (value - error, value + error))
    one = f.Comparison(metric, "", candidate, Measurement(before), None, sure, None)
    assert kinds(replace(calm, comparisons=(one,))) == ["overall regression"] * kind
    unsure = replace(one, to_baseline=Measurement(change, (-0.3, 0.3)))
    assert kinds(replace(calm, comparisons=(unsure,))) == []


def test_a_group_of_which_no_row_is_selected_has_the_interval_of_the_difference(calm):
    none_selected = f.Gap("selection", "Male", "Female", 0.5, 0.0, (0.456, 0.544))
    (line,) = attention(replace(calm, fairness=(f.Sensitive("sex", (), (none_selected,)),)))
    assert line.text.endswith("(29 CFR 1607.4 D): 0.00, difference 0.46 … 0.54")


def test_a_bound_without_a_value_says_why(calm):
    absent = Check("Recall", "city=Bergen", "≥ 0.1", None, None, None, None, "no such slice in the data")
    (line,) = attention(replace(calm, verdict=Verdict(False, 2000, (absent,))))
    assert line.text == "Recall could not be measured (no such slice in the data), its bound is ≥ 0.1"
    assert line.subject == "city=Bergen"


def test_the_weak_segments_that_cost_most_are_named(calm):
    def segment(value, rows, excess):
        measured = Measurement(excess, (excess / 2, 2 * excess))
        return f.Segment((("city", value),), rows, 0.1, 0.5 + excess, 0.5, 0.01, excess=measured)

    found = (segment("bitter", 30, 0.9), segment("large", 1000, 0.1), segment("larger", 2000, 0.1))
    lines = attention(replace(calm, weak=replace(calm.weak, found=found)))
    assert [line.subject for line in lines] == ["city = larger", "city = large"]


def test_a_column_with_many_anomalies_is_named_once(calm):
    entries = [entry("accepted", column) for column in ("city", "city", *"abcdef")]
    (line,) = attention(with_data(calm, gate=tuple(entries)))
    assert line.subject == "city, a, b, c, d and 2 more"


def with_warnings(report: f.Report, number: int) -> f.Report:
    warnings = tuple(f"Warning {index}." for index in range(number))
    return replace(report, training=replace(report.training, warnings=warnings))


@pytest.mark.parametrize(("lines", "shown", "rest"), [(6, 6, 0), (7, 7, 0), (8, 6, 2), (20, 6, 14)])
def test_there_are_at_most_seven_lines(calm, lines, shown, rest):
    report = with_warnings(calm, lines)
    assert tuple(map(len, split(attention(report)))) == (shown, rest)
    box = render(report, report_pages.DIGEST).split('id="attention"')[1].split("</ul>")[0]
    assert box.count("<li>") == min(lines, MOST)
    assert (f"{rest} more" in box) == bool(rest)


def test_each_line_links_to_something_on_the_page(full):
    page = render(full, report_pages.DIGEST)
    anchors = {line.anchor for line in attention(full)}
    assert anchors <= set(PageParser(page).ids)
    assert all(f'href="#{anchor}"' in page for anchor in anchors)


def test_label_suspects_are_counted_in_the_tails_that_have_too_many(calm):
    (line,) = attention(replace(calm, suspects=SUSPECTS))
    assert line.text.startswith(
        "70 test rows have a label that contradicts a confident score, by the scores it should be 21.3: wrong"
    )
    usual = replace(SUSPECTS, tails=tuple(replace(tail, p_value=0.026) for tail in SUSPECTS.tails))
    assert attention(replace(calm, suspects=usual)) == ()


def test_two_label_suspects_are_no_pattern_and_the_expectation_of_three_is_not_rounded_to_zero(calm):
    def lines(suspects):
        tail = replace(SUSPECTS.tails[0], suspects=suspects, expected=0.0189, p_value=1e-5)
        return attention(replace(calm, suspects=replace(SUSPECTS, tails=(tail, SUSPECTS.tails[1]))))

    assert lines(2) == ()
    (line,) = lines(3)
    assert line.text.startswith("3 test rows have a label")
    assert "it should be 0.019: " in line.text
