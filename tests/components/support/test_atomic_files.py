import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from components.support.atomic_files import claim, write_json, write_whole

ROOT = Path(__file__).resolve().parents[3]
RACE = """
import sys
from pathlib import Path
from components.support.atomic_files import claim
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

    monkeypatch.setattr("components.support.atomic_files.open", full, raising=False)
    with pytest.raises(OSError, match="No space left"):
        claim(tmp_path / "name", content)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_filled_leaves_the_old_one(tmp_path, monkeypatch):
    write_whole(tmp_path / "name", b"old")

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_json(tmp_path / "name", {"new": 1})
    assert (tmp_path / "name").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["name"]


def test_a_file_system_that_cannot_say_when_it_has_written_is_believed(tmp_path, monkeypatch):
    def cannot(descriptor):
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr(os, "fsync", cannot)
    write_whole(tmp_path / "deep" / "name", b"new")
    assert (tmp_path / "deep" / "name").read_bytes() == b"new"


def test_a_limit_on_the_size_of_files_leaves_the_old_one(tmp_path):
    write_whole(tmp_path / "name", b"old")
    program = (
        "import resource, sys; from pathlib import Path; from components.support.atomic_files import write_whole\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "write_whole(Path(sys.argv[1]), b'x' * 5000)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path / "name")], capture_output=True, text=True,
                          cwd=ROOT)  # fmt: skip
    assert "File too large" in done.stderr
    assert (tmp_path / "name").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["name"]
