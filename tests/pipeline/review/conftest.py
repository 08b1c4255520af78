"""A root of runs with reports, and the reviewer's command on it."""

import pytest
from fakes.reviews import RunsRoot

from pipeline.review.__main__ import main


@pytest.fixture
def world(tmp_path):
    return RunsRoot(tmp_path / "runs")


@pytest.fixture
def review(world, capsys):
    """Runs the command on the world; gives exit code, standard output, standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main([*arguments, "--root", str(world.runs)])
        return (code, *capsys.readouterr())

    return run
