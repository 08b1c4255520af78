"""Real rows, written once."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "arrow_example_gen"))

from . import transform_world


@pytest.fixture(scope="session")
def taxi(tmp_path_factory):
    """Taxi rows as an artifact: one file for each split, one split without rows."""
    table = transform_world.taxi_rows()
    splits = {"train": table.slice(0, 3000), "eval": table.slice(3000, 700), "none": table.slice(0, 0)}
    return transform_world.write_examples(tmp_path_factory.mktemp("taxi"), splits)
