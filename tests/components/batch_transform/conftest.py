"""Real rows, written once."""

import pytest
from fakes.stock import transform_runs


@pytest.fixture(scope="session")
def taxi(tmp_path_factory):
    """Taxi rows as an artifact: one file for each split, one split without rows."""
    table = transform_runs.taxi_rows()
    splits = {"train": table.slice(0, 3000), "eval": table.slice(3000, 700), "none": table.slice(0, 0)}
    return transform_runs.write_examples(tmp_path_factory.mktemp("taxi"), splits)
