"""The Python files of a workload: what they import and define, read without running them, and their objects."""

import ast
import importlib
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from components.support.text import first_line
from pipeline.errors import ConfigError, MainlineError, did_you_mean, refused
from pipeline.workloads.location import WORKLOADS, Location

PARTS = ("features", "preprocessing", "model", "trainer", "evaluation", "card")
# What the graph and the settings call or read, by file.
NEEDED = {
    "features": ("TABLE",),
    "preprocessing": ("preprocessing_fn",),
    "model": ("Settings", "build_model"),
    "trainer": ("run_fn",),
    "evaluation": ("EVALUATION",),
    "card": ("CARD",),
}
BUILT_IN = "pipeline.workloads"
T = TypeVar("T")


@dataclass(frozen=True)
class Import:
    """An absolute import in a file: the module, the name taken from it, or "" for the module itself, and the line."""

    module: str
    name: str
    line: int

    @property
    def path(self) -> str:
        """The dotted path of what is imported."""
        return f"{self.module}.{self.name}" if self.name else self.module


def check_sources(location: Location) -> None:
    """Check the files of a workload before any is imported.

    Raises:
        ConfigError: a file is not Python, imports another workload or a name that its own package lacks, or does not
            define what it must.
        MachineError: a file cannot be read.
    """
    trees = parsed(location)
    imports = {part: list(imports_of(tree, location.package)) for part, tree in trees.items()}
    check_independent(location, imports)
    names = {part: set(defined_names(tree)) for part, tree in trees.items()}
    for part, needed in NEEDED.items():
        absent = [name for name in needed if not {name, "*"} & names[part]]
        if absent:
            raise ConfigError(
                shown(location, part), f"it does not define {' and '.join(absent)}",
                received=", ".join(sorted(names[part])), next_step=did_you_mean(absent[0], names[part]),
            )  # fmt: skip
    for part, found in imports.items():
        for item in found:
            check_own_name(location, part, item, names)


def parsed(location: Location) -> dict[str, ast.Module]:
    """Parse the files of a workload that will be imported: its parts, and what they import from its folder.

    An editor's lock, or an old file that nothing imports, is not among them.
    """
    trees: dict[str, ast.Module] = {}
    waiting = ["__init__", *PARTS]
    for part in waiting:
        path = location.folder / f"{part}.py"
        if part not in trees and path.is_file():
            trees[part] = parse(path, location)
            waiting += [inside.split(".")[0] for inside in imported_from(location, trees[part])]
    return dict(sorted(trees.items()))


def imported_from(location: Location, tree: ast.Module) -> Iterator[str]:
    """Yield what a file imports from its own package, such as ``features.TABLE``."""
    own = f"{location.package}."
    for item in imports_of(tree, location.package):
        if item.path.startswith(own):
            yield item.path.removeprefix(own)


def shown(location: Location, part: str, line: int | None = None) -> str:
    """One of the files as messages show it."""
    return f"{location.shown_folder}/{part}.py{'' if line is None else f', line {line}'}"


def parse(path: Path, location: Location) -> ast.Module:
    """Parse a file.

    Raises:
        ConfigError: it is not Python.
        MachineError: it cannot be read.
    """
    try:
        return ast.parse(path.read_bytes())
    except OSError as error:
        kind = refused(error, ConfigError)
        raise kind(shown(location, path.stem), "cannot be read", received=error.strerror or "") from error
    except SyntaxError as error:
        # Of an unknown encoding, say, there is no line.
        at = f", column {error.offset}" if error.lineno else ""
        where = shown(location, path.stem, error.lineno or None) + at
        raise ConfigError(where, "not valid Python", received=error.msg) from error
    except ValueError as error:
        raise ConfigError(shown(location, path.stem), "not valid Python", received=first_line(error)) from error


def imports_of(tree: ast.Module, package: str) -> Iterator[Import]:
    """Yield what a file of a package imports, relative imports as absolute ones."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, "", node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield from (Import(module, alias.name, node.lineno) for alias in node.names)


def defined_names(tree: ast.Module) -> Iterator[str]:
    """Yield the names that a file may have once it is imported; also ``*`` where it imports all names of another."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name.split(".")[0] for alias in node.names)


