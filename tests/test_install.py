"""The set-up of the environment says in one line when no Python serves."""

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NEEDED = ("sh", "dirname", "sort", "head")


def install(tmp_path: Path, pythons: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Runs the set-up of a copy of the project where only some commands are to be found."""
    project, programs = tmp_path / "project", tmp_path / "bin"
    shutil.copytree(ROOT / "requirements", project / "requirements")
    programs.mkdir()
    for name in NEEDED:
        (programs / name).symlink_to(str(shutil.which(name)))
    for name, answer in pythons.items():
        (programs / name).write_text(f'#!/bin/sh\necho "{answer}"\n')
        (programs / name).chmod(0o755)
    script = project / "requirements" / "install.sh"
    return subprocess.run([script], env={"PATH": str(programs)}, capture_output=True, text=True, check=False)


def test_without_python_it_says_which_versions_serve(tmp_path):
    done = install(tmp_path, {})
    (line,) = done.stderr.splitlines()
    assert done.returncode == 1
    assert line.startswith("No usable Python found: Python 3.10 serves everywhere, 3.11-3.13 where glibc is 2.39")
    assert "pyenv install 3.10" in line


def test_pythons_that_do_not_serve_are_passed_over(tmp_path):
    done = install(tmp_path, {"python3.11": "3.11 2.36", "python3": "3.14 2.41", "python": "2.7 2.41"})
    assert done.returncode == 1
    assert "No usable Python found" in done.stderr


def test_a_python_that_serves_is_taken(tmp_path):
    done = install(tmp_path, {"python3.12": "3.12 2.39", "python3.11": "3.11 2.39"})
    assert "No usable Python found" not in done.stderr
    assert "Setting up .venv with 3.12 2.39" in done.stderr
