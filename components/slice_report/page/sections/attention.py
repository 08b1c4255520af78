"""The box right under the verdict: what a reviewer should look at first."""

from collections.abc import Sequence

from markupsafe import Markup

from components.slice_report.analysis.attention import Attention, Severity, attention, split
from components.slice_report.facts import Report
from components.slice_report.page.html import join, tag

# The word before a line, and its colour.
WORDS = {
    Severity.BLOCKING: ("blocking", "bad"),
    Severity.SERIOUS: ("serious", "warn"),
    Severity.NOTABLE: ("note", None),
}


def attention_box(report: Report) -> Markup:
    """Draw at most seven lines; the last may count the rest."""
    lines, rest = split(attention(report))
    heading = tag("h3", "Needs attention", id="attention-title")
    if not lines:
        return tag("div", heading, tag("p", "Nothing needs attention."), class_="attention", id="attention")
    items = [tag("li", severity_word(line), link(line)) for line in lines]
    if rest:
        items.append(tag("li", rest_line(rest)))
    return tag("div", heading, tag("ul", items), class_="attention", id="attention")


def severity_word(line: Attention) -> Markup:
    word, kind = WORDS[line.severity]
    return tag("strong", word, class_=kind)


def link(line: Attention) -> Markup:
    about = [": ", tag("bdi", line.subject)] if line.subject else None
    return tag("a", line.text, about, href=f"#{line.anchor}")


def rest_line(rest: Sequence[Attention]) -> Markup:
    """Say how many lines are left out, with a link to each of their places."""
    kinds = dict.fromkeys((line.kind, line.anchor) for line in rest)
    links = [tag("a", kind, href=f"#{anchor}") for kind, anchor in kinds]
    return join([tag("strong", f"{len(rest)} more"), tag("span", Markup(", ").join(links))])