def check_independent(location: Location, imports: dict[str, list[Import]]) -> None:
    """Check that no file imports another workload, as a copy does whose imports were not changed.

    Raises:
        ConfigError: some do; it names all lines.
    """
    others = {(part, item): other_workload(item.path, location) for part, found in imports.items() for item in found}
    lines = [f"{part}.py, line {item.line}: {other}" for (part, item), other in others.items() if other]
    if lines:
        other = next(filter(None, others.values()))
        raise ConfigError(
            location.shown_folder, "it imports another workload", expected=f"imports of {location.package} only",
            received="; ".join(dict.fromkeys(lines)), next_step=f"Write {location.package} for {other} there.",
        )  # fmt: skip


def other_workload(module: str, location: Location) -> str | None:
    """The package of another workload that a module is in, if any."""
    names = module.split(".")
    for end in range(1, len(names) + 1):
        package = ".".join(names[:end])
        if package == location.package:
            return None
        if any(is_other(folder, location) for folder in folders_of(package)):
            return package
    return None


def folders_of(package: str) -> Iterator[Path]:
    """Yield where a package may lie, without importing the packages around it."""
    if package.startswith(f"{BUILT_IN}."):
        yield WORKLOADS / package.removeprefix(f"{BUILT_IN}.").replace(".", "/")
    else:
        yield from (Path(entry or ".") / package.replace(".", "/") for entry in sys.path)


def is_other(folder: Path, location: Location) -> bool:
    """Whether a folder is that of another workload."""
    return all((folder / f"{part}.py").is_file() for part in PARTS) and not folder.samefile(location.folder)


def check_own_name(location: Location, part: str, item: Import, names: dict[str, set[str]]) -> None:
    """Check that what is imported from a file of the same workload is there.

    Raises:
        ConfigError: it is not.
    """
    inside = item.module.removeprefix(f"{location.package}.")
    if inside == item.module:
        return
    path = location.folder / inside.replace(".", "/")
    importable = sorted(file.stem for file in location.folder.glob("*.py") if file.stem.isidentifier())
    if not path.is_dir() and not path.with_suffix(".py").is_file():
        raise ConfigError(
            shown(location, part, item.line), f"there is no {item.module}", expected=", ".join(importable),
            next_step=did_you_mean(inside, importable),
        )  # fmt: skip
    known = names.get(inside, {"*"})
    if item.name not in ("", "*") and not is_dunder(item.name) and not {item.name, "*"} & known:
        raise ConfigError(
            shown(location, part, item.line), f"{item.module} does not define {item.name}",
            expected=", ".join(sorted(known)), next_step=did_you_mean(item.name, known),
        )  # fmt: skip


def is_dunder(name: str) -> bool:
    """Whether a name is like ``__doc__``, of which each module has some without defining them."""
    return name.startswith("__") and name.endswith("__")


def import_part(location: Location, part: str) -> ModuleType:
    """Import one of the files.

    Raises:
        ConfigError: it fails; it says on which line of the workload.
    """
    try:
        return importlib.import_module(f"{location.package}.{part}")
    except MainlineError:
        raise
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame for frame in frames if Path(frame.filename).parent == location.folder]
        where = shown(location, Path(lines[-1].filename).stem, lines[-1].lineno) if lines else shown(location, part)
        raise ConfigError(
            where, "the file cannot be imported", received=f"{type(error).__name__}: {first_line(error)}",
            next_step="Correct the line.",
        ) from error  # fmt: skip


def defined(location: Location, part: str, attribute: str, kind: type[T]) -> T:
    """An object of one of the files.

    Raises:
        ConfigError: the file cannot be imported, or defines no such object of that type.
    """
    value = getattr(import_part(location, part), attribute, None)
    if not isinstance(value, kind):
        raise ConfigError(
            shown(location, part), f"{attribute} is wrong", expected=kind.__name__, received=repr(value)
        )  # fmt: skip
    return value
