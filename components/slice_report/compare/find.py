"""Finds the report of a run that a user names by one of its folders."""

from dataclasses import dataclass
from pathlib import Path

from components.artifacts.report_files import REPORT
from components.artifacts.run_order import sort_by_start
from pipeline.errors import InputError
from pipeline.shell import line, module, near

EXPECTED = "runs, runs/<pipeline>, runs/<pipeline>/history/<run>, a folder with a report.json, or a report.json"


@dataclass(frozen=True)
class Found:
    """A run: as it was named, its id, its report, and the folder of its pipeline; the last are empty if unknown."""

    given: str
    report: str
    run: str = ""
    root: str = ""

    def no_report(self) -> str:
        """Say that there is no report, and how to make it."""
        history = Path(self.root) / "history" / self.run
        again = line(*module("pipeline.review"), "draw", near(history))
        return f"it has no report: the run ended before anything could be shown. Try: {again}"


def find(given: str) -> Found:
    """Return the run that was named: by a report, a folder of a run, or a folder with runs, which is its latest.

    The report may not be there: the run may have ended too early.

    Raises:
        InputError: there is no such run.
    """
    if "://" in given:
        return Found(given, given if given.endswith(".json") else f"{given.rstrip('/')}/{REPORT}")
    path = Path(given)
    if path.is_file():
        return beside(given, path.resolve())
    if (path / REPORT).is_file():
        return beside(given, path.resolve() / REPORT)
    folder = path.resolve()
    if folder.parent.name in ("history", "reports"):
        return of_run(given, folder.parent.parent, folder.name)
    runs = [found.parent for pattern in ("history", "*/history") for found in folder.glob(f"{pattern}/*/config.yaml")]
    if not runs:
        received = "no history/<run>/config.yaml in it" if folder.is_dir() else "no such file or folder"
        raise InputError(given, "no run found", expected=EXPECTED, received=received)
    latest = sort_by_start(runs)[-1]
    return of_run(given, latest.parent.parent, latest.name)


def beside(given: str, report: Path) -> Found:
    """Return the run of a report, whose folder is the run's id where a run left it."""
    folder = report.parent
    if folder.parent.name == "reports":
        return Found(given, str(report), folder.name, str(folder.parent.parent))
    return Found(given, str(report))


def of_run(given: str, root: Path, run: str) -> Found:
    """Return a run by the folder of its pipeline and its id.

    Raises:
        InputError: there is no such run.
    """
    report = root / "reports" / run / REPORT
    if not report.is_file() and not (root / "history" / run / "config.yaml").is_file():
        known = [found.parent.name for found in root.glob("history/*/config.yaml")]
        raise InputError(given, "no such run", expected=", ".join(sorted(known)[-5:]) or EXPECTED, received=run)
    return Found(given, str(report), run, str(root))
