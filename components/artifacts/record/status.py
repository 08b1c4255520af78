"""The status of a report: what was decided on it, and whether its model is served. Pure functions of the record."""

from dataclasses import dataclass
from typing import Literal

from components.artifacts.decision import APPROVED, Decision
from components.artifacts.record.known import Facts
from components.artifacts.record.sentences import (
    BAD,
    UNRECORDED,
    Review,
    Sentence,
    Serving,
    baseline_sentences,
    review_sentences,
    serving_sentences,
)

Action = Literal["", "approve", "decide", "rollback", "run"]
Tone = Literal["good", "bad", "open"]


@dataclass(frozen=True)
class Status:
    """The status of a report in words; ``label`` is short, ``action`` is what a reviewer may do next."""

    review: Review
    serving: Serving
    label: str
    tone: Tone
    action: Action
    sentences: tuple[Sentence, ...]

    @property
    def text(self) -> str:
        """All sentences in one line."""
        return " ".join("".join(sentence) for sentence in self.sentences)


@dataclass(frozen=True)
class Standing:
    """The status of a report as a page shows it.

    Attributes:
        drawn_at: when it was read, ISO 8601, UTC.
        commands: what a reviewer may do next, as the words for it and the command line.
        decision: the decision that holds.
    """

    status: Status
    drawn_at: str
    commands: tuple[tuple[str, str], ...] = ()
    decision: Decision | None = None


def status_of(facts: Facts) -> Status:
    """Return the status that follows from what is recorded."""
    review, serving = review_state(facts), serving_state(facts)
    decided, served = review_sentences(facts, review), serving_sentences(facts, review, serving)
    # The first sentence stands out: what is damaged comes before who approved it.
    first = (*served, *decided) if facts.is_damaged else (*decided, *served)
    sentences = (*first, *baseline_sentences(facts.baseline))
    return Status(
        review,
        serving,
        label(facts, review, serving),
        tone(facts, review, serving),
        action(facts, review, serving),
        sentences,
    )


def unknown(why: str) -> Status:
    """Return the status of a report that was drawn without its record; ``why`` is a sentence or empty."""
    return Status("unknown", "unknown", "unknown", "open", "", (UNRECORDED, (why,)) if why else (UNRECORDED,))


def never_recorded(why: str) -> Status:
    """Return the status of a report that ML Metadata never had, as of a run that failed; ``why`` is a sentence."""
    return Status("unknown", "not served", "not recorded", "open", "", ((why,),))


def not_recorded(why: str) -> Status:
    """Return the status of a report that contradicts ML Metadata."""
    return Status("altered", "unknown", "altered", "bad", "", ((why,),))


def review_state(facts: Facts) -> Review:
    """Return what was decided."""
    if facts.decision is not None:
        return "approved" if facts.decision.decision == APPROVED else "rejected"
    if facts.flaws:
        return "altered"
    if not facts.blessed:
        return "not blessed"
    if facts.earlier is not None and facts.earlier.decision.decision == APPROVED:
        return "lapsed"
    return "not reviewed" if facts.versions or facts.pushed is not None else "awaiting review"


def serving_state(facts: Facts) -> Serving:
    """Return whether the model is served, from the served folder; the record alone cannot tell."""
    if not facts.has_folder or facts.unclear is not None:
        return "unknown"
    if facts.versions and facts.served and facts.versions[0] == facts.served.number:
        return "served"
    if facts.withdrawn is not None and facts.withdrawn.version >= max((*facts.versions, facts.pushed or 0)):
        return "withdrawn"
    return "superseded" if facts.served and (facts.versions or facts.pushed is not None) else "not served"


def tone(facts: Facts, review: Review, serving: Serving) -> Tone:
    """Return ``good`` only for a model that a reviewer approved and nobody took out or changed, no record forged."""
    if facts.is_damaged or review in BAD:
        return "bad"
    return "good" if review == "approved" and serving != "withdrawn" and not facts.flaws else "open"


def action(facts: Facts, review: Review, serving: Serving) -> Action:
    """Return what a reviewer may do next."""
    if facts.is_damaged or (serving == "served" and review in BAD):
        return "rollback" if facts.rollback_to else ""
    if review in ("awaiting review", "lapsed"):
        return "approve"
    if serving == "served" and review == "not reviewed":
        return "decide"
    return "run" if review == "approved" and serving == "not served" and facts.pushed is None else ""


def label(facts: Facts, review: Review, serving: Serving) -> str:
    """Return the status in a few words; that of a damaged version is what is wrong with it, whatever was decided."""
    if facts.is_damaged:
        return f"damaged, version {facts.unclear}"
    number = facts.served.number if facts.served else None
    words = {
        "served": f"still served as version {number}" if review in BAD else f"served as version {number}",
        "superseded": f"superseded by version {number}",
        "withdrawn": "taken out of serving",
        "not served": "",
        "unknown": f"pushed as version {facts.pushed}" if facts.pushed is not None else "",
    }
    return ", ".join(filter(None, [review, words[serving]]))
