"""A folder in which a workload is drafted."""

import os
import sys
from pathlib import Path

import pytest
from fakes.tables.customers import customers, write_csv

# As the command sets it: threads that wait by spinning take the time of the other tests.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@pytest.fixture
def workplace(tmp_path, monkeypatch) -> Path:
    """A folder with the customers' file, as the current one; what is imported from it is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("PYTHONPATH", "")
    write_csv(tmp_path / "churn.csv", customers())
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in ("churn", "other"):
            del sys.modules[name]
