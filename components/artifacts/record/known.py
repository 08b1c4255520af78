"""The facts that the status of a report follows from."""

from dataclasses import dataclass

from components.artifacts.decision import Decision


@dataclass(frozen=True)
class Withdrawal:
    """A version that was taken out of serving.

    Attributes:
        version: its number.
        run: the run that pushed it.
        withdrawn_at: ISO 8601, UTC.
        serves: the version that was served from then on.
        damage: what was wrong with its files, as a clause; empty if they were what was pushed.
    """

    version: int
    serves: int
    pipeline: str
    run: str
    model_digest: str
    by: str
    note: str
    withdrawn_at: str
    damage: str = ""


@dataclass(frozen=True)
class Version:
    """A served version and the run that pushed it."""

    number: int
    run: str


@dataclass(frozen=True)
class Earlier:
    """The decision on an earlier report on the same model, and why this report is another one, in clauses."""

    decision: Decision
    run: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Baseline:
    """The model that a report compares with.

    Attributes:
        version: the version that it was served as when the report was made; None if it was not served then.
        decision: the decision on its own report, if there is one now.
        was_decided: whether that decision was made before this report.
    """

    run: str
    version: int | None = None
    decision: Decision | None = None
    was_decided: bool = False


@dataclass(frozen=True)
class Facts:
    """What is recorded on a report.

    Attributes:
        blessed: whether the model kept its bounds.
        decision: the decision that holds for this report.
        is_sealed: whether the decision is sealed, as those of earlier releases are not.
        flaws: what is wrong with records that claim to be decisions on this report.
        earlier: the latest decision on an earlier report on the same model, if this report has none.
        evaluated_again: the run of a later report on the same model, or nothing.
        versions: the complete versions with this model, the largest first.
        served: the version that is served, of whatever model.
        unclear: the largest number below the served folder, if that version is damaged.
        damage: what is wrong with that version, as a clause.
        is_damaged: whether that version was pushed with this model.
        pushed: the largest version that ML Metadata has for this model.
        withdrawn: the latest rollback that took this model out of serving.
        rollback_to: the version that a rollback of the served one leads to.
        has_folder: whether the served folder is on this machine.
        baseline: the model that the report compares with.
    """

    run: str
    blessed: bool
    decision: Decision | None = None
    is_sealed: bool = True
    flaws: tuple[str, ...] = ()
    earlier: Earlier | None = None
    evaluated_again: str = ""
    versions: tuple[int, ...] = ()
    served: Version | None = None
    unclear: int | None = None
    damage: str = ""
    is_damaged: bool = False
    pushed: int | None = None
    withdrawn: Withdrawal | None = None
    rollback_to: Version | None = None
    has_folder: bool = True
    baseline: Baseline | None = None
