"""The model card as Markdown."""

from collections.abc import Iterator

from components.slice_report.facts import Report
from components.slice_report.page.card.annex import NOTE, annex
from components.slice_report.page.card.drawn import head
from components.slice_report.page.card.parts import Blank, Block, Facts, Part, Rows, Words, blanks
from components.slice_report.page.formats import counted
from components.slice_report.page.markdown import escaped, table


def model_card(report: Report) -> str:
    """Return ``model_card.md``: CommonMark with tables, in which all text from the data is escaped."""
    card = report.card
    if card is None:
        return f"# {escaped(report.run.workload)}\n\nThe workload has no model card.\n"
    parts = annex(report, card)
    lines = [f"# {escaped(card.title)}", "", escaped(card.summary), ""]
    lines += [*listed(head(report, card)), "", f"{escaped(NOTE)} {counted(len(list(blanks(parts))), 'blank')}.", ""]
    return "\n".join([*lines, *(line for part in parts for line in write_part(part))])


def listed(known: list[tuple[str, str]]) -> Iterator[str]:
    yield from (f"- {escaped(key)}: {escaped(value)}" for key, value in known if value)


def write_part(part: Part) -> Iterator[str]:
    yield from (f"## {part.number}. {part.heading}", "")
    for item in part.points:
        yield from (f"### {item.heading}, {escaped(item.number)}", "")
        for block in item.blocks:
            yield from (*write(block), "")


def write(block: Block) -> Iterator[str]:
    match block:
        case Words(sentences):
            yield from (f"- {escaped(sentence)}" for sentence in sentences)
        case Facts(known):
            yield from listed(list(known))
        case Rows(caption, headings, rows):
            yield from (f"{escaped(caption)}:", "", table(headings, rows).rstrip("\n"))
        case Blank(who):
            yield f"> **To be filled in** by {who}."
