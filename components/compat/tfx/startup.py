"""Start a process without the parts of TFX that no run needs. TFX itself is not imported here.

``skip_components_init``
    Enter the package ``tfx.components`` without running its ``__init__``, which imports every stock component with its
    executor, and with them the Kubernetes client and its JSON schemas. TFX's launcher and all our components reach into
    that package. On TFX 1.16 it saves every process a third of the processor time of importing the graph (5.2 s instead
    of 7.8 s on a machine with 2 cores). On TFX 1.21 it does nothing: there the ``__init__`` also mends TFMA, and must
    run. Upstream: ``tfx/components/__init__.py``. When it goes: processes start more slowly, nothing else changes.
"""

import ast
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from components.support import garbage_collection

COMPONENTS = "tfx.components"


def prepare_process() -> None:
    """Set up a process that builds a graph or runs a node: few collections, a quick start and a quick end."""
    garbage_collection.collect_rarely()
    skip_components_init()
    garbage_collection.skip_final_collection()


def skip_components_init() -> None:
    """Register ``tfx.components`` without its ``__init__``, unless it is imported already or must run."""
    spec = importlib.util.find_spec(COMPONENTS)
    if COMPONENTS in sys.modules or not only_imports(Path(spec.origin).read_text(encoding="utf-8")):  # type: ignore
        return
    package = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    package.__class__ = LazyPackage
    parent, _, child = COMPONENTS.rpartition(".")
    sys.modules[COMPONENTS] = package
    setattr(sys.modules[parent], child, package)


class LazyPackage(ModuleType):
    """A package whose modules can be imported. Its ``__init__`` runs once a name is asked for that only it defines."""

    def __getattr__(self, name: str) -> Any:
        """Return a module of the package, or a name of its ``__init__``."""
        if name.startswith("__"):
            raise AttributeError(name)
        # ``from package import module`` asks here before it imports.
        if importlib.util.find_spec(f"{self.__name__}.{name}") is not None:
            return importlib.import_module(f"{self.__name__}.{name}")
        run_init(self)
        return getattr(self, name)


def run_init(package: LazyPackage) -> None:
    """Run the ``__init__``; from its first line on the package is an ordinary one."""
    package.__class__ = ModuleType  # type: ignore[assignment]
    package.__spec__.loader.exec_module(package)  # type: ignore[union-attr]


def only_imports(source: str) -> bool:
    """Whether a module does nothing but import, apart from its docstring and constants.

    >>> only_imports("from a import b\\n__all__ = ['b']"), only_imports("import a\\na.b = 1")
    (True, False)
    """
    imports = (ast.Import, ast.ImportFrom)
    return all(isinstance(line, imports) or is_docstring_or_constant(line) for line in ast.parse(source).body)


def is_docstring_or_constant(line: ast.stmt) -> bool:
    """Whether a statement is a docstring, or sets a name of the module."""
    if isinstance(line, ast.Assign):
        return all(isinstance(target, ast.Name) for target in line.targets)
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)
