import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from components.files import claim

ROOT = Path(__file__).resolve().parents[2]
RACE = """
import sys
from pathlib import Path
from components.files import claim
print(claim(Path(sys.argv[1]), sys.argv[2].encode() * 100_000))
"""


def test_the_first_one_writes_and_others_find_it(tmp_path):
    path = tmp_path / "new" / "name"
    assert claim(path, b"one")
    assert not claim(path, b"two")
    assert path.read_bytes() == b"one"
    assert [found.name for found in path.parent.iterdir()] == ["name"]


def test_of_several_processes_one_gets_it_whole(tmp_path):
    path = tmp_path / "name"
    command = [sys.executable, "-c", RACE, str(path)]
    racers = [
        subprocess.Popen([*command, str(digit)], stdout=subprocess.PIPE, text=True, cwd=ROOT) for digit in range(4)
    ]
    said = [racer.communicate()[0].strip() for racer in racers]
    assert sorted(said) == ["False", "False", "False", "True"]
    assert path.read_bytes() == str(said.index("True")).encode() * 100_000


def without_links(monkeypatch, number: int) -> None:
    """As on a file system that has no hard links."""

    def refuse(source, target):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refuse)


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP])
def test_it_works_without_hard_links(tmp_path, monkeypatch, number):
    without_links(monkeypatch, number)
    assert claim(tmp_path / "name", b"one")
    assert not claim(tmp_path / "name", b"two")
    assert (tmp_path / "name").read_bytes() == b"one"


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path, monkeypatch):
    without_links(monkeypatch, errno.ENOSPC)
    with pytest.raises(OSError, match="No space left"):
        claim(tmp_path / "name", b"one")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_filled_is_taken_back_where_there_are_no_links(tmp_path, monkeypatch):
    without_links(monkeypatch, errno.EPERM)
    content = b"x" * 1000

    def full(path, mode="r", **options):
        open(path, mode, **options).close()
        # Every write to this device finds no space left.
        return open("/dev/full", "wb", buffering=0)

    monkeypatch.setattr("components.files.open", full, raising=False)
    with pytest.raises(OSError, match="No space left"):
        claim(tmp_path / "name", content)
    assert list(tmp_path.iterdir()) == []
