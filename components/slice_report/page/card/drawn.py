"""The model card on the page."""

from markupsafe import Markup

from components.slice_report.facts import Card, Report
from components.slice_report.page.card import facts as measured
from components.slice_report.page.card.annex import NOTE, annex
from components.slice_report.page.card.parts import Blank, Block, Facts, Part, Point, Rows, Words, blanks
from components.slice_report.page.formats import counted
from components.slice_report.page.html import details, name, pairs, row, table, tag
from components.slice_report.page.sections.section import missing_notes, section

SHORT = 24


def card_section(report: Report) -> Markup:
    """Draw the card; its sections are folded, and say how many blanks they have."""
    card = report.card
    if card is None:
        return section("card", missing_notes(report, "card"))
    parts = annex(report, card)
    return section(
        "card",
        tag("h3", card.title),
        tag("p", card.summary),
        pairs((key, tag("bdi", value)) for key, value in head(report, card) if value),
        tag("p", NOTE, f" {counted(len(list(blanks(parts))), 'blank')}.", class_="muted"),
        [part_of_card(part) for part in parts],
    )


def head(report: Report, card: Card) -> list[tuple[str, str]]:
    """Return which model this is, who answers for it, and on which terms."""
    known = dict(measured.identity(report, card))
    return [
        *((key, known[key]) for key in ("Version", "Date", "Verdict")),
        ("Provider", card.provider),
        ("Contact", card.contact),
        ("Licence", card.licence),
    ]


def part_of_card(part: Part) -> Markup:
    empty = len(list(blanks([part])))
    summary = f"{part.number}. {part.heading}" + (f" ({counted(empty, 'blank')})" if empty else "")
    return details(summary, [point_of_card(item) for item in part.points], class_="card")


def point_of_card(item: Point) -> Markup:
    number = tag("small", f" {item.number}")
    return tag("h4", item.heading, number) + Markup().join(draw(block) for block in item.blocks)


def draw(block: Block) -> Markup:
    match block:
        case Words(sentences):
            return tag("ul", [tag("li", sentence) for sentence in sentences])
        case Facts(known):
            return pairs((name(key), tag("bdi", value)) for key, value in known)
        case Rows(caption, headings, rows):
            drawn = (row(name(cells[0]), list(map(cell, cells[1:]))) for cells in rows)
            return table(f"Model card: {caption}", headings, drawn)
        case Blank(who):
            return tag("p", tag("strong", "To be filled in"), f" by {who}.", class_="blank")


def cell(text: str) -> Markup:
    """Return a cell that does not break a short text, such as an interval."""
    return tag("td", name(text), class_="short" if len(text) <= SHORT else None)
