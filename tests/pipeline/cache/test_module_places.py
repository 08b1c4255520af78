"""Our code is found wherever Python's import finds it, and a module that is nowhere has no digest."""

import importlib.machinery
import importlib.util
import sys

import pytest
from harness import write_text

from pipeline.cache.library_versions import library_versions
from pipeline.cache.source_tree import SourceTree
from pipeline.errors import MainlineError

PACKAGE = "company_code"


def write(folder, **files) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)


class EditableFinder:
    """Maps names to folders, as the finder does that ``pip install -e`` installs."""

    def __init__(self, mapped) -> None:
        self.mapped = mapped

    def find_spec(self, name, path=None, target=None):
        around = name.rpartition(".")[0]
        if name in self.mapped:
            init = self.mapped[name] / "__init__.py"
            return importlib.util.spec_from_file_location(name, init) if init.is_file() else self.namespace(name)
        folders = [str(self.mapped[around])] if around in self.mapped else []
        return importlib.machinery.PathFinder.find_spec(name, folders)

    def namespace(self, name):
        spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [str(self.mapped[name])]
        return spec


def digest(tmp_path, name) -> str:
    tree = SourceTree(tmp_path, {PACKAGE})
    return tree.digest_of(tree.closure([name]))


def is_seen(tmp_path, name, edited) -> bool:
    before = digest(tmp_path, name)
    edited.write_text("EDITED = True\n")
    return digest(tmp_path, name) != before


@pytest.mark.parametrize("files", [{"__init__": "", "trainer": ""}, {"trainer": ""}])
def test_a_package_that_only_a_finder_knows_counts(tmp_path, monkeypatch, files):
    folder = tmp_path / "sources" / "elsewhere"
    write(folder, **files)
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, EditableFinder({PACKAGE: folder})])
    assert is_seen(tmp_path, f"{PACKAGE}.trainer.run_fn", folder / "trainer.py")


def test_a_package_inside_another_that_only_a_finder_knows_counts(tmp_path, monkeypatch):
    outer, inner = tmp_path / "outer", tmp_path / "sources" / "elsewhere"
    write(outer)
    write(inner, __init__="", trainer="from . import model\n", model="")
    write(inner / "deep", __init__="", model="")
    finder = EditableFinder({PACKAGE: outer, f"{PACKAGE}.churn": inner})
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, finder])
    assert is_seen(tmp_path, f"{PACKAGE}.churn.trainer", inner / "model.py")
    assert is_seen(tmp_path, f"{PACKAGE}.churn.deep.model", inner / "deep" / "model.py")


def test_a_namespace_package_counts_in_all_its_folders(tmp_path, monkeypatch):
    write(tmp_path / "a" / PACKAGE / "shared", rates="")
    write(tmp_path / "b" / PACKAGE / "churn", trainer=f"import {PACKAGE}.shared.rates\nfrom . import model\n", model="")
    for name in ("b", "a"):
        monkeypatch.syspath_prepend(str(tmp_path / name))
    module = f"{PACKAGE}.churn.trainer"
    assert is_seen(tmp_path, module, tmp_path / "b" / PACKAGE / "churn" / "model.py")
    assert is_seen(tmp_path, module, tmp_path / "a" / PACKAGE / "shared" / "rates.py")


def test_a_package_that_adds_folders_to_its_path_counts_there(tmp_path, monkeypatch):
    extended = "from pkgutil import extend_path\n__path__ = extend_path(__path__, __name__)\n"
    write(tmp_path / "a" / PACKAGE, __init__=extended)
    write(tmp_path / "b" / PACKAGE, __init__=extended, trainer="")
    for name in ("b", "a"):
        monkeypatch.syspath_prepend(str(tmp_path / name))
    monkeypatch.setitem(sys.modules, PACKAGE, None)
    del sys.modules[PACKAGE]
    __import__(PACKAGE)
    assert is_seen(tmp_path, f"{PACKAGE}.trainer", tmp_path / "b" / PACKAGE / "trainer.py")


@pytest.mark.parametrize("users", [set(), {PACKAGE}])
def test_of_a_namespace_package_an_installed_folder_counts_by_its_version(tmp_path, monkeypatch, users):
    write(tmp_path / "a" / PACKAGE / "churn", trainer=f"import {PACKAGE}.tools\n")
    installed = tmp_path / "b" / "site-packages"
    write(installed / PACKAGE, tools="")
    for folder in (installed, tmp_path / "a"):
        monkeypatch.syspath_prepend(str(folder))
    closure = SourceTree(tmp_path, users).closure([f"{PACKAGE}.churn.trainer"])
    assert f"{PACKAGE}.churn.trainer" in closure.modules
    assert PACKAGE in closure.libraries


def test_a_package_of_several_distributions_has_the_versions_of_all(monkeypatch, tmp_path):
    from pipeline.cache import library_versions as module

    for name, version in (("one", "1.0"), ("two", "2.0")):
        folder = tmp_path / f"company_{name}-{version}.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: company-{name}\nVersion: {version}\n")
        (folder / "RECORD").write_text(f"{PACKAGE}/{name}.py,,\n")
        # Python 3.12 and later pass over files that are missing.
        write_text(tmp_path / PACKAGE / f"{name}.py", "")
    monkeypatch.syspath_prepend(str(tmp_path))
    for function in (module._version, module._versions_by_package):
        function.cache_clear()
    found = library_versions([PACKAGE])
    for function in (module._version, module._versions_by_package):
        function.cache_clear()
    assert f"{PACKAGE} company-one 1.0 company-two 2.0" in found.split(", ")


@pytest.mark.parametrize("module", ["pipeline.gone.run_fn", f"{PACKAGE}.gone.run_fn", "company_gone.trainer.run_fn"])
def test_a_module_that_is_nowhere_is_an_error(tmp_path, monkeypatch, module):
    write(tmp_path / "pipeline", __init__="")
    write(tmp_path / PACKAGE, __init__="")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(MainlineError, match="no Python file") as caught:
        SourceTree(tmp_path, {PACKAGE, "company_gone"}).closure([module])
    assert module in caught.value.where
    assert all([caught.value.expected, caught.value.received, caught.value.next_step])


@pytest.mark.parametrize("module", ["pipeline.gone", f"{PACKAGE}.gone", "company_gone"])
def test_a_missing_module_in_a_package_that_is_there_has_no_digest(tmp_path, monkeypatch, module):
    write(tmp_path / "pipeline", __init__="")
    write(tmp_path / PACKAGE, __init__="")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(MainlineError, match="no Python file") as caught:
        SourceTree(tmp_path, {PACKAGE, "company_gone"}).digest([module])
    assert caught.value.expected.startswith(f"{module} as a .py file")


def test_a_text_that_is_no_module_is_no_error(tmp_path):
    write(tmp_path / "pipeline", __init__="")
    assert SourceTree(tmp_path).closure([], ["pipeline.gone", "pipeline.v2"]).modules.keys() == {"pipeline"}


def test_code_of_others_has_no_digest(tmp_path):
    assert SourceTree(tmp_path).digest(["tfx.components.statistics_gen.executor.Executor"]) == "none of ours"
