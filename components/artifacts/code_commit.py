"""Finds the Git commit that a folder of code was checked out at."""

import os
import subprocess
from pathlib import Path

# Set in images, which have no checkout.
REVISION = "MAINLINE_REVISION"


def commit_of(folder: Path) -> str:
    """Return the commit of the checkout that tracks a folder, with ``+`` at its end if tracked files have changes.

    A checkout around the folder that tracks nothing in it, such as a project with a package installed in its ``.venv``,
    says nothing of the folder. Then, or without Git, it is what the environment says; empty if that says nothing.
    """
    commit = git(folder, "rev-parse", "HEAD") if git(folder, "ls-files", "--", ".") else ""
    if not commit:
        return os.environ.get(REVISION, "")
    changes = git(folder, "status", "--porcelain", "--untracked-files=no")
    return f"{commit}{'+' if changes else ''}"


def git(folder: Path, *words: str) -> str:
    """Return what a Git command prints; nothing if it fails."""
    command = ["git", "-C", str(folder), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
