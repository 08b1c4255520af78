"""A start without what no run needs, few looks for garbage, memory given back, and an end that tidies up nothing.

``tfx.components`` is entered without its ``__init__``, which imports every stock component with its executor. TFX's
launcher and every component of ours reach into that package, and with it came, among others, the Kubernetes client and
the JSON schemas that it checks: seconds of a start that no pipeline here has a use for. An ``__init__`` that does more
than import runs as ever: that of TFX 1.21 mends TFMA. Who does need the Kubernetes client gets it
without the schemas.
"""

import ast
import atexit
import contextlib
import ctypes
import gc
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

PACKAGE = "tfx.components"


class LeanPackage(ModuleType):
    """A package whose modules can be imported; asked for what only its ``__init__`` gives, it runs that first."""

    def __getattr__(self, name: str) -> Any:
        """A module of the package, or a name of its ``__init__``."""
        if name.startswith("__"):
            raise AttributeError(name)
        # ``from package import module`` asks here before it imports.
        if importlib.util.find_spec(f"{self.__name__}.{name}") is not None:
            return importlib.import_module(f"{self.__name__}.{name}")
        complete(self)
        return getattr(self, name)


def complete(package: LeanPackage) -> None:
    """Runs the ``__init__``; from its first line on the package is one like any other."""
    package.__class__ = ModuleType  # type: ignore[assignment]
    package.__spec__.loader.exec_module(package)  # type: ignore[union-attr]


def only_imports(source: str) -> bool:
    """Whether a module does nothing but import, besides what it says of itself.

    >>> only_imports("from a import b\\n__all__ = ['b']"), only_imports("import a\\na.b = 1")
    (True, False)
    """
    harmless = (ast.Import, ast.ImportFrom)
    return all(isinstance(line, harmless) or of_itself(line) for line in ast.parse(source).body)


def of_itself(line: ast.stmt) -> bool:
    """Whether a statement is a docstring, or sets a constant of the module."""
    if isinstance(line, ast.Assign):
        return all(isinstance(target, ast.Name) for target in line.targets)
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)


def begin() -> None:
    """All of it, for a process that builds a graph or runs a part of one."""
    collect_rarely()
    enter()
    end_at_once()


def collect_rarely() -> None:
    """Looks for cyclic garbage after 50,000 new objects, not after 700 as by default.

    Imports and traces make a million objects that stay; walking them again and again was a tenth of the processor time
    of a start, and as much of tracing a model.
    """
    gc.set_threshold(50_000, 20, 20)


@contextlib.contextmanager
def overlooking_imports() -> Iterator[None]:
    """Looks for garbage pass over all that is there now, while the block runs: most of it is modules, which stay."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def give_back() -> None:
    """Frees garbage in cycles, and gives the system the pages that hold nothing any more.

    glibc keeps freed pages below the last one in use. After a training of ten million rows these, and its datasets,
    which hold each other, were 380 MB (https://man7.org/linux/man-pages/man3/malloc_trim.3.html).
    """
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)


def enter() -> None:
    """Registers the package, unless it is imported already, or must run whole."""
    spec = importlib.util.find_spec(PACKAGE)
    if PACKAGE in sys.modules or not only_imports(Path(spec.origin).read_text(encoding="utf-8")):  # type: ignore
        return
    package = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    package.__class__ = LeanPackage
    parent, _, child = PACKAGE.rpartition(".")
    sys.modules[PACKAGE] = package
    setattr(sys.modules[parent], child, package)


@contextlib.contextmanager
def without(name: str) -> Iterator[None]:
    """Hides a module, while the block runs, from whoever would import it only because it is there."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[name]


def end_at_once() -> None:
    """Spares the interpreter's end a walk over all that TensorFlow made, which takes seconds."""
    atexit.unregister(gc.freeze)
    atexit.register(gc.freeze)
