"""A path without rows where the config says ends the run before its first node, with the reason."""

from pathlib import Path

import pytest

from pipeline.config.load import load_config
from pipeline.errors import DataError
from pipeline.run.local.runner import input_rows

SPLIT_BY = "data.split_by={key: user}"


def refused(path: Path, *sets: str) -> DataError:
    config = load_config("census", ("data.dataset=null", f"data.path={path}", *sets))
    with pytest.raises(DataError) as caught:
        input_rows(config)
    assert (caught.value.problem, caught.value.exit_code) == ("no rows", 2)
    return caught.value


def write(*paths: Path):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("age\n1\n")


def test_files_in_the_folder_itself_need_split_by(tmp_path):
    write(tmp_path / "b.csv", tmp_path / "a.csv", tmp_path / "README.md")
    error = refused(tmp_path)
    assert error.received == "a.csv, b.csv in the folder itself"
    assert error.next_step.startswith("Divide the rows by a column with data.split_by: {key: COLUMN}")


def test_a_divided_folder_needs_no_split_by(tmp_path):
    write(*(tmp_path / split / "rows.csv" for split in ("train", "eval", "test")))
    assert refused(tmp_path, SPLIT_BY).next_step == "Leave out data.split_by: the rows are divided."


@pytest.mark.parametrize(("sets", "said"), [((), ", and divide its rows by a column"), ((SPLIT_BY,), ".")])
def test_a_file_as_path_is_told_to_give_its_folder(tmp_path, sets, said):
    write(tmp_path / "rows.csv")
    error = refused(tmp_path / "rows.csv", *sets)
    assert error.received == "a file"
    assert error.next_step.startswith(f"Give its folder, data.path: {tmp_path}{said}")


def test_files_of_other_formats_are_named(tmp_path):
    write(tmp_path / "train" / "rows.csv", tmp_path / "eval" / "rows.csv", tmp_path / "test" / "rows.xlsx")
    (tmp_path / "test" / ".hidden").write_text("")
    assert refused(tmp_path).received == "none for test, but rows.xlsx"


def test_a_path_that_is_not_there_is_told_that(tmp_path):
    assert refused(tmp_path / "nowhere").next_step == "Correct data.path: there is no such folder."
