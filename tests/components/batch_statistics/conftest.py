"""Real rows, written once."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "arrow_example_gen"))

from . import statistics_world


@pytest.fixture(scope="session")
def tables():
    """All rows of taxi and census by split, each with a split of a few rows and one of none."""
    whole = {"taxi": statistics_world.taxi_table(), "census": statistics_world.census_table()}
    return {
        name: {"train": table, "eval": table.slice(100, 700), "none": table.slice(0, 0)}
        for name, table in whole.items()
    }


@pytest.fixture(scope="session")
def written(tables, tmp_path_factory):
    """The same as artifacts, three files to a split."""
    folder = tmp_path_factory.mktemp("examples")
    return {name: statistics_world.write_examples(folder / name, splits, 3) for name, splits in tables.items()}
