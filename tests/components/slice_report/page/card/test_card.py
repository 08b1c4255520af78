"""The model card in both forms: every point of Annex IV is there, filled or marked as a blank."""

import json
from dataclasses import fields, replace

import pytest
from fakes import report_pages
from fakes.report.page_parser import PageParser
from markdown_it import MarkdownIt
from shipped import WORKLOAD_NAMES

from components.evaluation.verdict import Check, Measurement, Verdict
from components.slice_report import facts as f
from components.slice_report.facts.encoding import from_json, to_json
from components.slice_report.page import model_card
from components.slice_report.page.card import card_section
from components.slice_report.page.card.annex import annex
from components.slice_report.page.card.facts import MOST_SLICES
from components.slice_report.page.card.parts import Blank, blanks
from pipeline.workloads.contract import load_workload

READER = MarkdownIt("commonmark").enable("table")
POINTS = {
    *(f"1 ({letter})" for letter in "abcdefgh"), *(f"2 ({letter})" for letter in "abcdefgh"), *"3456789",
}  # fmt: skip


@pytest.fixture(scope="module")
def report():
    return report_pages.make_report()


def on_page(report: f.Report) -> str:
    """The text of the card's section."""
    return PageParser(str(card_section(report))).text


def both_forms(report: f.Report) -> tuple[str, str]:
    return on_page(report), PageParser(READER.render(model_card(report))).text


def documented(report: f.Report, **known) -> f.Report:
    return replace(report, card=replace(report.card, documentation=f.Documentation(**known)))


def count_blanks(report: f.Report) -> int:
    return len(list(blanks(annex(report, report.card))))


def test_the_nine_sections_have_all_points_of_the_annex(report):
    parts = annex(report, report.card)
    assert [part.number for part in parts] == list(range(1, 10))
    assert {item.number for part in parts for item in part.points} == POINTS
    assert all(item.blocks for part in parts for item in part.points)
    for text in both_forms(report):
        for part in parts:
            assert f"{part.number}. {part.heading}" in text
            assert all(item.heading in text for item in part.points)


@pytest.mark.parametrize("field", [field.name for field in fields(f.Documentation)])
def test_each_point_is_a_blank_until_it_is_written(report, field):
    filled = documented(report, **{field: ("Ada knows this.",)})
    assert count_blanks(filled) == count_blanks(report) - 1
    for text in both_forms(filled):
        assert text.count("Ada knows this.") == 1
        assert text.count("To be filled in by") == count_blanks(filled)


@pytest.mark.parametrize("field", ["provider", "contact"])
def test_who_answers_for_the_model_is_a_blank_until_it_is_written(report, field):
    filled = replace(report, card=replace(report.card, **{field: "Ada Ltd"}))
    assert count_blanks(filled) == count_blanks(report) - 1
    assert all("Ada Ltd" in text for text in both_forms(filled))


@pytest.mark.parametrize("field", ["intended_use", "out_of_scope", "limits", "ethics"])
def test_an_empty_list_of_the_team_is_a_blank(report, field):
    emptied = replace(report, card=replace(report.card, **{field: ()}))
    assert count_blanks(emptied) == count_blanks(report) + 1


def test_a_blank_says_who_fills_it(report):
    found = set(blanks(annex(report, report.card)))
    assert {Blank("the provider"), Blank("the person responsible for risks")} <= found
    assert "To be filled in by the person responsible for risks." in on_page(report)


def test_the_version_is_the_teams_or_else_the_run(report):
    dated = replace(report, run=replace(report.run, run="20260102T030405.000006Z"))
    for text in both_forms(dated):
        assert "2026-01-02 03:04 UTC" in text
        assert "run 20260102T030405.000006Z" in text
        assert "run 20260101T000000.000000" in text
    numbered = replace(report, card=replace(report.card, version="7.1"))
    assert "- Version: 7.1\n" in model_card(numbered)


def test_the_record_fills_what_it_knows(report):
    known = replace(report, lineage=replace(report.lineage, commit="c0ffee+", signature_digest="s" * 64))
    overall = report.slices[0].metrics["auc"]
    for text in both_forms(known):
        for fact in (
            "c0ffee+", "abc", "m" * 64, "s" * 64, "3.10", "epochs", "3, weights of epoch 3", "1,500", "2,000",
            "1 accepted", "city: a new branch", "3 of test in train (0.1 %)", "city in test: 1", f"{overall.value:.4f}",
            f"{overall.interval[0]:.4f} … {overall.interval[1]:.4f}", "sex=Female", "city=tiny", "only 17 rows",
            "sex = Male and age = 17 … 24", "training.epochs", "BYTES, 3 values", "+0.0100", "CC0", "≥ 0.8", "missed",
        ):  # fmt: skip
            assert fact in text


def test_a_bound_that_is_too_close_to_call_is_not_said_to_be_kept(report):
    close = Check("AUC", "sex=Male", "≥ 0.7", 0.71, (0.69, 0.73), None, 0.01, risk=0.16)
    for text in both_forms(replace(report, verdict=Verdict(True, 2000, (close,)))):
        assert "too close to call" in text.split("Validation and tests")[1].split("Cybersecurity")[0]
        assert "its one bound is kept, 1 too close to call, on 2,000 test rows" in text


def test_without_a_checkout_the_commit_is_said_to_be_unknown(report):
    assert all("not known: the code was not in a Git checkout" in text for text in both_forms(report))


def test_a_card_of_many_slices_says_how_many_it_leaves_out(report):
    many = tuple(replace(report.slices[1], features=(("user", str(index)),)) for index in range(MOST_SLICES + 1))
    text = model_card(replace(report, slices=(report.slices[0], *many)))
    assert f"AUC by slice, the worst first, {MOST_SLICES} of {MOST_SLICES + 1}:" in text
    assert text.count("user=") == MOST_SLICES


def test_parts_that_a_report_lacks_are_named(report):
    bare = f.Report(f.SCHEMA_VERSION, report.run, (), 0.5, "auc", card=report.card)
    for text in both_forms(bare):
        for part in ("lineage", "training", "data", "evaluation"):
            assert f"This report has no {part}." in text
    first = replace(report, run=replace(report.run, baseline_run=None))
    assert "There is no earlier model to compare with." in on_page(first)


def test_tables_stay_tables_whatever_is_in_them(report):
    odd = Measurement(0.5, (0.4, 0.6))
    slices = tuple(
        replace(item, features=(("city", "a|b\n# c `d` <i>"),), metrics={"auc": odd}) for item in report.slices
    )
    tokens = READER.parse(model_card(replace(report, slices=(report.slices[0], *slices))))
    kinds = {token.type for token in tokens}
    assert "html_block" not in kinds
    assert sum(token.type == "table_open" for token in tokens) == 10
    assert [token.tag for token in tokens if token.type == "heading_open"].count("h2") == 9


def test_a_report_of_an_earlier_release_is_read_with_its_card(report):
    facts = json.loads(to_json(report))
    for name in ("version", "provider", "contact", "documentation"):
        del facts["card"][name]
    del facts["lineage"]["commit"]
    read = from_json(json.dumps(facts).encode(), "report.json")
    assert (read.card, read.lineage.commit) == (report.card, "")


@pytest.mark.parametrize("workload", WORKLOAD_NAMES)
def test_a_shipped_workload_says_what_its_team_knows(report, workload):
    card = load_workload(workload).card
    empty = {blank.who for blank in blanks(annex(replace(report, card=card), card))}
    assert card.provider
    assert card.contact
    assert all(getattr(card.documentation, field) for field in ("design", "data_collection", "metric_choice", "forms"))
    assert "the team that built the model" not in empty
