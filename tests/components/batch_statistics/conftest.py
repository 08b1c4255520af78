"""Real rows, written once."""

import pytest
from fakes.stock import statistics_runs


@pytest.fixture(scope="session")
def tables():
    """All rows of taxi and census by split, including a tiny and an empty split."""
    whole = {"taxi": statistics_runs.taxi_table(), "census": statistics_runs.census_table()}
    return {
        name: {"train": table, "eval": table.slice(100, 700), "none": table.slice(0, 0)}
        for name, table in whole.items()
    }


@pytest.fixture(scope="session")
def written(tables, tmp_path_factory):
    """The same rows as artifacts, with three files per split."""
    folder = tmp_path_factory.mktemp("examples")
    return {name: statistics_runs.write_examples(folder / name, splits, 3) for name, splits in tables.items()}
