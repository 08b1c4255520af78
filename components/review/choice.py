"""Which report a user means by a run: its id, the beginning of one, or the folder of a copy."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from components.review.copies import digest_of
from components.review.ledger import Reviewed
from pipeline.errors import InputError, MainlineError


@dataclass(frozen=True)
class Candidate:
    """A run with the report it has: a run answered from the cache has that of an earlier one.

    ``root`` is the folder of the pipeline on this machine; ``report`` is None where ML Metadata knows none such.
    """

    pipeline: str
    run: str
    root: Path | None
    report: Reviewed | None

    @property
    def folder(self) -> Path | None:
        """Where the run's copy of the report is, if there is one."""
        found = self.root / "reports" / self.run if self.root else None
        return found if found and found.is_dir() else None


def candidates(pipeline: str, root: Path | None, known: Sequence[Reviewed]) -> list[Candidate]:
    """The runs of a pipeline: those that made a report, and those that have a copy of one."""
    made = {report.run: report for report in reversed(known)}
    by_digest = {report.digest: report for report in reversed(known)}
    copies = sorted(root.glob("reports/*")) if root else []
    copied = {folder.name: by_digest.get(digest_of(folder)) for folder in copies if folder.is_dir()}
    return [Candidate(pipeline, run, root, report) for run, report in {**copied, **made}.items()]


def choose(given: str, known: Iterable[Candidate]) -> tuple[Candidate, Reviewed]:
    """The one run that is meant, and its report.

    Raises:
        InputError: none, or several with different reports.
        MainlineError: the run's report is not in ML Metadata.
    """
    every = list(known)
    matching = matches(given, every)
    if not matching:
        names = ", ".join(sorted(candidate.run for candidate in every)[-5:])
        raise InputError("RUN", "no such run has a report", expected=names or "a run with a report", received=given)
    if len({(candidate.pipeline, candidate.report) for candidate in matching}) > 1:
        raise InputError(
            "RUN", "several runs are meant", received=given,
            expected=", ".join(f"{candidate.pipeline}/reports/{candidate.run}" for candidate in matching),
            next_step="Give more of the run's id, or the folder of its report.",
        )  # fmt: skip
    chosen = matching[-1]
    if chosen.report is None:
        raise MainlineError(
            str(chosen.folder), "its report is not in ML Metadata: the run failed before it was made, or it was edited",
            next_step="Run again: what is done is cached, and the copy is made again.",
        )  # fmt: skip
    return chosen, chosen.report


def matches(given: str, known: Sequence[Candidate]) -> list[Candidate]:
    """The candidates that a text names: exactly, or else by how they begin."""
    folder = report_folder(given)
    if folder is not None:
        return [found for found in known if (found.pipeline, found.run) == (folder.parent.parent.name, folder.name)]
    exact = [candidate for candidate in known if candidate.run == given]
    return exact or [candidate for candidate in known if given and candidate.run.startswith(given)]


def report_folder(given: str) -> Path | None:
    """The folder of a copy, if that is what the text names."""
    folder = Path(given).resolve()
    return folder if folder.is_dir() and folder.parent.name == "reports" else None
