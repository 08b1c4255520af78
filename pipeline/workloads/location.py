"""Where a workload lies: among the built-in ones, in an importable package, or in a folder named by its path."""

import importlib.util
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from components.support.text import shorten
from pipeline.errors import ConfigError, did_you_mean

WORKLOADS = Path(__file__).parent
SCHEMAS = WORKLOADS.parent.parent / "schemas"
OWN_SCHEMA = "schema.pbtxt"


@dataclass(frozen=True)
class Location:
    """The dotted name of a workload's package, its folder, its schema, and both paths as messages show them."""

    package: str
    folder: Path
    schema: Path
    shown_folder: str
    shown_schema: str


def locate(name: str) -> Location:
    """Find a workload by the value of ``workload`` in a config.

    A name with a slash is the path of a folder, one of a built-in workload stands for that, and any other is a package
    that can be imported. The schema of the latter two is ``schema.pbtxt`` in their folder.

    Raises:
        ConfigError: there is none; it says where it was looked for.
    """
    if "/" in name:
        return in_folder(Path(name).expanduser().resolve())
    if name in built_in():
        if not name.isidentifier():
            raise not_importable(WORKLOADS / name)
        return Location(
            f"pipeline.workloads.{name}", WORKLOADS / name, SCHEMAS / f"{name}.pbtxt",
            f"pipeline/workloads/{name}", f"schemas/{name}.pbtxt",
        )  # fmt: skip
    folder = package_folder(name)
    if folder is None:
        raise unknown(name)
    return beside(name, folder)


def built_in() -> list[str]:
    """Return the names of the built-in workloads."""
    return sorted(path.parent.name for path in WORKLOADS.glob("*/__init__.py"))


def in_folder(folder: Path) -> Location:
    """Make a folder importable under its own name, in this process and in those that it starts.

    Raises:
        ConfigError: there is no such folder, or its name cannot be imported or is another package's.
    """
    if not folder.is_dir():
        raise ConfigError("workload", "no such workload", expected="the path of a folder with six files and a schema",
                          received=str(folder), next_step="Correct the path, or name a package.")  # fmt: skip
    parent = str(folder.parent)
    if parent not in sys.path:
        sys.path.append(parent)
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), parent]))
        importlib.invalidate_caches()
    found = package_folder(folder.name)
    if found is None or found.resolve() != folder:
        raise not_importable(folder)
    return beside(folder.name, folder)


def not_importable(folder: Path) -> ConfigError:
    """Say that a folder cannot be a package by its name."""
    return ConfigError(
        "workload", "the folder cannot be imported", expected="letters, digits and _, unlike any package",
        received=str(folder), next_step=f"Rename the folder{proposal(folder.name)}.",
    )  # fmt: skip


def importable_name(name: str) -> str:
    """A name with underscores where it has what no package may have in its name.

    >>> importable_name("my-shop.churn 2")
    'my_shop.churn_2'
    """
    return re.sub(r"[^\w.]", "_", name)


def proposal(name: str) -> str:
    """The words that propose an importable name; none if the name is one, but another package's.

    >>> proposal("my-churn"), proposal("json")
    (', for example to my_churn', '')
    """
    return f", for example to {importable_name(name)}" if importable_name(name) != name else ""


def beside(package: str, folder: Path) -> Location:
    """Return the location of a workload whose schema is in its own folder."""
    return Location(package, folder, folder / OWN_SCHEMA, str(folder), str(folder / OWN_SCHEMA))


def package_folder(name: str) -> Path | None:
    """Return the folder of a package, None where it cannot be imported; the packages around it are imported."""
    if not all(part.isidentifier() for part in name.split(".")):
        return None
    try:
        spec = importlib.util.find_spec(name)
    except (ModuleNotFoundError, ValueError):
        return None
    folders = list(spec.submodule_search_locations or ()) if spec else []
    return Path(folders[0]) if folders else None


def unknown(name: str) -> ConfigError:
    """Say where a workload was looked for."""
    known = built_in()
    if name in [path.parent.name for path in WORKLOADS.glob("*/features.py")]:
        return ConfigError(
            f"pipeline/workloads/{name}", "the folder is no package", expected="an __init__.py, which may be empty",
            received=f"workload: {name}", next_step=f"touch pipeline/workloads/{name}/__init__.py",
        )  # fmt: skip
    importable = importable_name(name)
    near = did_you_mean(name, [*known, *([importable] if package_folder(importable) else [])])
    searched = [path or "." for path in sys.path if "site-packages" not in path and not path.endswith(".zip")]
    return ConfigError(
        "workload", "no such workload",
        expected=f"one of {', '.join(known)}; a package that can be imported; or a folder, with a / in its path",
        received=shorten(name),
        next_step=near or f"Searched: {WORKLOADS}, installed packages, {', '.join(searched)}. Add to PYTHONPATH.",
    )  # fmt: skip
