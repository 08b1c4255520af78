"""The build context of the image: the files that .dockerignore does not exclude.

The last pattern that matches a path, or a folder above it, decides:
https://docs.docker.com/build/concepts/context/#syntax
"""

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

PARTS = re.compile(r"(\*\*/|\*\*|\*|\?)")
MEANINGS = {"**/": r"(?:.*/)?", "**": r".*", "*": r"[^/]*", "?": r"[^/]"}


def context_files(root: Path) -> list[str]:
    """The files of the build context, sorted, relative to its root."""
    patterns = (root / ".dockerignore").read_text(encoding="utf-8").splitlines()
    named = {line.lstrip("!").split("/")[0] for line in patterns if line.startswith("!")}
    # With "*" only named folders need to be searched; there may be a million files elsewhere.
    tops = [root / name for name in sorted(named)] if "*" in patterns else [root]
    found = [path for top in tops for path in ([top] if top.is_file() else top.rglob("*")) if path.is_file()]
    names = (path.relative_to(root).as_posix() for path in found)
    return sorted(name for name in names if not ignored(name, patterns))


def ignored(path: str, patterns: Sequence[str]) -> bool:
    """Whether the lines of a .dockerignore exclude a path.

    >>> ignored("data/cache/x.csv", ["*", "!data", "data/cache"]), ignored("data/x.py", ["*", "!data", "data/cache"])
    (True, False)
    """
    ancestors = [str(PurePosixPath(*PurePosixPath(path).parts[:end])) for end in range(1, len(path.split("/")) + 1)]
    excluded = False
    for line in patterns:
        pattern = line.strip().removeprefix("!").strip("/")
        if pattern and not pattern.startswith("#") and any(map(_expression(pattern).fullmatch, ancestors)):
            excluded = not line.startswith("!")
    return excluded


def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile("".join(MEANINGS.get(part, re.escape(part)) for part in PARTS.split(pattern)))
