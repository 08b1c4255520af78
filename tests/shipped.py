"""The configs and workloads of this repository, as git knows them: a developer's own beside them are not tested."""

import subprocess
from pathlib import Path

from pipeline.config.load import CONF
from pipeline.workloads.location import WORKLOADS


def tracked(folder: Path, pattern: str) -> list[Path]:
    """The files that git knows of a folder, sorted; ``*`` in a pattern also stands for a slash."""
    command = ["git", "ls-files", "--", pattern]
    listed = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=True).stdout
    return sorted(folder / name for name in listed.splitlines() if (folder / name).is_file())


CONFIG_FILES = tracked(CONF, "*.yaml")
CONFIGS = [path.stem for path in CONFIG_FILES if path.parent == CONF]
WORKLOAD_NAMES = [path.parent.name for path in tracked(WORKLOADS, "*/__init__.py") if path.parent.parent == WORKLOADS]
