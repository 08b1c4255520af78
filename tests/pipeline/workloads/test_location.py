import os
import shutil
import sys

import pytest

from pipeline.cache.source_tree import SourceTree
from pipeline.errors import ConfigError
from pipeline.workloads import location
from pipeline.workloads.contract import load_workload
from pipeline.workloads.location import SCHEMAS, WORKLOADS, locate


def retitle(folder):
    """Give a copy of census a card of its own."""
    card = folder / "card.py"
    card.write_text(card.read_text().replace('title="Income above 50,000 USD', 'title="Churn, after income above'))


@pytest.fixture
def outside(tmp_path, monkeypatch):
    """A copy of census as somebody's own workload, in a package that lies outside of the repository."""
    folder = tmp_path / "my_company" / "churn"
    shutil.copytree(WORKLOADS / "census", folder, ignore=shutil.ignore_patterns("__pycache__"))
    for path in folder.glob("*.py"):
        path.write_text(path.read_text().replace("pipeline.workloads.census", "my_company.churn"))
    retitle(folder)
    shutil.copy(SCHEMAS / "census.pbtxt", folder / "schema.pbtxt")
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", ""))
    yield folder
    for name in [name for name in sys.modules if name.split(".")[0] in ("my_company", "churn")]:
        del sys.modules[name]


def test_a_package_that_can_be_imported_is_a_workload(outside, monkeypatch):
    monkeypatch.syspath_prepend(str(outside.parents[1]))
    loaded = load_workload("my_company.churn")
    assert loaded.name == "my_company.churn"
    assert loaded.run_fn == "my_company.churn.trainer.run_fn"
    assert loaded.schema == outside / "schema.pbtxt"


def test_a_folder_is_a_workload_and_processes_that_are_started_find_it(outside, monkeypatch):
    for path in outside.glob("*.py"):
        path.write_text(path.read_text().replace("my_company.churn", "churn"))
    monkeypatch.chdir(outside.parent)
    loaded = load_workload("./churn")
    assert (loaded.name, loaded.run_fn) == ("churn", "churn.trainer.run_fn")
    assert str(outside.parent) in os.environ["PYTHONPATH"].split(os.pathsep)
    assert load_workload(str(outside)).schema == outside / "schema.pbtxt"


def test_an_edit_to_a_workload_outside_changes_the_digest_of_its_code(outside, monkeypatch):
    monkeypatch.syspath_prepend(str(outside.parents[1]))
    workload = load_workload("my_company.churn")
    before = {part: workload.code_digest(part) for part in ("preprocessing", "trainer")}
    (outside / "model.py").write_text((outside / "model.py").read_text() + "\nEDITED = True\n")
    assert workload.code_digest("preprocessing") == before["preprocessing"]
    assert workload.code_digest("trainer") != before["trainer"]
    assert "my_company.churn.model" in SourceTree().closure([workload.module("trainer")]).modules


@pytest.mark.parametrize("name", ["no_company.churn", "my company", "1.2", "os"])
def test_a_workload_that_is_nowhere_says_where_it_was_looked_for(name):
    with pytest.raises(ConfigError, match="workload: no such workload") as caught:
        locate(name)
    assert caught.value.received == name
    assert str(WORKLOADS) in caught.value.next_step


def test_a_name_that_is_nearly_a_built_in_one_is_corrected():
    with pytest.raises(ConfigError, match="'census'"):
        locate("censsu")


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match="no such workload") as caught:
        locate(str(tmp_path / "churn"))
    assert caught.value.received == str(tmp_path / "churn")


def test_a_folder_among_the_built_in_ones_without_init_is_told_that(tmp_path, monkeypatch):
    monkeypatch.setattr(location, "WORKLOADS", tmp_path)
    shutil.copytree(WORKLOADS / "census", tmp_path / "shop")
    locate("shop")
    (tmp_path / "shop" / "__init__.py").unlink()
    with pytest.raises(ConfigError, match="pipeline/workloads/shop: the folder is no package") as caught:
        locate("shop")
    assert caught.value.next_step == "touch pipeline/workloads/shop/__init__.py"


def test_a_folder_among_the_built_in_ones_whose_name_has_a_hyphen_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(location, "WORKLOADS", tmp_path)
    shutil.copytree(WORKLOADS / "census", tmp_path / "my-shop")
    with pytest.raises(ConfigError, match="the folder cannot be imported") as caught:
        locate("my-shop")
    assert caught.value.next_step == "Rename the folder, for example to my_shop."


def test_a_package_named_with_hyphens_is_found_by_its_name_with_underscores(outside, monkeypatch):
    monkeypatch.syspath_prepend(str(outside.parents[1]))
    with pytest.raises(ConfigError, match="no such workload") as caught:
        locate("my-company.churn")
    assert caught.value.next_step == "Did you mean 'my_company.churn'?"


@pytest.mark.parametrize(
    ("name", "said"), [("my-churn", "Rename the folder, for example to my_churn."), ("json", "Rename the folder.")]
)
def test_a_folder_that_cannot_be_imported_by_its_name_is_refused(tmp_path, monkeypatch, name, said):
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("PYTHONPATH", "")
    (tmp_path / name).mkdir()
    with pytest.raises(ConfigError, match="the folder cannot be imported") as caught:
        locate(str(tmp_path / name))
    assert caught.value.next_step == said


def test_a_workload_outside_without_a_schema_is_incomplete(outside, monkeypatch):
    monkeypatch.syspath_prepend(str(outside.parents[1]))
    (outside / "schema.pbtxt").unlink()
    with pytest.raises(ConfigError, match=r"workload my_company.churn: incomplete") as caught:
        load_workload("my_company.churn")
    assert str(outside / "schema.pbtxt") in caught.value.received
