import json

import pytest

from components.artifacts.model_digest import content_digest
from components.artifacts.served_versions import MARKER, complete_versions, served, withdrawn_versions


@pytest.fixture
def base(tmp_path):
    for name, weights in {"3": "a", "9": "b", "12": "c", ".10.withdrawn": "d"}.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / "saved_model.pb").write_text(weights, encoding="utf-8")
        marker = {"model_digest": content_digest(folder), "run": f"run-{weights}"}
        (folder / MARKER).write_text(json.dumps(marker), encoding="utf-8")
    return tmp_path


def test_complete_versions_are_listed_by_number_the_largest_first(base):
    (base / "9" / MARKER).unlink()
    assert [(version.number, version.run) for version in complete_versions(base)] == [(12, "run-c"), (3, "run-a")]


def test_withdrawn_versions_keep_their_number_and_are_no_versions(base):
    assert [(version.number, version.run) for version in withdrawn_versions(base)] == [(10, "run-d")]
    assert served(base).number == 12


def test_a_folder_without_versions_has_none(tmp_path):
    assert (complete_versions(tmp_path / "absent"), withdrawn_versions(tmp_path / "absent")) == ([], [])


def test_a_damaged_marker_gives_a_version_without_a_digest(base):
    (base / "12" / MARKER).write_text("{", encoding="utf-8")
    assert complete_versions(base)[0].digest == ""
    assert served(base) is None
