"""The house harness: tiny real rows, whole runs in this process or in another, and models as a client sees them."""

import csv
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from components.compat.tfx import startup
from data.fetch import DEFAULT_CACHE
from data.prepare import prepare
from pipeline.cache.source_tree import OUR_PACKAGES
from pipeline.run.local.runner import run
from pipeline.run.request import Request
from pipeline.splits import SPLITS

ROOT = Path(__file__).resolve().parent.parent

TINY = {"train": 1500, "eval": 300, "test": 400}
# Small enough for seconds, and with bounds that a model of a few rows keeps.
FAST = (
    "training.epochs=2",
    "training.batch_size=256",
    "training.histogram_every_epochs=0",
    "evaluation.bounds=[{metric: AUC, lower: 0.5}, {metric: AUC, lower: 0.4, slice: {sex: Female}}]",
    "evaluation.changes=[]",
)


@dataclass(frozen=True)
class Outcome:
    """How a run ended: its exit code, and the facts it left in its folder."""

    code: int
    facts: Mapping[str, Any]

    def states(self) -> dict[str, str]:
        """State by node."""
        return {node["node"]: node["state"] for node in self.facts["nodes"]}


def tiny_rows(folder: Path, dataset: str = "census", split: str = "given", sizes: Mapping[str, int] = TINY) -> Path:
    """The first rows of each split of a real data set, as a folder of the user's own files."""
    prepared = prepare(dataset, split, 0, DEFAULT_CACHE).path
    for name in SPLITS:
        lines = (prepared / name / "rows.csv").read_text(encoding="utf-8").splitlines(keepends=True)
        write_text(folder / name / "rows.csv", "".join(lines[: sizes[name] + 1]))
    return folder


def keep_copy(root: Path) -> None:
    """Keeps a copy of a root beside it, for ``put_back``."""
    shutil.copytree(root, copy_of(root))


def put_back(root: Path) -> None:
    """Makes a root again what it was at ``keep_copy``, at the same path: ML Metadata has absolute ones."""
    shutil.rmtree(root)
    shutil.copytree(copy_of(root), root)


def copy_of(root: Path) -> Path:
    return root.with_name(f"{root.name}-left")


def write_text(path: Path, text: str) -> None:
    """Writes a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def settings(rows: Path, *more: str) -> tuple[str, ...]:
    """The ``--set`` values of a fast run over a folder of rows."""
    return ("data.dataset=null", f"data.path={rows}", *FAST, *more)


def run_here(rows: Path, root: Path, *more: str, config: str = "census", **request: Any) -> Outcome:
    """A whole run in this process."""
    code = run(Request(config=config, overrides=settings(rows, *more), root=root, as_json=True, **request))
    return Outcome(code, latest_facts(root, config))


def latest_facts(root: Path, config: str = "census") -> dict[str, Any]:
    """Return the summary of the latest run."""
    folder = max((root / config / "history").iterdir())
    return dict(json.loads((folder / "summary.json").read_text(encoding="utf-8")))


def command(rows: Path, root: Path, *more: str, config: str = "census") -> list[str]:
    """The command line of a fast run."""
    sets = [part for value in settings(rows, *more) for part in ("--set", value)]
    return [sys.executable, str(ROOT / "local_runner.py"), "--config", config, "--root", str(root), *sets]


def copy_code(target: Path) -> Path:
    """Copies the code that a run needs, to be edited."""
    for package in OUR_PACKAGES:
        others = ["cache"] if package == "data" else []
        shutil.copytree(ROOT / package, target / package, ignore=shutil.ignore_patterns("__pycache__", *others))
    shutil.copy(ROOT / "local_runner.py", target)
    return target


def run_project(project: Path, rows: Path, root: Path, *more: str, config: str = "census") -> Outcome:
    """Run a copy of the code in another process."""
    python, _, *options = command(rows, root, *more, config=config)
    environment = {**os.environ, "PYTHONPATH": str(project)}
    arguments = [python, "local_runner.py", *options]
    done = subprocess.run(arguments, cwd=project, env=environment, capture_output=True, text=True, check=False)
    return Outcome(done.returncode, latest_facts(root, config))


def start(arguments: Iterable[str], path: str = "") -> subprocess.Popen[str]:
    """Starts a run in another process; ``path`` is where it looks for modules first."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [path, str(ROOT)]))}
    return subprocess.Popen(
        list(arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=ROOT
    )


def components_are_lazy() -> bool:
    """Whether TFX's package of components only imports, so that a start may leave it out."""
    # Found, not imported: that would run it.
    package = Path(importlib.util.find_spec("tfx").origin).parent / "components" / "__init__.py"
    return startup.only_imports(package.read_text(encoding="utf-8"))


def skip_unless_components_are_lazy() -> None:
    """Skips a test of lazy imports where TFX's package of components does more than import."""
    if not components_are_lazy():
        pytest.skip("this TFX's package of components must run whole")


def versions(root: Path, config: str = "census") -> list[str]:
    """The served versions of a pipeline."""
    serving = root / config / "serving"
    return sorted(path.name for path in serving.iterdir()) if serving.is_dir() else []
