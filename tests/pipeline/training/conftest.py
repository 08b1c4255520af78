from pathlib import Path

import pytest
from fakes import small_training


@pytest.fixture(scope="session")
def world(tmp_path_factory) -> Path:
    """Transformed rows of the small world, made once."""
    return small_training.make_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """No test is a task of a cluster unless it says so."""
    monkeypatch.delenv("TF_CONFIG", raising=False)
