"""A workload's files are written, drafted again without losing edits, and removed."""

import pytest

from pipeline.errors import ConfigError, InputError
from pipeline.scaffold.changes import read_record, remove, update, write_new

FILES = {"features.py": b"a = 1\nb = 2\n", "rows/train/rows.parquet": b"\0\1", "card.py": b"c = 3\n"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_new(tmp_path / "churn", FILES, {"label": "y"})
    return tmp_path / "churn"


def content(folder) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*") if path.is_file() and path.name != ".scaffold.json"
    }  # fmt: skip


def test_files_are_written_once(folder):
    assert content(folder) == FILES
    assert read_record(folder).arguments == {"label": "y"}
    with pytest.raises(InputError, match="already there") as caught:
        write_new(folder, FILES, {})
    assert "--update churn" in caught.value.next_step


def test_a_folder_that_no_scaffold_wrote_is_not_to_be_updated(folder):
    (folder / "card.py").write_bytes(b"c = 4\n")
    list(remove(folder))
    with pytest.raises(InputError, match="already there") as caught:
        write_new(folder, FILES, {})
    assert caught.value.next_step == "Take another --name."


def test_nothing_is_left_of_a_folder_that_could_not_be_written(tmp_path):
    with pytest.raises(OSError, match="too long"):
        write_new(tmp_path / "churn", {**FILES, "x" * 300: b""}, {})
    assert list(tmp_path.iterdir()) == []


def test_what_nobody_edited_is_written_again_and_the_difference_is_shown(folder):
    lines = list(update(folder, {**FILES, "features.py": b"a = 1\nb = 5\n"}, {"label": "z"}))
    assert lines[0] == "wrote churn/features.py"
    assert {"-b = 2", "+b = 5"} <= set(lines)
    assert content(folder)["features.py"] == b"a = 1\nb = 5\n"
    assert read_record(folder).arguments == {"label": "z"}


def test_an_edit_is_kept_and_the_draft_shown(folder):
    (folder / "features.py").write_bytes(b"a = 1\nb = 3\n")
    lines = list(update(folder, {**FILES, "features.py": b"a = 1\nb = 5\n"}, {}))
    assert lines[0] == "kept, since you edited it; the new draft differs: churn/features.py"
    assert {"-b = 3", "+b = 5"} <= set(lines)
    assert content(folder)["features.py"] == b"a = 1\nb = 3\n"
    # The same draft again says nothing, and still does not touch the edit.
    assert list(update(folder, {**FILES, "features.py": b"a = 1\nb = 5\n"}, {})) == []
    assert content(folder)["features.py"] == b"a = 1\nb = 3\n"


def test_an_edit_is_left_alone_when_the_draft_is_the_same(folder):
    (folder / "card.py").write_bytes(b"c = 4\n")
    (folder / "features.py").unlink()
    assert list(update(folder, FILES, {})) == []
    assert content(folder) == {"card.py": b"c = 4\n", "rows/train/rows.parquet": b"\0\1"}


def test_rows_of_an_earlier_draft_go(folder):
    files = {**FILES, "rows/rows.parquet": b"\2"}
    del files["rows/train/rows.parquet"]
    lines = list(update(folder, files, {}))
    assert lines == ["removed churn/rows/train/rows.parquet", "wrote churn/rows/rows.parquet"]
    assert content(folder) == files


def test_remove_leaves_nothing(folder):
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "card.pyc").touch()
    assert list(remove(folder)) == []
    assert not folder.exists()


def test_remove_keeps_what_is_edited_or_not_its_own(folder):
    (folder / "card.py").write_bytes(b"c = 4\n")
    (folder / "notes.txt").touch()
    assert list(remove(folder)) == [
        "kept, since you edited it: churn/card.py", "kept, since it is yours: churn/notes.txt",
    ]  # fmt: skip
    assert set(content(folder)) == {"card.py", "notes.txt"}


def test_a_folder_that_no_scaffold_wrote_is_left_alone(tmp_path):
    (tmp_path / "features.py").touch()
    for refused in (read_record, lambda folder: list(remove(folder))):
        with pytest.raises(ConfigError, match="no scaffold wrote this folder"):
            refused(tmp_path)
    assert (tmp_path / "features.py").exists()
