"""The shape of the house: sizes of folders and modules, and private parts of other libraries in one place."""

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


ROOT = Path(__file__).resolve().parent.parent
OURS = {"pipeline", "components", "data", "schemas", "benchmarks", "deploy", "harness", "fakes", "local_runner"}
# What the standard library offers under such names by its own documentation.
DOCUMENTED = {"_exit", "_fields", "_make", "_asdict", "_replace", "_current_frames"}
NOT_MODULES = {"__init__", "__pycache__", "conf"}
# Packages by which a library says that a module is its own.
INTERNAL = {"python", "impl", "src", "internal", "_impl"}


def sources() -> list[Path]:
    """Our Python files that git knows."""
    listed = subprocess.run(["git", "ls-files", "*.py"], capture_output=True, text=True, cwd=ROOT, check=True).stdout
    return [ROOT / name for name in listed.splitlines() if (ROOT / name).is_file()]


def is_test(path: Path) -> bool:
    return path.relative_to(ROOT).parts[0] == "tests"


def outside_compat() -> list[Path]:
    compat = ROOT / "components" / "compat"
    return [path for path in sources() if not is_test(path) and compat not in path.parents]


def test_no_folder_has_more_than_twelve_modules():
    modules = Counter(path.parent.relative_to(ROOT).as_posix() for path in sources() if path.name != "__init__.py")
    assert {folder: count for folder, count in modules.items() if count > 12} == {}


def test_no_module_has_more_than_300_lines():
    lines = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines()) for path in sources()
    }
    assert {path: count for path, count in lines.items() if count > 300 and not path.startswith("tests/")} == {}


def test_functions_are_short():
    """Half of all have 10 lines or fewer, nine in ten 40 or fewer."""
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in sources() if not is_test(path))
    functions = (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    lengths = sorted((node.end_lineno or node.lineno) - node.lineno + 1 for node in functions)
    assert lengths[len(lengths) // 2] <= 10
    assert lengths[len(lengths) * 9 // 10] <= 40


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name not in DOCUMENTED


def foreign_imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Modules and names of other libraries that a file imports, with the line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            top = name.split(".")[0]
            if top not in OURS and top not in sys.stdlib_module_names:
                yield node.lineno, name


def private_imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Imports of what a library keeps for itself: a name with an underscore, or a module of its implementation."""
    for line, name in foreign_imports(tree):
        if any(is_private(part) or part in INTERNAL for part in name.split(".")[1:]):
            yield line, name


def own_names(tree: ast.AST) -> set[str]:
    """All names with an underscore that a file defines itself: functions, fields, attributes that it sets."""
    named = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    set_here = {
        target.attr if isinstance(target, ast.Attribute) else target.id
        for target in ast.walk(tree)
        if isinstance(target, ast.Attribute | ast.Name) and isinstance(target.ctx, ast.Store)
    }
    return named | set_here


def private_attributes(tree: ast.AST, known: set[str]) -> Iterator[tuple[int, str]]:
    """Reads of attributes with an underscore that no file of ours defines, and patches of other libraries' modules."""
    modules = {name.split(".")[-1] for _, name in foreign_imports(tree)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute):
            continue
        if is_private(node.attr) and node.attr not in known:
            yield node.lineno, ast.unparse(node)
        elif isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name) and node.value.id in modules:
            yield node.lineno, f"{ast.unparse(node)} = …"


def names_of_ours(tree: ast.AST) -> set[str]:
    """Return the names that our modules define which a file imports: a subclass may use them."""
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    paths = [ROOT.joinpath(*module.split(".")).with_suffix(".py") for module in modules if module.split(".")[0] in OURS]
    return {name for path in paths if path.is_file() for name in own_names_in(path)}


@cache
def own_names_in(path: Path) -> set[str]:
    """The same for a file, read once: most files import the same few."""
    return own_names(ast.parse(path.read_text(encoding="utf-8")))


def private_parts(path: Path) -> list[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [*private_imports(tree), *private_attributes(tree, own_names(tree) | names_of_ours(tree))]
    return [f"{path.relative_to(ROOT) if ROOT in path.parents else path.name}:{line} {name}" for line, name in found]


def test_private_parts_of_other_libraries_are_touched_in_compat_alone():
    assert [part for path in outside_compat() for part in private_parts(path)] == []


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("from tensorflow.python.autograph.core import config", "tensorflow.python.autograph.core.config"),
        ("import pandas._libs", "pandas._libs"),
        ("def f(model): return model._train_counter", "model._train_counter"),
        ("from tfx.utils import io_utils\nio_utils.copy_dir = print", "io_utils.copy_dir = …"),
    ],
)
def test_a_private_part_would_be_found(tmp_path, code, found):
    (tmp_path / "module.py").write_text(code)
    (part,) = private_parts(tmp_path / "module.py")
    assert part.endswith(f" {found}")


@pytest.mark.parametrize(
    "code",
    [
        "import tensorflow as tf\ntf.constant(1)",
        "class A:\n    def __init__(self):\n        self._x = 1\n    def f(self):\n        return self._x",
        "import os\nos._exit(1)",
        "from components.support import retry",
    ],
)
def test_public_and_own_parts_are_fine(tmp_path, code):
    (tmp_path / "module.py").write_text(code)
    assert private_parts(tmp_path / "module.py") == []


def contracts() -> list[dict]:
    """The contracts of import-linter."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]


def drawn_layers(package: str) -> list[str]:
    """The layers of a package in the drawing of the import law."""
    drawing = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split("```text\n")[1].split("```")[0]
    _, _, below = drawing.partition(f"\n{package} ")
    return [line.strip() for line in re.findall(r"(?m)^  \w.*$", re.split(r"(?m)^ *│", below)[0])]


@pytest.mark.parametrize("package", ["pipeline", "components"])
def test_the_drawing_of_the_import_law_is_true(package):
    (layers,) = [each["layers"] for each in contracts() if each.get("containers") == [package]]
    assert drawn_layers(package) == layers


def test_the_import_law_has_no_exceptions():
    assert [each["name"] for each in contracts() if each.get("ignore_imports")] == []


def test_components_may_import_the_leaves_of_the_pipeline_alone():
    (law,) = [each for each in contracts() if each["name"].startswith("Components, data and schemas import only")]
    (leaves,) = [each for each in contracts() if each["name"].startswith("Leaves import nothing")]
    modules = {f"pipeline.{path.stem}" for path in (ROOT / "pipeline").iterdir() if path.stem not in NOT_MODULES}
    assert modules - set(law["forbidden_modules"]) == {name for name in leaves["source_modules"] if "pipeline" in name}
