"""A child ends with its parent, whatever it is and however early that comes."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import psutil

from components.support.child_processes import bound, die_with

ROOT = Path(__file__).resolve().parents[3]
# The parent is killed in the instant in which the child is there: no line after Popen is run.
KILLED_AT_ONCE = """
import os, signal, subprocess
from components.support.child_processes import Child, environment

class Popen(subprocess.Popen):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        print(self.pid, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

subprocess.Popen = Popen
Child("sleeper", ["sleep", "60"], environment(1))
"""


def run(*command: str) -> subprocess.CompletedProcess[str]:
    own = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60, env=own)


def test_a_child_ends_with_a_parent_that_is_killed_before_it_holds_the_child():
    parent = run(sys.executable, "-c", KILLED_AT_ONCE)
    assert parent.returncode == -9
    pid = int(parent.stdout)
    _, alive = psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=10)
    assert alive == []


def test_a_command_whose_parent_has_gone_does_not_begin(tmp_path):
    other = run(sys.executable, "-m", "components.support.child_processes", "1", "touch", str(tmp_path / "begun"))
    assert (other.returncode, list(tmp_path.iterdir())) == (1, [])


def test_a_bound_command_has_its_own_words_and_exit_code(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    ended = subprocess.run(bound(["sh", "-c", "echo $0 $1; exit 3", "a b", "c"]), capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (3, "a b c\n")


def test_a_child_that_says_much_ends_though_nobody_can_write_it_down():
    program = (
        "from components.support.child_processes import Child, environment\n"
        "child = Child('talker', [sys.executable, '-c', 'print(\"x\" * 1000000)'], environment(1))\n"
        "child.wait(); os._exit(child.poll())\n"
    )
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-c", f"import os, sys\n{program}"], stdout=full, cwd=ROOT, timeout=60)
    assert done.returncode == 0


def test_nothing_is_loaded_between_fork_and_exec(monkeypatch):
    def refuse(name):
        raise AssertionError("loads a library")

    monkeypatch.setattr(ctypes, "CDLL", refuse)
    die_with(os.getppid(), 0)
