"""What every run writes before its first node: where the machine refuses, that is told, and no library's words."""

import builtins
import errno
import os
from pathlib import Path

import pytest

from pipeline.errors import MachineError
from pipeline.run.local.runner import run
from pipeline.run.request import Request

SETTINGS = ("data.dataset=null", "data.path=rows")


def refusing(real, begins):
    """The same, but for paths whose name begins so: there the disk has no more files to give."""

    def call(path, *arguments, **options):
        if isinstance(path, str | Path) and Path(path).name.startswith(begins):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return real(path, *arguments, **options)

    return call


@pytest.mark.parametrize("name", ["2", "config.yaml", ".lock.json", ".tmp", "run.log"])
def test_a_disk_that_is_full_when_a_run_begins_is_told_in_our_words(tmp_path, monkeypatch, name):
    monkeypatch.setattr(builtins, "open", refusing(open, name))
    monkeypatch.setattr(Path, "mkdir", refusing(Path.mkdir, name))
    with pytest.raises(MachineError, match="the disk is full; nothing was pushed") as caught:
        run(Request(config="census", overrides=SETTINGS, root=tmp_path / "runs"))
    assert caught.value.exit_code == 1


def test_a_history_that_cannot_be_read_is_told_likewise(tmp_path, monkeypatch):
    (tmp_path / "runs" / "census" / "history").mkdir(parents=True)

    def refuse(self):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(MachineError, match="permission denied"):
        run(Request(config="census", overrides=SETTINGS, root=tmp_path / "runs"))
