"""The status of a report in words."""

from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Literal

from components.artifacts.decision import APPROVED, REJECTED, Decision
from components.artifacts.record.known import Baseline, Earlier, Facts

Review = Literal[
    "approved", "rejected", "awaiting review", "not reviewed", "lapsed", "not blessed", "altered", "unknown"
]
Serving = Literal["served", "superseded", "withdrawn", "not served", "unknown"]
BAD: tuple[Review, ...] = ("rejected", "altered", "not blessed")


class Quoted(str):
    """A text that a person wrote, such as a name or a note."""

    __slots__ = ()


Sentence = tuple[str, ...]


UNRECORDED: Sentence = (
    "Drawn without ML Metadata: whether a reviewer approved or rejected this model, and whether it is served, is not "
    "known here.",
)


def review_sentences(facts: Facts, review: Review) -> Iterator[Sentence]:
    """Yield what was decided, by whom, when and why."""
    if facts.decision is not None:
        yield decided(facts.decision)
        if not facts.is_sealed:
            yield ("It was recorded by an earlier release, without a seal that would show an edit.",)
    elif review == "altered":
        yield ("ML Metadata's record of the decision was altered and does not count.",)
    elif review == "not blessed":
        yield ("The model missed a bound and cannot be approved.",)
    else:
        yield ("Not reviewed." if review == "not reviewed" else "Awaiting review.",)
    yield from earlier_sentences(facts.earlier)
    for flaw in facts.flaws:
        yield ("Look into it: ", Quoted(flaw), ".")
    if facts.evaluated_again:
        yield ("The same model was evaluated again in run ", Quoted(facts.evaluated_again), ", with its own report.")


def decided(decision: Decision) -> Sentence:
    """Return who decided, when, at which commit, and why."""
    commit = (", for the code at commit ", Quoted(decision.commit)) if decision.commit else ()
    head = (f"{decision.decision.capitalize()} by ", Quoted(decision.by), f" on {when(decision.decided_at)}")
    return (*head, *commit, ": “", Quoted(decision.note), "”.")


def earlier_sentences(earlier: Earlier | None) -> Iterator[Sentence]:
    """Yield why the decision on an earlier report does not apply."""
    if earlier is None:
        return
    made, why = earlier.decision, "; ".join(earlier.reasons) or "its report can no longer be read"
    head = (Quoted(made.by), f" {made.decision} an earlier report on this model, of run ", Quoted(earlier.run))
    if made.decision == APPROVED:
        yield (*head, f", on {when(made.decided_at)}; the approval lapsed because ", Quoted(why), ".")
    else:
        yield (*head, f", on {when(made.decided_at)}: “", Quoted(made.note), "”.")


def serving_sentences(facts: Facts, review: Review, serving: Serving) -> Iterator[Sentence]:
    """Yield whether the model is served, and what is served instead."""
    now, mine = facts.served, next(iter(facts.versions), facts.pushed)
    if serving == "served" and now:
        bad = review in BAD
        yield (f"{'It is still served' if bad else 'Served'} as version {now.number}.",)
        yield from rollback_sentences(facts) if bad else ()
    elif serving == "superseded" and now:
        yield (f"It was version {mine}; superseded by version {now.number} of run ", Quoted(now.run), ".")
    elif serving == "withdrawn" and (gone := facts.withdrawn):
        head = (f"Version {gone.version} was taken out of serving by ", Quoted(gone.by))
        yield (*head, f" on {when(gone.withdrawn_at)}: “", Quoted(gone.note), "”.")
        if gone.damage:
            yield ("It was damaged: ", Quoted(gone.damage), ".")
    elif facts.unclear is not None:
        yield (f"What is served is unclear: version {facts.unclear} is not what was pushed: {facts.damage}.",)
        yield from rollback_sentences(facts) if facts.is_damaged else ()
    elif serving == "unknown":
        recorded = f"; it was pushed as version {mine}" if mine is not None else ""
        yield (f"The served folder is not on this machine, so it is unknown what is served{recorded}.",)
    elif mine is not None:
        yield (f"It was version {mine}; nothing is served now.",)
    else:
        yield ("Not served yet: the next run pushes it." if review == "approved" else "Not served.",)


def rollback_sentences(facts: Facts) -> Iterator[Sentence]:
    if facts.rollback_to is None:
        yield ("There is no other version to go back to.",)
    else:
        to = facts.rollback_to
        yield (f"A rollback would serve version {to.number} of run ", Quoted(to.run), ".")


def baseline_sentences(baseline: Baseline | None) -> Iterator[Sentence]:
    """Yield what the model was compared with, and why."""
    if baseline is None:
        return
    decision, approved = baseline.decision, baseline.was_decided and baseline.decision
    if baseline.version is not None:
        why = f", which was served as version {baseline.version}"
    elif approved and approved.decision == APPROVED:
        why = ", the latest approved model, as nothing was served"
    else:
        why = ", the latest blessed model, as nothing was served"
    yield ("Compared with run ", Quoted(baseline.run or "of an unknown id"), f"{why}.")
    if decision is not None and decision.decision == REJECTED:
        when_, then = when(decision.decided_at), "already " if baseline.was_decided else "since "
        served = "; the bounds apply all the same, as it was what was served" if baseline.version is not None else ""
        yield (f"That model has {then}been rejected, by ", Quoted(decision.by), f" on {when_}{served}.")


def when(moment: str) -> str:
    """Return an ISO 8601 time for people.

    >>> when("2026-03-01T12:30:00+00:00"), when("soon")
    ('2026-03-01 12:30 UTC', 'soon')
    """
    try:
        return f"{datetime.fromisoformat(moment).astimezone(timezone.utc):%Y-%m-%d %H:%M} UTC"
    except ValueError:
        return moment
