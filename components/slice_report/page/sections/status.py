"""The status of the report: what was decided, whether the model is served, and the commands for a reviewer."""

from markupsafe import Markup

from components.artifacts.record.sentences import Quoted, Sentence, when
from components.artifacts.record.status import Standing, unknown
from components.slice_report.page.html import Child, tag

MARKS = {"good": "✓ ", "bad": "✗ ", "open": ""}
BANNERS = {"good": "banner good", "bad": "banner bad", "open": "note"}


def status_part(standing: Standing | None) -> Markup:
    """Draw the status; without one, say that it is not known."""
    status = standing.status if standing else unknown("")
    words: list[Child] = [MARKS[status.tone], tag("strong", first(status.sentences[0])), rest(status.sentences[1:])]
    commands = [
        tag("p", f"{what}: ", tag("code", command)) for what, command in (standing.commands if standing else ())
    ]
    return tag(
        "section",
        tag("p", words, class_=BANNERS[status.tone], id="decision"),
        commands,
        drawn(standing) if standing else None,
        id="status",
        aria_label="Status",
    )


def first(sentence: Sentence) -> list[Child]:
    """Draw a sentence; what people wrote is isolated, so that right-to-left text affects nothing around it."""
    return [tag("bdi", part) if isinstance(part, Quoted) else part for part in sentence]


def rest(sentences: tuple[Sentence, ...]) -> list[Child]:
    return [[" ", first(sentence)] for sentence in sentences]


def drawn(standing: Standing) -> Markup:
    """Say as of when the status is, since a page does not change by itself."""
    moment = tag("time", when(standing.drawn_at), datetime=standing.drawn_at, id="drawn")
    return tag(
        "p", "As ML Metadata had it at ", moment, ". Draw the page again for the status of today.", class_="muted"
    )
