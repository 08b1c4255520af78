"""The distribution: what the wheel holds, and that each extra installs into an empty environment and works there."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import harness
import pytest

UV = next(filter(None, [shutil.which("uv", path=str(harness.ROOT / ".uv" / "bin")), shutil.which("uv")]), None)
FILES = ("setup.py", "pyproject.toml", "MANIFEST.in", "README.md", "kubeflow_runner.py", "mainline.py")
COMMANDS = ("run", "kubeflow", "report", "compare", "review", "scaffold", "data")
# By extra: a module that it brings.
EXTRAS = {"": "tfx", "dev": "pytest", "kubeflow": "kfp", "mlflow": "mlflow", "serving": "starlette"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built from a copy of the code."""
    project = harness.copy_code(tmp_path_factory.mktemp("distribution") / "project")
    for name in FILES:
        shutil.copy(harness.ROOT / name, project)
    shutil.copytree(harness.ROOT / "requirements", project / "requirements")
    build = "from setuptools import build_meta; print(build_meta.build_wheel('dist'))"
    done = subprocess.run([sys.executable, "-c", build], cwd=project, capture_output=True, text=True, check=True)
    return project / "dist" / done.stdout.splitlines()[-1]


def test_the_wheel_holds_code_data_files_and_one_command(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (scripts,) = (archive.read(name).decode() for name in names if name.endswith("entry_points.txt"))
    assert {"local_runner.py", "kubeflow_runner.py", "mainline.py", "pipeline/conf/census.yaml"} <= names
    tracked = subprocess.run(
        ["git", "ls-files", "pipeline", "components", "data", "schemas"],
        cwd=harness.ROOT, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    assert {name for name in tracked if not name.endswith(".md") and (harness.ROOT / name).exists()} <= names
    assert scripts.split() == ["[console_scripts]", "mainline", "=", "mainline:enter"]


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_answers_for_help_under_its_own_name(command):
    code = f"import mainline; mainline.main(['{command}', '--help'])"
    done = subprocess.run([sys.executable, "-c", code], cwd=harness.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"usage: mainline {command} [-h]")


def test_an_unknown_command_names_the_known_ones():
    done = subprocess.run(
        [sys.executable, "mainline.py", "train"], cwd=harness.ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == f"mainline: no such command: train; expected {', '.join(COMMANDS)}\n"


@pytest.mark.slow
@pytest.mark.skipif(UV is None, reason="uv is not here: make sets it up")
@pytest.mark.parametrize("extra", EXTRAS, ids=lambda extra: extra or "none")
def test_an_extra_installs_into_an_empty_environment_and_the_command_runs_there(wheel, tmp_path, extra):
    environment = tmp_path / "environment"
    subprocess.run([str(UV), "venv", "--quiet", "--python", sys.executable, str(environment)], check=True)
    python, lock = environment / "bin" / "python", harness.ROOT / "requirements" / "lock.txt"
    wanted = f"mainline[{extra}] @ file://{wheel}" if extra else f"mainline @ file://{wheel}"
    # What make has just installed is in uv's cache.
    done = subprocess.run(
        [str(UV), "pip", "install", "--quiet", "--offline", "--python", str(python), "--constraints", str(lock),
         "--build-constraints", str(lock), wanted],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "offline" in done.stderr or "cache" in done.stderr:
        pytest.skip(f"uv's cache does not hold the lock: {done.stderr.splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    found = subprocess.run([str(python), "-c", f"import {EXTRAS[extra]}"], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    for arguments in (["--help"], ["run", "--help"], ["kubeflow", "--help"]):
        subprocess.run([str(environment / "bin" / "mainline"), *arguments], cwd=tmp_path, check=True)
    compiled = "import pipeline.config.load as load; print(load.load_config('census', ()).workload)"
    subprocess.run([str(python), "-c", compiled], cwd=tmp_path, check=True)
