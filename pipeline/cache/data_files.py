"""Tell which files beside our modules belong to the code, such as style sheets."""

import os
from collections.abc import Collection, Iterator
from pathlib import Path, PurePath

from components.support.row_files import KINDS

NOT_DATA = frozenset({".py", ".pyc", ".pyi", ".md", ".typed"})
ROWS = (*KINDS, ".gz")
CONFIGS = (".yaml", ".yml")
# Folders of what is made or downloaded, such as data/cache.
CACHES = ("__pycache__", "cache")


def data_files(folder: Path, named: Collection[str], packages: Collection[Path]) -> Iterator[Path]:
    """Yield the files in a folder of modules that belong to its code.

    Args:
        folder: the folder.
        named: strings in its modules. A folder in it counts where they name it, and so does a file of rows, or a
            config beside the modules: a workload's own rows and configs may lie there, too.
        packages: folders that count by themselves.
    """
    # Not Path.iterdir: most entries are modules, which scandir passes over without asking the file system again.
    with os.scandir(folder) as entries:
        for entry in entries:
            path = folder / entry.name
            if not entry.is_dir():
                if belongs(PurePath(entry.name), named) and entry.is_file():
                    yield path
            elif entry.name in named and path not in packages:
                inner = path.rglob("*")
                yield from (file for file in inner if belongs(file.relative_to(folder), named) and file.is_file())


def belongs(path: PurePath, named: Collection[str]) -> bool:
    """Return whether a file belongs to the code of the modules that its path starts from.

    >>> [belongs(PurePath(name), ["mine.csv"]) for name in ("page.css", "mine.csv", "rules/a.yaml")]
    [True, True, True]
    >>> [belongs(PurePath(name), []) for name in ("a.py", "train/rows.csv", "churn.yaml", ".a.css.swp", "a.css~")]
    [False, False, False, False, False]
    """
    if path.suffix in NOT_DATA or any(map(is_leftover, path.parts)):
        return False
    optional = ROWS if len(path.parts) > 1 else (*ROWS, *CONFIGS)
    return path.name in named or not path.name.lower().endswith(optional)


def is_leftover(name: str) -> bool:
    """Return whether a file or folder is hidden, an editor's copy, or a cache.

    >>> [is_leftover(name) for name in (".git", "page.css~", "#page.css#", "__pycache__", "page.css")]
    [True, True, True, True, False]
    """
    return name.startswith((".", "~$")) or name.endswith("~") or name[0] == name[-1] == "#" or name in CACHES
