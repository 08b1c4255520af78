"""Which Python the set-up of the environment takes, and what it says when there is none."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NEEDED = ("sh", "dirname", "sort", "head")


def install(tmp_path: Path, pythons: dict[str, str], *more_folders: str) -> subprocess.CompletedProcess[str]:
    """Runs the set-up of a copy of the project where only some commands are to be found."""
    project, programs = tmp_path / "project", tmp_path / "bin"
    shutil.copytree(ROOT / "requirements", project / "requirements")
    programs.mkdir()
    for name in NEEDED:
        (programs / name).symlink_to(str(shutil.which(name)))
    for name, answer in pythons.items():
        # One that cannot import what it is asked for says nothing and fails.
        (programs / name).write_text(f'#!/bin/sh\necho "{answer}"\n' if answer else "#!/bin/sh\nexit 1\n")
        (programs / name).chmod(0o755)
    script = project / "requirements" / "install.sh"
    return subprocess.run(
        [script], env={"PATH": ":".join([str(programs), *more_folders])}, capture_output=True, text=True, check=False
    )


def chosen(done: subprocess.CompletedProcess[str]) -> str:
    """The line that says which Python is taken; each here answers with its own versions."""
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("Setting up .venv with")]
    return line.removeprefix("Setting up .venv with ").partition(" (")[0]


def test_without_python_it_says_which_versions_are_usable(tmp_path):
    done = install(tmp_path, {})
    (line,) = done.stderr.splitlines()
    assert done.returncode == 1
    assert line.startswith("No usable Python found: 3.11 to 3.13 with glibc 2.39 or later (Debian 13, Ubuntu 24.04)")
    assert "pyenv install 3.10" in line


def test_unusable_pythons_are_passed_over(tmp_path):
    done = install(tmp_path, {"python3.11": "3.11 2.36", "python3": "3.14 2.41", "python": "2.7 2.41"})
    assert done.returncode == 1
    assert "No usable Python found" in done.stderr


def test_a_shim_does_not_hide_the_python_behind_it(tmp_path):
    behind = tmp_path / "usr"
    behind.mkdir()
    (behind / "python3.13").write_text('#!/bin/sh\necho "3.13 2.41"\n')
    (behind / "python3.13").chmod(0o755)
    assert chosen(install(tmp_path, {"python3.13": "", "python3.10": "3.10 2.41"}, str(behind))) == "3.13 2.41"


def test_a_python_without_venv_is_passed_over(tmp_path):
    done = install(tmp_path, {"python3.13": "", "python3.12": "3.12 2.39"})
    assert chosen(done) == "3.12 2.39"


@pytest.mark.parametrize(
    ("pythons", "expected"),
    [
        ({"python3.10": "3.10 2.39", "python3.12": "3.12 2.39", "python3.11": "3.11 2.39"}, "3.12 2.39"),
        ({"python3.10": "3.10 2.41", "python3.13": "3.13 2.41"}, "3.13 2.41"),
        ({"python3.10": "3.10 2.41", "python3": "3.13 2.41"}, "3.13 2.41"),
    ],
)
def test_the_newest_named_python_is_taken(tmp_path, pythons, expected):
    assert chosen(install(tmp_path, pythons)) == expected


@pytest.mark.parametrize(
    ("pythons", "why"),
    [
        (
            {"python3.10": "3.10 2.36", "python3.11": "3.11 2.36"},
            "glibc 2.36 is older than the 2.39 that TFX 1.21 needs",
        ),
        ({"python3.10": "3.10 2.41"}, "no Python 3.11 to 3.13 with its venv module was found"),
    ],
)
def test_one_line_says_why_the_older_stack_is_installed(tmp_path, pythons, why):
    done = install(tmp_path, pythons)
    assert f"Installing the older stack, TFX 1.16 on Python 3.10: {why}" in done.stderr.splitlines()


def test_the_newer_stack_is_installed_without_a_remark(tmp_path):
    assert "older stack" not in install(tmp_path, {"python3.13": "3.13 2.41"}).stderr
