"""The versions of the libraries that a node's code runs on."""

import re
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distributions, version

# Every node runs on these, whatever it imports itself.
ALWAYS = (
    "apache_beam", "numpy", "pyarrow", "tensorflow", "tensorflow_data_validation", "tensorflow_model_analysis",
    "tensorflow_transform", "tf_keras", "tfx", "tfx_bsl",
)  # fmt: skip
# Packages whose distribution has another name.
DISTRIBUTIONS = {"google": "protobuf", "ml_metadata": "ml-metadata", "sklearn": "scikit-learn", "yaml": "PyYAML"}

# The first of their kind in METADATA are the header's: https://packaging.python.org/specifications/core-metadata.
NAME, VERSION = (re.compile(rf"^{key}: *(.+?)\s*$", re.MULTILINE) for key in ("Name", "Version"))


def library_versions(imported: Iterable[str]) -> str:
    """Return the versions of some libraries and of those that every node runs on, in one line.

    >>> "tensorflow 2." in library_versions(["os"])
    True
    """
    found = {name: _version(name) for name in {*ALWAYS, *imported} - sys.stdlib_module_names}
    return ", ".join(f"{name} {number}" for name, number in sorted(found.items()) if number)


@cache
def _version(package: str) -> str:
    """The version of a package's distribution; empty for code that is not installed."""
    try:
        return version(DISTRIBUTIONS.get(package, package))
    except PackageNotFoundError:
        return _versions_by_package().get(package, "")


@cache
def _versions_by_package() -> dict[str, str]:
    """Read the file lists of all distributions, which is needed only where a name alone does not tell."""
    found: dict[str, dict[str, str]] = {}
    for distribution in distributions():
        name, number = _name_and_version(distribution)
        for top in _top_levels(distribution):
            found.setdefault(top, {}).setdefault(name, number)
    return {top: _joined(versions) for top, versions in found.items()}


def _name_and_version(distribution: Distribution) -> tuple[str, str]:
    """The name and the version of a distribution.

    They are read from the text of METADATA: ``Distribution.metadata`` parses all of it, with the long description,
    which takes a tenth of a second for some 300 distributions, at every start.
    """
    text = distribution.read_text("METADATA") or ""
    found = [field.search(text) for field in (NAME, VERSION)]
    name, number = (match[1] if match else "" for match in found)
    return (name, number) if name and number else (distribution.metadata["Name"], distribution.version)


def _top_levels(distribution: Distribution) -> set[str]:
    """The top-level names of a distribution's files.

    They are read from the text of RECORD: ``Distribution.files`` makes an object of each line, which takes a second for
    some 200 distributions, at every start.
    """
    record = distribution.read_text("RECORD")
    names = record.splitlines() if record else map(str, distribution.files or ())
    return {name.partition(",")[0].partition("/")[0].removesuffix(".py") for name in names}


def _joined(versions: Mapping[str, str]) -> str:
    """The version of a package's only distribution; of a namespace package, those of all, with their names."""
    if len(versions) == 1:
        return next(iter(versions.values()))
    return " ".join(f"{name} {number}" for name, number in sorted(versions.items()))
