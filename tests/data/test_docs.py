"""The examples in the docstrings run, and the README agrees with the tables in the code."""

import doctest
import importlib
from pathlib import Path

import pytest

import data
from data.datasets import census, movielens
from data.simulation import impressions
from data.sources import SOURCES

FOLDER = Path(data.__file__).parent
MODULES = sorted(
    ".".join(path.relative_to(FOLDER).with_suffix("").parts)
    for pattern in ("[a-z]*.py", "*/[a-z]*.py")
    for path in FOLDER.glob(pattern)
)
README = (FOLDER / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name):
    assert doctest.testmod(importlib.import_module(f"data.{name}")).failed == 0


@pytest.mark.parametrize("column", sorted({*movielens.COLUMNS, *census.COLUMNS, *impressions.SCHEMA.names}))
def test_every_column_is_described(column):
    assert f"`{column}`" in README


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_every_checksum_is_in_the_readme(source):
    for text in (source.name, source.requirement, source.wheel_sha256, *(file.sha256 for file in source.files)):
        assert f"`{text}`" in README
    for file in source.files:
        assert f"`{file.name}`" in README
