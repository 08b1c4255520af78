from importlib import metadata

import pytest

from pipeline.cache import library_versions as module
from pipeline.cache.library_versions import library_versions


@pytest.fixture(autouse=True)
def fresh():
    module._version.cache_clear()
    yield
    module._version.cache_clear()


def test_every_node_names_the_libraries_that_it_runs_on():
    named = [entry.split(" ")[0] for entry in library_versions([]).split(", ")]
    assert {"tensorflow", "tfx", "tensorflow_transform", "tensorflow_model_analysis", "tfx_bsl"} <= set(named)
    assert "optuna" not in named


@pytest.mark.parametrize(
    ("package", "distribution"), [("optuna", "optuna"), ("google", "protobuf"), ("attr", "attrs"), ("yaml", "PyYAML")]
)
def test_an_imported_library_has_the_version_of_its_distribution(package, distribution):
    assert f"{package} {metadata.version(distribution)}" in library_versions([package]).split(", ")


def test_the_standard_library_and_code_that_is_not_installed_have_none():
    assert library_versions(["os", "some_script"]) == library_versions([])


def test_another_version_is_another_text(monkeypatch):
    before = library_versions(["optuna"])
    monkeypatch.setattr(module, "version", lambda name: "99.0" if name == "optuna" else metadata.version(name))
    module._version.cache_clear()
    assert library_versions(["optuna"]) != before


def test_names_and_versions_are_those_of_the_standard_library():
    installed = list(metadata.distributions())
    assert len(installed) > 100
    for distribution in installed:
        expected = (distribution.metadata["Name"], distribution.version)
        assert module._name_and_version(distribution) == expected


def test_a_distribution_without_a_wheels_metadata_is_read_in_full(tmp_path):
    folder = tmp_path / "old.egg-info"
    folder.mkdir()
    (folder / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: old\nVersion: 1.5\n")
    (distribution,) = metadata.distributions(path=[str(tmp_path)])
    assert module._name_and_version(distribution) == ("old", "1.5")
