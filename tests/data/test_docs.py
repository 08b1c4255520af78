"""The examples in the docstrings run, and the README agrees with the tables in the code."""

import doctest
import importlib
from pathlib import Path

import pytest

import data
from data import census, impressions, movielens
from data.sources import SOURCES

FOLDER = Path(data.__file__).parent
README = (FOLDER / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("[a-z]*.py")))
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
