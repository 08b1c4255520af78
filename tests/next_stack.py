"""Run the tests, or with ``--run`` a pipeline, on the stack of the image (Debian 13, Python 3.13, TFX 1.21).

``make test-next ARGS=...`` passes its arguments to pytest, ``make run-next ARGS=...`` to local_runner.py. They run in a
copy of the checkout, in a tree below .next/ that is rebuilt when the lock changes; data/cache is
shared. This needs root, but no container engine.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fakes.image.chroot import IN_CHROOT_ENV, Chroot, Mount
from fakes.image.image_tree import ROOT, TREES, ImageTrees, clear, say

from pipeline.errors import MainlineError

CHECKOUT = "/src"
# Environment variables that the tests inherit.
INHERITED = ("CI", "TERM", "PYTEST_ADDOPTS")


def main(arguments: Sequence[str]) -> int:
    """Build the tree if necessary, copy the checkout, and run the command in it; return its exit code."""
    if any(argument in ("-h", "--help") for argument in arguments):
        print(__doc__)
        return 0
    try:
        TREES.mkdir(exist_ok=True)
        # One at a time: the tree and the copy are shared.
        with FileLock(TREES / ".tests.lock"):
            tree = ImageTrees().stage("tests")
            return run_inside(tree, copy_checkout(TREES / "checkout"), command_of(arguments))
    except MainlineError as error:
        print(error, file=sys.stderr)
        return error.exit_code


def command_of(arguments: Sequence[str]) -> list[str]:
    """Return what Python is to run.

    >>> command_of(["-k", "gate"]), command_of(["--run", "--config", "census"])
    (['-m', 'pytest', '-k', 'gate'], ['local_runner.py', '--root', '/tmp/runs', '--config', 'census'])
    """
    if arguments[:1] == ["--run"]:
        return ["local_runner.py", "--root", "/tmp/runs", *arguments[1:]]
    return ["-m", "pytest", *arguments]


def run_inside(tree: Path, checkout: Path, command: Sequence[str]) -> int:
    """Run Python with a command in a tree; return its exit code."""
    cache = ROOT / "data" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    mounts = [
        Mount(checkout, CHECKOUT, writable=True),
        Mount(ROOT / ".git", f"{CHECKOUT}/.git"),
        Mount(cache, f"{CHECKOUT}/data/cache", writable=True),
    ]
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    chroot = Chroot(tree, {IN_CHROOT_ENV: "1", **inherited}, folder=CHECKOUT, mounts=mounts)
    clear(tree / "tmp")
    (tree / "tmp").mkdir()
    (tree / "tmp").chmod(0o1777)
    say(f"python {' '.join(command)}, in {tree}")
    return chroot.run(["/opt/mainline/bin/python", *command], capture=False).returncode


def copy_checkout(target: Path) -> Path:
    """Copy the files that git tracks or would add, with their current content."""
    clear(target)
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        # Git still lists a deleted file until the deletion is committed.
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    (target / ".git").mkdir()
    (target / "data" / "cache").mkdir()
    return target


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
