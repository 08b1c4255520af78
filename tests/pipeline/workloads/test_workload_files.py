"""Mistakes in the files of a workload end before any node runs, with the file and the line."""

import importlib
import shutil
import sys

import pytest
from shipped import WORKLOAD_NAMES

from pipeline.errors import ConfigError, MachineError
from pipeline.workloads.contract import SHIPPED, check_model_settings, load_workload
from pipeline.workloads.location import SCHEMAS, WORKLOADS, built_in


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A complete copy of census, as a workload of its own named ``shop``."""
    folder = tmp_path / "shop"
    shutil.copytree(WORKLOADS / "census", folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(SCHEMAS / "census.pbtxt", folder / "schema.pbtxt")
    for path in folder.glob("*.py"):
        text = path.read_text(encoding="utf-8").replace("pipeline.workloads.census", "shop")
        path.write_text(text.replace('title="Income', 'title="Shop'), encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder
    for name in [name for name in sys.modules if name.split(".")[0] in ("shop", "cafe")]:
        del sys.modules[name]


def change(folder, part, old, new):
    path = folder / f"{part}.py"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    importlib.invalidate_caches()


def refused(name="shop") -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load_workload(name)
    assert caught.value.exit_code == 2
    return caught.value


def line_of(folder, part, text) -> int:
    lines = (folder / f"{part}.py").read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def test_a_complete_copy_loads(copy):
    assert load_workload("shop").run_fn == "shop.trainer.run_fn"


@pytest.mark.parametrize("written", ["from pipeline.workloads.census.features", "from ..census.features"])
def test_all_imports_of_another_workload_are_named_at_once(copy, written):
    other = "pipeline.workloads.census"
    if written.startswith("from .."):
        shutil.copytree(copy, copy.parent / "firm" / "shop")
        shutil.copytree(WORKLOADS / "census", copy.parent / "firm" / "census")
        other, name, copy = "firm.census", "firm.shop", copy.parent / "firm" / "shop"
        for path in copy.glob("*.py"):
            path.write_text(path.read_text(encoding="utf-8").replace("from shop.", "from firm.shop."), encoding="utf-8")
    else:
        name = "shop"
    for part in ("preprocessing", "trainer"):
        change(copy, part, f"from {name}.features", written)
    error = refused(name)
    assert error.problem == "it imports another workload"
    assert error.received == (
        f"preprocessing.py, line {line_of(copy, 'preprocessing', written)}: {other}; "
        f"trainer.py, line {line_of(copy, 'trainer', written)}: {other}"
    )
    assert error.next_step == f"Write {name} for {other} there."


def test_the_import_of_a_workload_outside_of_the_repository_is_refused(copy):
    shutil.copytree(copy, copy.parent / "cafe")
    change(copy, "trainer", "from shop.model", "from cafe.model")
    assert "trainer.py, line 7: cafe" in refused().received
    assert "cafe" not in sys.modules


@pytest.mark.parametrize("title", ["Income above 50,000 USD, from the 1994 United States census"])
def test_the_card_of_another_workload_is_refused(copy, title):
    change(copy, "card", 'title="Shop', 'title="Income')
    error = refused()
    assert str(error).splitlines()[0] == f"{copy}/card.py: the model card is that of pipeline/workloads/census"
    assert title in error.received


@pytest.mark.parametrize("part", ["features", "preprocessing", "model", "trainer", "evaluation", "card"])
def test_a_file_that_is_not_python_is_named_with_line_and_column(copy, part):
    path = copy / f"{part}.py"
    path.write_text("TABLE = (1,\n    2\n]\n", encoding="utf-8")
    error = refused()
    assert error.where == f"{path}, line 3, column 1"
    assert "does not match" in error.received
    assert "unknown" not in error.received


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("._model.py", b"\0\5\x16\7"),
        ("compare.py", b"from pipeline.workloads.census import model"),
        ("old.py", b"print 'hello'"),
        ("old_names.py", b"from shop.features import NO_SUCH_TABLE"),
    ],
)
def test_a_file_that_is_not_imported_is_not_checked(copy, name, content):
    (copy / name).write_bytes(content)
    assert load_workload("shop")


def test_the_lock_of_an_editor_is_not_checked(copy):
    (copy / ".#model.py").symlink_to("somebody@laptop.2718:1")
    assert load_workload("shop")


@pytest.mark.parametrize("written", ["from shop import old", "from . import old", "import shop.old",
                                     "from .helpers import old"])  # fmt: skip
def test_a_file_that_is_imported_is_checked_however_it_is_imported(copy, written):
    (copy / "old.py").write_text("print 'hello'", encoding="utf-8")
    (copy / "helpers.py").write_text("from shop import old", encoding="utf-8")
    change(copy, "trainer", "from shop.model", f"{written}\nfrom shop.model")
    assert refused().where.startswith(f"{copy / 'old.py'}, line 1")


def test_of_an_unknown_encoding_no_line_is_named(copy):
    (copy / "trainer.py").write_bytes(b"# coding: klingon\n")
    error = refused()
    assert (error.where, error.received) == (str(copy / "trainer.py"), "unknown encoding: klingon")


def test_a_file_that_cannot_be_read_is_named(copy):
    (copy / "trainer.py").unlink()
    (copy / "trainer.py").symlink_to("/proc/self/mem")
    with pytest.raises(MachineError, match="cannot be read") as caught:
        load_workload("shop")
    assert caught.value.where == str(copy / "trainer.py")


@pytest.mark.parametrize("name", ["__doc__", "__file__", "later"])
def test_a_name_that_a_module_always_has_or_an_async_function_can_be_imported(copy, name):
    path = copy / "features.py"
    path.write_text(f"{path.read_text(encoding='utf-8')}\nasync def later(): ...\n", encoding="utf-8")
    change(copy, "trainer", "from shop.model", f"from shop.features import {name}\nfrom shop.model")
    assert load_workload("shop")


def test_a_helper_that_is_misspelled_is_proposed(copy):
    (copy / "helpers.py").write_text("", encoding="utf-8")
    change(copy, "trainer", "from shop.model", "from shop.helper import x\nfrom shop.model")
    assert refused().next_step == "Did you mean 'helpers'?"


@pytest.mark.parametrize("content", [b"\0", b'"\xff"'])
def test_a_file_that_is_not_text_is_named(copy, content):
    (copy / "trainer.py").write_bytes(content)
    assert str(copy / "trainer.py") in refused().where


@pytest.mark.parametrize(
    ("part", "old", "new", "said"),
    [
        ("trainer", "build_model", "build_modle", "Did you mean 'build_model'?"),
        ("preprocessing", "shop.features", "shop.feature", "Did you mean 'features'?"),
    ],
)
def test_a_name_that_the_workload_lacks_is_found_without_importing(copy, part, old, new, said):
    change(copy, part, old, new)
    error = refused()
    assert error.where.startswith(f"{copy}/{part}.py, line ")
    assert error.next_step == said
    assert "shop.features" not in sys.modules


@pytest.mark.parametrize(
    ("part", "name"),
    [("preprocessing", "preprocessing_fn"), ("model", "build_model"), ("model", "Settings"), ("trainer", "run_fn"),
     ("features", "TABLE"), ("evaluation", "EVALUATION"), ("card", "CARD")],
)  # fmt: skip
def test_a_function_that_the_graph_calls_and_the_file_lacks_is_named(copy, part, name):
    path = copy / f"{part}.py"
    path.write_text(path.read_text(encoding="utf-8").replace(name, "other"), encoding="utf-8")
    assert (refused().where, refused().problem) == (str(path), f"it does not define {name}")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("Numeric('age', buckets=3)", "TypeError"),
        ("nothing", "NameError"),
        ("{}['age']", "KeyError: 'age'"),
        ("__import__('no_such_library')", "ModuleNotFoundError"),
    ],
)
def test_an_error_in_a_file_is_told_with_its_line(copy, line, said):
    path = copy / "features.py"
    path.write_text(f"{path.read_text(encoding='utf-8')}\nMORE = {line}\n", encoding="utf-8")
    error = refused()
    assert error.where == f"{path}, line {line_of(copy, 'features', 'MORE')}"
    assert said in error.received


def test_an_error_in_the_model_is_told_with_its_line(copy):
    path = copy / "model.py"
    path.write_text(f"{path.read_text(encoding='utf-8')}\nMORE = {{}}['age']\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        check_model_settings(load_workload("shop"), {"dropout": 0.1})
    assert caught.value.where == f"{path}, line {line_of(copy, 'model', 'MORE')}"


def test_the_workloads_of_this_repository_are_those_that_are_listed_as_that():
    assert set(SHIPPED) == set(WORKLOAD_NAMES) <= set(built_in())
