"""The sections of the card: those of Annex IV of Regulation (EU) 2024/1689, the EU AI Act.

A point is filled from the record of the run and from the workload's ``card.py``; what neither has is a blank that says
who can fill it (https://eur-lex.europa.eu/eli/reg/2024/1689/oj, Annex IV).
"""

from collections.abc import Callable
from typing import TypeAlias

from components.slice_report.facts import Card, Report
from components.slice_report.page.card import facts as measured
from components.slice_report.page.card.parts import Block, Facts, Part, Rows, Words, facts, point, told
from components.slice_report.page.meanings import MEANINGS

Section: TypeAlias = Callable[[Report, Card], Part]
PROVIDER, TEAM, DEPLOYER = "the provider", "the team that built the model", "those who put the model to use"
RISK, SECURITY = "the person responsible for risks", "the person responsible for security"
LEGAL = "the provider's counsel"
NOTE = (
    "The sections are those of Annex IV of the EU AI Act, Regulation (EU) 2024/1689: filled from the record of the run "
    "and from the workload's card.py, with a marked blank where only people know. Whether the regulation applies, and "
    "whether this is enough, the provider decides."
)


def annex(report: Report, card: Card) -> tuple[Part, ...]:
    """Return the nine sections."""
    return tuple(section(report, card) for section in SECTIONS)


def general(report: Report, card: Card) -> Part:
    text, lineage = card.documentation, report.lineage
    points = (
        point("1 (a)", "Intended purpose", Words((card.summary,)), told(card.intended_use, TEAM)),
        point("1 (a)", "Out of scope", told(card.out_of_scope, TEAM)),
        point("1 (a)", "Provider", told([card.provider] if card.provider else [], PROVIDER)),
        point("1 (a)", "Contact", told([card.contact] if card.contact else [], PROVIDER)),
        point("1 (a)", "Version and date", facts(measured.identity(report, card))),
        point("1 (b)", "Interaction with other systems", told(text.interaction, PROVIDER)),
        point(
            "1 (c)", "Versions of software", Facts(lineage.versions) if lineage else None, absent(lineage, "lineage")
        ),
        point("1 (d)", "Forms in which it is put into service", told(text.forms, PROVIDER)),
        point("1 (e)", "Hardware to run on", told(text.hardware, PROVIDER)),
        point("1 (f)", "Product that it is part of", told(text.product, PROVIDER)),
        point("1 (g)", "User interface", told(text.user_interface, PROVIDER)),
        point("1 (h)", "Instructions for use", told(text.instructions, PROVIDER)),
    )
    return Part(1, "General description", points)


def development(report: Report, card: Card) -> Part:
    text, lineage, training, data = card.documentation, report.lineage, report.training, report.data
    steps = facts(measured.training_facts(training)) if training else None
    settings = Rows("Training settings", ("Setting", "Value"), training.settings) if training else None
    origin = facts(measured.provenance(lineage)) if lineage else None
    review = facts([("Review before release", measured.config_value(report, "release.review"))])
    points = (
        point("2 (a)", "Steps of development", steps, settings, absent(training, "training")),
        point("2 (a)", "Models and tools of others", told(text.third_party, TEAM)),
        point("2 (b)", "Design and its reasons", facts(measured.quality_facts(report)), told(text.design, TEAM)),
        point("2 (c)", "Provenance", origin, absent(lineage, "lineage")),
        point("2 (d)", "Origin and labels of the data", Words((card.licence,)), told(text.data_collection, TEAM)),
        point("2 (d)", "Data: sizes and checks", data_facts(report), absent(data, "data")),
        point("2 (e)", "Human oversight", review, told(text.oversight, DEPLOYER)),
        point("2 (f)", "Changes decided beforehand", told(text.planned_changes, PROVIDER)),
        point("2 (g)", "Validation and tests", *tests(report), absent(report.verdict, "evaluation")),
        point("2 (h)", "Cybersecurity", told(text.security, SECURITY)),
    )
    return Part(2, "Elements and development", points)


def data_facts(report: Report) -> Facts | None:
    return facts(measured.data_facts(report, report.data)) if report.data else None


def tests(report: Report) -> tuple[Block, ...]:
    """Return the results of the tests that decided on the model."""
    verdict = facts([("Verdict", measured.verdict_in_words(report))])
    return verdict, measured.bound_table(report), measured.metric_table(report)


def absent(fact: object, part: str) -> Words | None:
    """Say that the report lacks a part."""
    return Words((f"This report has no {part}.",)) if fact is None else None


def functioning(report: Report, card: Card) -> Part:
    text, data = card.documentation, report.data
    by_group = (measured.slice_table(report), measured.weak_table(report), measured.group_table(report))
    points = (
        point("3", "Limits", told(card.limits, TEAM)),
        point("3", "Performance by slice and by group", *by_group, absent(report.verdict, "evaluation")),
        point("3", "Ethical considerations", told(card.ethics, TEAM)),
        point("3", "Risks and outcomes that nobody intends", told(text.risks, RISK)),
        point("3", "Input data", measured.column_table(data) if data else None, absent(data, "data")),
    )
    return Part(3, "Monitoring, functioning and control", points)


def metrics(report: Report, card: Card) -> Part:
    """Return why the metrics suit the purpose."""
    names = dict.fromkeys(check.metric for check in (report.verdict.checks if report.verdict else ()))
    decisive = facts((name, MEANINGS.get(name, "")) for name in names)
    why = told(card.documentation.metric_choice, TEAM)
    return Part(4, "Choice of metrics", (point("4", "Metrics with a bound", decisive, why),))


def lifecycle(report: Report, card: Card) -> Part:
    before = report.run.baseline_run
    since = Words((f"Since run {before}:" if before else "There is no earlier model to compare with.",))
    points = (
        point("6", "Since the baseline", since, *measured.change_tables(report)),
        point("6", "Over the lifetime", told(card.documentation.changes, PROVIDER)),
    )
    return Part(6, "Changes", points)


def of_people(number: int, heading: str, field: str, who: str) -> Section:
    """Return a section that only people can write, in a field of ``Documentation``."""

    def written(report: Report, card: Card) -> Part:
        sentences: tuple[str, ...] = getattr(card.documentation, field)
        return Part(number, heading, (point(str(number), heading, told(sentences, who)),))

    return written


SECTIONS: tuple[Section, ...] = (
    general,
    development,
    functioning,
    metrics,
    of_people(5, "Risk management", "risk_management", RISK),
    lifecycle,
    of_people(7, "Standards applied", "standards", PROVIDER),
    of_people(8, "EU declaration of conformity", "conformity", LEGAL),
    of_people(9, "Monitoring after release", "monitoring", DEPLOYER),
)
