"""The real data, fetched once into the default cache; the network is used only when that is empty."""

import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from data.fetch import DEFAULT_CACHE, fetch
from data.prepare import Prepared, prepare
from data.sources import RawFile, Source

CONTENT = b"1\t2\n"


@pytest.fixture(scope="session")
def movielens_raw() -> Path:
    return fetch("movielens-100k", DEFAULT_CACHE)


@pytest.fixture(scope="session")
def adult_raw() -> Path:
    return fetch("adult", DEFAULT_CACHE)


@pytest.fixture(scope="session")
def recommender(movielens_raw: Path) -> Prepared:
    return prepare("recommender", "random", 0, DEFAULT_CACHE)


@pytest.fixture(scope="session")
def census(adult_raw: Path) -> Prepared:
    return prepare("census", "given", 0, DEFAULT_CACHE)


@pytest.fixture
def tiny_source(tmp_path: Path) -> Callable[..., tuple[Source, Path]]:
    """Make a source of one file, and the wheel that holds it; what the table says of either can be made wrong."""

    def make(member: str = "pack/rows.tsv", content: bytes = CONTENT, **wrong: str) -> tuple[Source, Path]:
        wheel = tmp_path / "tiny-1.0-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr("pack/rows.tsv", content)
        files = (RawFile(member, sha256(CONTENT).hexdigest()),)
        checksum = sha256(wheel.read_bytes()).hexdigest()
        return Source("tiny", "tiny==1.0", wheel.name, checksum, files)._replace(**wrong), wheel

    return make


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail the test if anything is downloaded."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr("data.fetch.download", refuse)
