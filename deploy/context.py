"""Which files a build of the image sees: those that .dockerignore lets in.

The last pattern that fits a path, or a folder above it, decides: https://docs.docker.com/build/concepts/context/#syntax
"""

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

PARTS = re.compile(r"(\*\*/|\*\*|\*|\?)")
MEANINGS = {"**/": r"(?:.*/)?", "**": r".*", "*": r"[^/]*", "?": r"[^/]"}


def context_files(root: Path) -> list[str]:
    """The files of a folder that .dockerignore lets in, relative to it and sorted."""
    patterns = (root / ".dockerignore").read_text(encoding="utf-8").splitlines()
    named = {line.lstrip("!").split("/")[0] for line in patterns if line.startswith("!")}
    # Where all is ignored but what is named, nothing else need be looked at: there may be a million files beside it.
    tops = [root / name for name in sorted(named)] if "*" in patterns else [root]
    found = [path for top in tops for path in ([top] if top.is_file() else top.rglob("*")) if path.is_file()]
    names = (path.relative_to(root).as_posix() for path in found)
    return sorted(name for name in names if not ignored(name, patterns))


def ignored(path: str, patterns: Sequence[str]) -> bool:
    """Whether the lines of a .dockerignore leave a path out.

    >>> ignored("data/cache/x.csv", ["*", "!data", "data/cache"]), ignored("data/x.py", ["*", "!data", "data/cache"])
    (True, False)
    """
    steps = [str(PurePosixPath(*PurePosixPath(path).parts[:end])) for end in range(1, len(path.split("/")) + 1)]
    out = False
    for line in patterns:
        pattern = line.strip().removeprefix("!").strip("/")
        if pattern and not pattern.startswith("#") and any(_expression(pattern).fullmatch(step) for step in steps):
            out = not line.startswith("!")
    return out


def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile("".join(MEANINGS.get(part, re.escape(part)) for part in PARTS.split(pattern)))
