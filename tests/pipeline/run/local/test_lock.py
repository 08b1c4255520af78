import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from unittest.mock import ANY

import pytest

import pipeline
from pipeline.errors import InputError, MachineError, MainlineError
from pipeline.run.local.lock import make_writable, resolve_folder, run_lock
from pipeline.run.watch.triggers import SETTLED

ROOT = Path(pipeline.__file__).parents[1]
HOLD = (
    "import sys, time; from pathlib import Path; from pipeline.run.local.lock import run_lock\n"
    "with run_lock(Path(sys.argv[1]), 'the-other-run'):\n"
    "    print('held', flush=True); time.sleep(60)\n"
)
FULL = (
    "import sys; from pathlib import Path; from pipeline.errors import MachineError\n"
    "from pipeline.run.local.lock import make_writable\n"
    "try:\n    make_writable(Path(sys.argv[1]))\n"
    "except MachineError as error:\n    print(error)\n"
)
# A full file system of two pages in a mount namespace of this process.
MOUNT = 'mount -t tmpfs -o size=8k none "$1" && head -c 8192 /dev/zero > "$1/full" && exec "$2" -c "$3" "$1"'
TRY_TO_MOUNT = ["unshare", "-rm", "sh", "-c", "mount -t tmpfs -o size=8k none /tmp"]
CAN_MOUNT = bool(shutil.which("unshare")) and not subprocess.run(TRY_TO_MOUNT, capture_output=True).returncode


@pytest.fixture
def other(tmp_path):
    """Another process that holds the lock of ``tmp_path``."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, cwd=ROOT)
    assert process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_second_run_is_refused_and_told_which_one_is_active(tmp_path, other):
    with pytest.raises(MainlineError) as caught, run_lock(tmp_path, "mine"):
        pass
    first, received, next_step = str(caught.value).splitlines()
    assert first == f"{tmp_path}: another run is active here"
    holder = json.loads(received.removeprefix("  received: "))
    assert holder == {"pid": other.pid, "run": "the-other-run", "since": ANY}
    assert next_step == "  next:     Wait until it ends, or give another --root."
    assert caught.value.exit_code == 1


def test_a_refused_run_leaves_the_name_of_the_active_one(tmp_path, other):
    for _ in range(2):
        with pytest.raises(MainlineError, match="the-other-run"), run_lock(tmp_path, "mine"):
            pass


def test_an_unnamed_holder_is_unknown(tmp_path, other):
    (tmp_path / ".lock.json").unlink()
    with pytest.raises(MainlineError, match="received: unknown"), run_lock(tmp_path, "mine"):
        pass


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_run_leaves_nothing_to_clean_up(tmp_path, other, number):
    os.kill(other.pid, number)
    other.wait()
    with run_lock(tmp_path, "mine"):
        holder = json.loads((tmp_path / ".lock.json").read_text(encoding="utf-8"))
    assert holder == {"pid": os.getpid(), "run": "mine", "since": ANY}


def test_the_lock_is_released_at_the_end_and_after_an_error(tmp_path):
    with run_lock(tmp_path, "first"):
        pass
    with pytest.raises(ValueError, match="broken"), run_lock(tmp_path, "second"):
        raise ValueError("broken")
    with run_lock(tmp_path, "third"):
        pass


def test_other_roots_are_not_locked(tmp_path, other):
    with run_lock(tmp_path / "elsewhere", "mine"):
        pass


def test_a_root_is_created_with_the_folders_above_it(tmp_path):
    make_writable(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_a_root_below_a_file_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    root = tmp_path / "file" / "root"
    with pytest.raises(InputError) as caught, run_lock(root, "mine"):
        pass
    assert str(caught.value).splitlines() == [
        f"{root}: cannot be written",
        "  received: Not a directory",
        "  next:     Give a writable folder with --root, or free some space.",
    ]
    assert caught.value.exit_code == 2


def test_a_root_that_is_a_file_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("kept")
    with pytest.raises(InputError, match="cannot be written\n  received: File exists"):
        make_writable(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.skipif(not CAN_MOUNT, reason="this machine allows no private mounts")
def test_a_full_disk_is_found_before_the_run_starts(tmp_path):
    command = ["unshare", "-rm", "sh", "-c", MOUNT, "sh", str(tmp_path), sys.executable, FULL]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.stdout.splitlines() == [
        f"{tmp_path}: cannot be written",
        "  received: No space left on device",
        "  next:     Give a writable folder with --root, or free some space.",
    ], done.stderr


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EACCES, errno.EFBIG])
def test_an_error_of_the_machine_is_not_bad_input(tmp_path, monkeypatch, number):
    def refuse(*_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "write_text", refuse)
    with pytest.raises(MachineError, match=os.strerror(number)) as caught:
        make_writable(tmp_path)
    assert caught.value.exit_code not in SETTLED
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_a_loop_of_links_is_refused(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    for folder in (tmp_path / "a", tmp_path / "a" / "runs"):
        with pytest.raises(InputError):
            make_writable(resolve_folder(folder))


@pytest.mark.parametrize("name", ["x" * 300, "a\0b"])
def test_an_invalid_path_is_refused(tmp_path, name):
    with pytest.raises(InputError):
        make_writable(resolve_folder(tmp_path / name))
