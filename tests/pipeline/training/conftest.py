from pathlib import Path

import pytest
from fakes import small_training


@pytest.fixture(scope="session")
def world(tmp_path_factory) -> Path:
    """The transformed rows of the small training, made once."""
    return small_training.make_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """Remove TF_CONFIG, so that no test is a task of a cluster by accident."""
    monkeypatch.delenv("TF_CONFIG", raising=False)
