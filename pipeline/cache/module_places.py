"""Find where Python's import would find a module, without importing the packages around it."""

import contextlib
import importlib.util
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path

# Where installed libraries lie: they count by their version, not by their code.
LIBRARY_FOLDERS = frozenset({"site-packages", "dist-packages"})


@dataclass(frozen=True)
class Top:
    """A top-level name: where its code lies that counts as ours, and whether a library has this name, too.

    There are several places where a namespace package lies in several folders; they are without ``.py``.
    """

    places: tuple[Path, ...]
    is_library: bool


def find_top(name: str, is_users: bool) -> Top:
    """Find a top-level package or module; of the user's packages the installed ones are code, too."""
    places = () if name in sys.stdlib_module_names else places_of(name, top_spec(name))
    is_installed = code_among(places, is_users=False) != places
    # The whole package of a workload is code, installed or not; of one in several folders, others may be libraries.
    is_library = is_installed and not (is_users and len(places) == 1)
    return Top(code_among(places, is_users), is_library or not places)


def code_among(places: tuple[Path, ...], is_users: bool) -> tuple[Path, ...]:
    """Return the places whose code counts: those outside of the folders of libraries; all in the user's packages."""
    return places if is_users else tuple(place for place in places if LIBRARY_FOLDERS.isdisjoint(place.parts))


def top_spec(name: str) -> ModuleSpec | None:
    """Return what the finders know of a top-level name, those of editable installations included."""
    try:
        return importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None


def inner_spec(name: str, around: Sequence[Path]) -> ModuleSpec | None:
    """Return what the finders know of a module in a package, given the folders of that package.

    ``importlib.util.find_spec`` would import the package.
    """
    folders = [str(folder) for folder in around]
    for finder in sys.meta_path:
        # Python cannot make the spec of a namespace package while the package around it is not imported.
        with contextlib.suppress(KeyError):
            spec = finder.find_spec(name, folders)
            if spec is not None:
                return spec
    return None


def places_of(name: str, spec: ModuleSpec | None) -> tuple[Path, ...]:
    """Return the folders of a package, or the path of a module without ``.py``; none where there is neither."""
    if spec is None:
        return ()
    # A package that is imported may have added folders to its own path.
    imported = getattr(sys.modules.get(name), "__path__", None)
    folders = imported or spec.submodule_search_locations
    if folders:
        return tuple(Path(folder) for folder in folders)
    return (Path(spec.origin).with_suffix(""),) if spec.origin else ()
