"""Files that every run writes before its first node: errors of the machine are explained, not passed on raw."""

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
    """Wrap a function so that it finds the disk full for paths whose name starts with ``begins``."""

    def call(path, *arguments, **options):
        if isinstance(path, str | Path) and Path(path).name.startswith(begins):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return real(path, *arguments, **options)

    return call


@pytest.mark.parametrize("name", ["2", "config.yaml", ".lock.json", ".tmp", "run.log"])
def test_a_full_disk_at_the_start_of_a_run_is_explained(tmp_path, monkeypatch, name):
    monkeypatch.setattr(builtins, "open", refusing(open, name))
    monkeypatch.setattr(Path, "mkdir", refusing(Path.mkdir, name))
    with pytest.raises(MachineError, match="the disk is full; nothing was pushed") as caught:
        run(Request(config="census", overrides=SETTINGS, root=tmp_path / "runs"))
    assert caught.value.exit_code == 1


def test_an_unreadable_history_is_explained(tmp_path, monkeypatch):
    (tmp_path / "runs" / "census" / "history").mkdir(parents=True)

    def refuse(self):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(MachineError, match="permission denied"):
        run(Request(config="census", overrides=SETTINGS, root=tmp_path / "runs"))
