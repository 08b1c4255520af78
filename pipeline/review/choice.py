"""Finds the report that a user names: by the id of a run, its first characters, or the folder of a copy."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from components.artifacts.record.reports import ReportRecord
from components.artifacts.report_files import digest_of_copy
from pipeline.errors import InputError, MainlineError


@dataclass(frozen=True)
class Candidate:
    """A run and its report; a run that was answered from the cache has the report of an earlier run.

    ``root`` is the folder of the pipeline on this machine; ``report`` is None if ML Metadata does not have it.
    """

    pipeline: str
    run: str
    root: Path | None
    report: ReportRecord | None

    @property
    def folder(self) -> Path | None:
        """The folder of the run's copy of the report, if there is one."""
        found = self.root / "reports" / self.run if self.root else None
        return found if found and found.is_dir() else None


def candidates(pipeline: str, root: Path | None, known: Sequence[ReportRecord]) -> list[Candidate]:
    """Return the runs of a pipeline that made a report or have a copy of one."""
    made = {report.run: report for report in reversed(known)}
    by_digest = {report.digest: report for report in reversed(known)}
    copies = sorted(root.glob("reports/*")) if root else []
    copied = {folder.name: by_digest.get(digest_of_copy(folder)) for folder in copies if folder.is_dir()}
    return [Candidate(pipeline, run, root, report) for run, report in {**copied, **made}.items()]


def choose(given: str, known: Iterable[Candidate]) -> tuple[Candidate, ReportRecord]:
    """Return the run that was named, and its report.

    Raises:
        InputError: no run matches, or several with different reports.
        MainlineError: the run's report is not in ML Metadata.
    """
    every = list(known)
    matching = matches(given, every)
    if not matching:
        names = ", ".join(sorted(candidate.run for candidate in every)[-5:])
        raise InputError("RUN", "no such run has a report", expected=names or "a run with a report", received=given)
    if len({(candidate.pipeline, candidate.report) for candidate in matching}) > 1:
        raise InputError(
            "RUN", "several runs match", received=given,
            expected=", ".join(f"{candidate.pipeline}/reports/{candidate.run}" for candidate in matching),
            next_step="Give more of the run's id, or the folder of its report.",
        )  # fmt: skip
    chosen = matching[-1]
    if chosen.report is None:
        raise MainlineError(
            str(chosen.folder), "its report is not in ML Metadata: the run failed too early, or the file was edited",
            next_step="Run again: finished nodes are cached, and the copy is written again.",
        )  # fmt: skip
    return chosen, chosen.report


def matches(given: str, known: Sequence[Candidate]) -> list[Candidate]:
    """Return the candidates with this id, or else those whose id starts with it."""
    folder = report_folder(given)
    if folder is not None:
        return [found for found in known if (found.pipeline, found.run) == (folder.parent.parent.name, folder.name)]
    exact = [candidate for candidate in known if candidate.run == given]
    return exact or [candidate for candidate in known if given and candidate.run.startswith(given)]


def report_folder(given: str) -> Path | None:
    """Return the folder of a copy, if the text is its path."""
    folder = Path(given).resolve()
    return folder if folder.is_dir() and folder.parent.name == "reports" else None
