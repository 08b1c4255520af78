"""Runs the tests on the image's stack, Debian 13, Python 3.13 and TFX 1.21: ``python -m deploy.next [PYTEST ...]``.

They run in a copy of the checkout, in a tree below .next/ that is built again when the lock has changed; the raw and
prepared data of data/cache are shared. Needs root, and no container engine.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock

from deploy.chroot import Inside, Mount
from deploy.tree import ROOT, TREES, Trees, clear, say
from pipeline.errors import MainlineError

CHECKOUT = "/src"
# Where it is set, the tests run in such a tree already.
INSIDE = "MAINLINE_IN_TREE"
HANDED_ON = ("CI", "TERM", "PYTEST_ADDOPTS")


def main(arguments: Sequence[str]) -> int:
    """Builds what is missing, copies the checkout, runs pytest; gives its exit code."""
    if any(argument in ("-h", "--help") for argument in arguments):
        print(__doc__)
        return 0
    try:
        TREES.mkdir(exist_ok=True)
        # One at a time: they share the tree and the copy.
        with FileLock(TREES / ".tests.lock"):
            tree = Trees().stage("tests")
            return run_tests(tree, copy_checkout(TREES / "checkout"), arguments)
    except MainlineError as error:
        print(error, file=sys.stderr)
        return error.exit_code


def run_tests(tree: Path, checkout: Path, arguments: Sequence[str]) -> int:
    """Runs pytest in a tree."""
    cache = ROOT / "data" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    mounts = [
        Mount(checkout, CHECKOUT, writable=True),
        Mount(ROOT / ".git", f"{CHECKOUT}/.git"),
        Mount(cache, f"{CHECKOUT}/data/cache", writable=True),
    ]
    handed_on = {name: os.environ[name] for name in HANDED_ON if name in os.environ}
    inside = Inside(tree, {INSIDE: "1", **handed_on}, folder=CHECKOUT, mounts=mounts)
    clear(tree / "tmp")
    (tree / "tmp").mkdir()
    (tree / "tmp").chmod(0o1777)
    say(f"pytest {' '.join(arguments)}, in {tree}")
    return inside.run(["/opt/mainline/bin/python", "-m", "pytest", *arguments], capture=False).returncode


def copy_checkout(target: Path) -> Path:
    """The files that git knows or would add, as they are now."""
    clear(target)
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        # One that is deleted and not yet committed is still listed.
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    (target / ".git").mkdir()
    (target / "data" / "cache").mkdir()
    return target


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
