"""The status of a report, case by case."""

from dataclasses import replace

import pytest

from components.artifacts.decision import Decision
from components.artifacts.record.known import Baseline, Earlier, Facts, Version, Withdrawal
from components.artifacts.record.sentences import Quoted
from components.artifacts.record.status import not_recorded, status_of, unknown

AT = "2026-03-01T12:30:00+00:00"
APPROVED = Decision("approved", "Ada", "sound", "d" * 64, AT, "r1", "m" * 64, "abc123")
REJECTED = Decision("rejected", "Grace", "leaks ids", "d" * 64, AT, "r1")
PLAIN = Facts("r1", True)
OURS, OTHER = Version(5, "r1"), Version(9, "r2")
GONE = Withdrawal(5, 3, "census", "r1", "m" * 64, "Ada", "worse at night", AT)
BY_ADA = "Approved by Ada on 2026-03-01 12:30 UTC, for the code at commit abc123: “sound”."
BY_GRACE = "Rejected by Grace on 2026-03-01 12:30 UTC: “leaks ids”."

CASES = {
    "awaiting": (PLAIN, "awaiting review", "open", "approve", "Awaiting review. Not served."),
    "missed a bound": (
        Facts("r1", False), "not blessed", "bad", "", "The model missed a bound and cannot be approved. Not served.",
    ),
    "approved": (
        replace(PLAIN, decision=APPROVED), "approved", "good", "run",
        f"{BY_ADA} Not served yet: the next run pushes it.",
    ),
    "approved, of an earlier release": (
        replace(PLAIN, decision=replace(APPROVED, commit=""), is_sealed=False), "approved", "good", "run",
        "Approved by Ada on 2026-03-01 12:30 UTC: “sound”. It was recorded by an earlier release, without a seal that "
        "would show an edit. Not served yet: the next run pushes it.",
    ),
    "served": (
        replace(PLAIN, decision=APPROVED, versions=(5,), served=OURS, pushed=5),
        "approved, served as version 5", "good", "", f"{BY_ADA} Served as version 5.",
    ),
    "superseded": (
        replace(PLAIN, decision=APPROVED, versions=(5,), served=OTHER, pushed=5),
        "approved, superseded by version 9", "good", "",
        f"{BY_ADA} It was version 5; superseded by version 9 of run r2.",
    ),
    "superseded, and its folder removed": (
        replace(PLAIN, decision=APPROVED, served=OTHER, pushed=5), "approved, superseded by version 9", "good", "",
        f"{BY_ADA} It was version 5; superseded by version 9 of run r2.",
    ),
    "rejected": (replace(PLAIN, decision=REJECTED), "rejected", "bad", "", f"{BY_GRACE} Not served."),
    "rejected and served": (
        replace(PLAIN, decision=REJECTED, versions=(5,), served=OURS, rollback_to=Version(3, "r0")),
        "rejected, still served as version 5", "bad", "rollback",
        f"{BY_GRACE} It is still served as version 5. A rollback would serve version 3 of run r0.",
    ),
    "rejected and served alone": (
        replace(PLAIN, decision=REJECTED, versions=(5,), served=OURS), "rejected, still served as version 5", "bad",
        "", f"{BY_GRACE} It is still served as version 5. There is no other version to go back to.",
    ),
    "rejected and rolled back": (
        replace(PLAIN, decision=REJECTED, served=OTHER, pushed=5, withdrawn=GONE), "rejected, taken out of serving",
        "bad", "",
        f"{BY_GRACE} Version 5 was taken out of serving by Ada on 2026-03-01 12:30 UTC: “worse at night”.",
    ),
    "approved and rolled back": (
        replace(PLAIN, decision=APPROVED, served=OTHER, pushed=5, withdrawn=GONE), "approved, taken out of serving",
        "open", "",
        f"{BY_ADA} Version 5 was taken out of serving by Ada on 2026-03-01 12:30 UTC: “worse at night”.",
    ),
    "rolled back and pushed again": (
        replace(PLAIN, decision=APPROVED, versions=(9,), served=Version(9, "r1"), pushed=9, withdrawn=GONE),
        "approved, served as version 9", "good", "", f"{BY_ADA} Served as version 9.",
    ),
    "served without a review": (
        replace(PLAIN, versions=(5,), served=OURS, pushed=5), "not reviewed, served as version 5", "open", "decide",
        "Not reviewed. Served as version 5.",
    ),
    "superseded without a review": (
        replace(PLAIN, versions=(5,), served=OTHER, pushed=5), "not reviewed, superseded by version 9", "open", "",
        "Not reviewed. It was version 5; superseded by version 9 of run r2.",
    ),
    "not blessed any more, and served": (
        replace(PLAIN, blessed=False, versions=(5,), served=OURS, rollback_to=Version(3, "r0")),
        "not blessed, still served as version 5", "bad", "rollback",
        "The model missed a bound and cannot be approved. It is still served as version 5. A rollback would serve "
        "version 3 of run r0.",
    ),
    "lapsed": (
        replace(PLAIN, earlier=Earlier(APPROVED, "r0", ("the model is now compared with run b", "x"))), "lapsed",
        "open", "approve",
        "Awaiting review. Ada approved an earlier report on this model, of run r0, on 2026-03-01 12:30 UTC; the "
        "approval lapsed because the model is now compared with run b; x. Not served.",
    ),
    "lapsed, and the earlier report is lost": (
        replace(PLAIN, earlier=Earlier(APPROVED, "r0")), "lapsed", "open", "approve",
        "Awaiting review. Ada approved an earlier report on this model, of run r0, on 2026-03-01 12:30 UTC; the "
        "approval lapsed because its report can no longer be read. Not served.",
    ),
    "rejected in an earlier report": (
        replace(PLAIN, earlier=Earlier(REJECTED, "r0")), "awaiting review", "open", "approve",
        "Awaiting review. Grace rejected an earlier report on this model, of run r0, on 2026-03-01 12:30 UTC: “leaks "
        "ids”. Not served.",
    ),
    "evaluated again": (
        replace(PLAIN, decision=APPROVED, evaluated_again="r7"), "approved", "good", "run",
        f"{BY_ADA} The same model was evaluated again in run r7, with its own report. Not served yet: the next run "
        "pushes it.",
    ),
    "altered": (
        replace(PLAIN, flaws=("the decision is marked as ABANDONED",)), "altered", "bad", "",
        "ML Metadata's record of the decision was altered and does not count. Look into it: the decision is marked as "
        "ABANDONED. Not served.",
    ),
    "altered and served": (
        replace(PLAIN, flaws=("x",), versions=(5,), served=OURS, rollback_to=Version(3, "r0")),
        "altered, still served as version 5", "bad", "rollback",
        "ML Metadata's record of the decision was altered and does not count. Look into it: x. It is still served as "
        "version 5. A rollback would serve version 3 of run r0.",
    ),
    "approved, beside a forged rejection": (
        replace(PLAIN, decision=APPROVED, flaws=("the decision was written by no review",)), "approved", "open", "run",
        f"{BY_ADA} Look into it: the decision was written by no review. Not served yet: the next run pushes it.",
    ),
    "the served folder is elsewhere": (
        replace(PLAIN, decision=APPROVED, has_folder=False, pushed=5), "approved, pushed as version 5", "good", "",
        f"{BY_ADA} The served folder is not on this machine, so it is unknown what is served; it was pushed as version "
        "5.",
    ),
    "an unknown folder is served": (
        replace(PLAIN, decision=APPROVED, versions=(5,), unclear=77, damage="READY.json is missing"), "approved",
        "good", "",
        f"{BY_ADA} What is served is unclear: version 77 is not what was pushed: READY.json is missing.",
    ),
    "approved, and its version was damaged": (
        replace(
            PLAIN, decision=APPROVED, versions=(5,), pushed=5, unclear=5, damage="READY.json is missing",
            is_damaged=True, rollback_to=Version(3, "r0"),
        ), "damaged, version 5", "bad", "rollback",
        "What is served is unclear: version 5 is not what was pushed: READY.json is missing. A rollback would serve "
        f"version 3 of run r0. {BY_ADA}",
    ),
    "pushed, and nothing is served": (
        replace(PLAIN, decision=APPROVED, pushed=5), "approved", "good", "",
        f"{BY_ADA} It was version 5; nothing is served now.",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("facts", "label", "tone", "action", "text"), CASES.values(), ids=CASES)
def test_the_status_follows_from_the_facts(facts, label, tone, action, text):
    status = status_of(facts)
    assert (status.label, status.tone, status.action, status.text) == (label, tone, action, text)
    assert label.startswith("damaged" if facts.is_damaged else status.review)


BASELINES = {
    "served": (Baseline("r0", 3), "Compared with run r0, which was served as version 3."),
    "approved": (
        Baseline("r0", None, APPROVED, was_decided=True),
        "Compared with run r0, the latest approved model, as nothing was served.",
    ),
    "blessed": (Baseline("r0"), "Compared with run r0, the latest blessed model, as nothing was served."),
    "approved only later": (
        Baseline("r0", None, APPROVED), "Compared with run r0, the latest blessed model, as nothing was served.",
    ),
    "served and rejected later": (
        Baseline("r0", 3, REJECTED),
        "Compared with run r0, which was served as version 3. That model has since been rejected, by Grace on "
        "2026-03-01 12:30 UTC; the bounds apply all the same, as it was what was served.",
    ),
    "served and rejected before": (
        Baseline("r0", 3, REJECTED, was_decided=True),
        "Compared with run r0, which was served as version 3. That model has already been rejected, by Grace on "
        "2026-03-01 12:30 UTC; the bounds apply all the same, as it was what was served.",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("baseline", "text"), BASELINES.values(), ids=BASELINES)
def test_the_baseline_is_named_with_the_reason(baseline, text):
    assert status_of(replace(PLAIN, baseline=baseline)).text == f"Awaiting review. Not served. {text}"


def test_what_people_wrote_is_told_from_our_words():
    parts = [part for sentence in status_of(replace(PLAIN, decision=APPROVED)).sentences for part in sentence]
    assert [part for part in parts if isinstance(part, Quoted)] == ["Ada", "abc123", "sound"]


def test_only_a_model_that_a_reviewer_approved_is_marked_as_good():
    good = [case[0] for case in CASES.values() if case[2] == "good"]
    assert good
    assert all(facts.decision.decision == "approved" and not facts.flaws for facts in good)


def test_a_report_without_a_record_is_neither_good_nor_bad():
    assert unknown("").text.startswith("Drawn without ML Metadata: whether")
    assert unknown("It was lost.").text.endswith("not known here. It was lost.")
    assert (unknown("").tone, not_recorded("It was edited.").tone) == ("open", "bad")
