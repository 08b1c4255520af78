"""Runs on disk, of three settings on the same rows."""

from pathlib import Path

import pytest
from fakes.report import compared_runs as runs


@pytest.fixture(scope="session")
def pipeline_root(tmp_path_factory) -> Path:
    """The folder of a pipeline with five runs: three seeds of one setting, and two others."""
    root, table = tmp_path_factory.mktemp("compared") / "demo", runs.rows()
    for seed in range(3):
        config = {**runs.CONFIG, "training.seed": str(seed)}
        runs.write_run(root, f"20260102T00000{seed}.000000Z", table, runs.score(table, 0.3, seed), config)
    noisy = {**runs.CONFIG, "training.learning_rate": "0.1", "training.seed": "0"}
    runs.write_run(root, "20260102T000003.000000Z", table, runs.score(table, 3.0, 9), noisy)
    like = {**runs.CONFIG, "training.epochs": "4"}
    runs.write_run(root, "20260102T000004.000000Z", table, runs.score(table, 0.35, 4), like)
    return root


@pytest.fixture(scope="session")
def five(pipeline_root) -> list[str]:
    """The runs, as a shell lists them."""
    return [str(path) for path in sorted((pipeline_root / "history").iterdir())]
