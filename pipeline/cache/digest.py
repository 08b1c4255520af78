"""The hash of a function's source and of all our code that it reaches, so that an edit invalidates TFX's cache.

TFX keys its cache on the dotted path of ``run_fn``, a string, not on the code behind it.
"""

import ast
import hashlib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OURS = ("pipeline", "components", "schemas")


def source_digest(module: str, root: Path = ROOT) -> str:
    """Hash of a module and of the modules of ours that it imports, directly or not.

    Comments and formatting do not count; names, code and docstrings do.
    """
    digest = hashlib.sha256()
    for name in sorted(closure(module, root)):
        tree = ast.parse(source_path(name, root).read_text(encoding="utf-8"))
        digest.update(f"{name}\n{ast.dump(tree)}\n".encode())
    return digest.hexdigest()[:16]


def closure(module: str, root: Path = ROOT) -> set[str]:
    """A module and everything of ours that it imports, directly or not."""
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in seen and source_path(name, root).is_file():
            seen.add(name)
            waiting += imported(source_path(name, root), package(name, root))
    return seen


def source_path(module: str, root: Path = ROOT) -> Path:
    """The file of a module or of a package."""
    path = root.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def package(module: str, root: Path = ROOT) -> list[str]:
    """The package that a module is in, or is, by its parts: what a relative import starts from."""
    parts = module.split(".")
    return parts if root.joinpath(*parts).is_dir() else parts[:-1]


def imported(path: Path, inside: list[str]) -> Iterator[str]:
    """Names of our modules that a file may import; ``from a import b`` may mean a.b, so both are given.

    ``inside`` is the package of the file, by its parts.
    """
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = inside[: len(inside) + 1 - node.level] if node.level else []
            source = ".".join([*start, *filter(None, [node.module])])
            names = [source, *(f"{source}.{alias.name}" for alias in node.names)]
        yield from (name for name in names if name.split(".")[0] in OURS)
