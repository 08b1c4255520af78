"""A volume that is missing, full, or does not respond: real mounts in their own namespace."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fakes.databases import missing
from fakes.kubeflow.pipeline_runs import LOST_STORE, stop_group

from pipeline.config.kubeflow import Kubeflow
from pipeline.errors import MainlineError
from pipeline.kubeflow.pod.volume import explained, is_mounted

ROOT = Path(__file__).resolve().parents[4]
CHECK = """
import os, sys
from pipeline.errors import MainlineError
from pipeline.kubeflow.pod.volume import check_volume
from pipeline.config.kubeflow import Kubeflow
try:
    check_volume(Kubeflow(mount_path=sys.argv[1], root=sys.argv[1] + "/runs"), timeout_s=2.0)
except MainlineError as error:
    print(error)
    # Like a pod, do not wait for a hanging thread.
    sys.stdout.flush()
    os._exit(error.exit_code)
"""


def checked(tmp_path: Path, mounting: str) -> tuple[int, str]:
    """Run the check after shell commands in a mount namespace; ``$1`` is the mount path."""
    mount = tmp_path / "mnt"
    mount.mkdir()
    script = f'set -e\n{mounting}\nexec "$2" -c "$3" "$1"'
    command = ["unshare", "-m", "sh", "-c", script, "sh", str(mount), sys.executable, CHECK]
    pod = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT, start_new_session=True
    )
    try:
        said = pod.communicate(timeout=60)[0]
    finally:
        stop_group(pod)
    if "unshare" in said and "permitted" in said:
        pytest.skip("mount namespaces are refused here")
    return pod.returncode, said


def test_a_mounted_volume_passes(tmp_path):
    assert checked(tmp_path, 'mount -t tmpfs tmpfs "$1"') == (0, "")


def test_a_folder_of_the_same_disk_passes(tmp_path):
    (tmp_path / "volume").mkdir()
    assert checked(tmp_path, f'mount --bind {tmp_path}/volume "$1"') == (0, "")
    assert (tmp_path / "volume" / "runs").is_dir()


def test_without_a_mount_the_volume_is_refused_and_nothing_is_written(tmp_path):
    code, said = checked(tmp_path, "true")
    assert code == 2
    assert "no volume is mounted" in said
    assert "kubeflow.claim" in said
    assert list((tmp_path / "mnt").iterdir()) == []


def test_without_the_folder_the_volume_is_refused(tmp_path):
    code, said = checked(tmp_path, 'rmdir "$1"')
    assert (code, "no volume is mounted" in said) == (2, True)


def test_a_full_volume_is_reported(tmp_path):
    filling = 'mount -t tmpfs -o size=64k tmpfs "$1"; head -c 100000 /dev/zero > "$1/old" 2>/dev/null || true'
    code, said = checked(tmp_path, filling)
    assert code == 1
    assert "the volume is full" in said
    assert "Enlarge the claim mainline" in said


def test_a_volume_that_is_not_writable_is_reported(tmp_path):
    code, said = checked(tmp_path, 'mount -t tmpfs tmpfs "$1"; mount -o remount,ro "$1"')
    assert code == 2
    assert "not writable" in said
    assert "Read-only" in said


def test_a_hanging_file_system_is_reported(tmp_path):
    if shutil.which("rclone") is None:
        missing("rclone")
    (tmp_path / "store").mkdir()
    # A stopped driver makes every access hang.
    driver = f"""
        rclone mount --config "" "{tmp_path}/store" "$1" >/dev/null 2>&1 &
        until grep -q " $1 " /proc/self/mountinfo; do sleep 0.1; done
        kill -STOP $!"""
    code, said = checked(tmp_path, driver)
    assert code == 1
    assert "does not respond" in said
    assert "no response within 2 s" in said


def test_an_unreachable_object_store_is_reported(tmp_path):
    if shutil.which("rclone") is None:
        missing("rclone")
    code, said = checked(tmp_path, LOST_STORE)
    assert code == 1
    assert "the volume, or the object store behind it, does not respond" in said
    assert "Input/output error" in said


def test_a_lost_connection_of_the_file_system_is_reported():
    settings = Kubeflow(mount_path="/mnt/x", root="/mnt/x/runs")
    refused = MainlineError("/mnt/x/runs", "cannot be written", received="Transport endpoint is not connected")
    refused.__cause__ = OSError(107, "Transport endpoint is not connected")
    error = explained(settings, refused)
    assert "the object store behind it, does not respond" in str(error)
    assert "Transport endpoint is not connected" in str(error)


def test_mounts_are_seen():
    assert is_mounted("/proc")
    assert not is_mounted("/proc/self")
