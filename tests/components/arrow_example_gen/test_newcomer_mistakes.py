"""What newcomers' files have wrong is told in one short message, with the file and the place."""

import pytest
from harness import tiny_rows, write_text

from components.arrow_example_gen.checks.columns import Columns
from components.arrow_example_gen.executor import first_error
from components.arrow_example_gen.file_formats import check
from components.arrow_example_gen.settings import Settings, column_rules
from components.arrow_example_gen.source_files import row_files
from pipeline.errors import DataError
from pipeline.workloads.contract import load_workload, read_schema

CENSUS = Columns(column_rules(read_schema(load_workload("census")), {}, {"over_50k": [0, 1]}))


@pytest.fixture(scope="module")
def rows(tmp_path_factory) -> list[str]:
    """The header and some rows of census."""
    folder = tiny_rows(tmp_path_factory.mktemp("rows"), sizes={"train": 20, "eval": 1, "test": 1})
    return (folder / "train" / "rows.csv").read_text(encoding="utf-8").splitlines()


def without_label(lines):
    """The label is the last column."""
    return [line.rpartition(",")[0] for line in lines]


def renamed(lines):
    return [lines[0].replace("workclass", "work"), *lines[1:]]


def with_column(lines):
    return [f"{lines[0]},shoe_size", *(f"{line},42" for line in lines[1:])]


def another_type(lines):
    return [*lines[:3], lines[3].replace(lines[3].split(",")[0], "thirty", 1), *lines[4:]]


def spaced(lines):
    return [lines[0].replace(",", ", "), *lines[1:]]


def string_labels(lines):
    return [lines[0], *(f"{line[:-1]}{'yes' if line.endswith('1') else 'no'}" for line in lines[1:])]


def third_class(lines):
    return [*lines[:6], f"{lines[6][:-1]}2", *lines[7:]]


MISTAKES = {
    "label absent": (without_label, "line 1", "missing: over_50k"),
    "a column renamed": (renamed, "line 1", "not in the schema: work; absent, though optional: workclass"),
    "a new column": (with_column, "line 1", "not in the schema: shoe_size"),
    "the type changed": (another_type, "line 4, column age", "thirty"),
    "labels as text": (string_labels, "line 2, column over_50k", "INT"),
    "a third class": (third_class, "line 7, column over_50k", "expected: 0 or 1"),
    "an empty file": (lambda _: [], "rows.csv: the file is empty", "a header with the names of the columns"),
    "the rows of another workload": (lambda _: ["user_id,item_id", "1,2"], "line 1", "those of another workload"),
    "no header": (lambda lines: lines[1:], "line 1", "have no header"),
    "names with a space": (spaced, "line 1", "' workclass' for 'workclass'"),
    "names in capitals": (lambda lines: [lines[0].upper(), *lines[1:]], "line 1", "'AGE' for 'age'"),
    "semicolons": (lambda lines: [line.replace(",", ";") for line in lines], "line 1", "separated by semicolons"),
    "tabs": (lambda lines: [line.replace(",", "\t") for line in lines], "line 1", "separated by tabs"),
}


def refused(folder) -> DataError:
    """The error of the executor on the files of a split."""
    names = row_files(str(folder), "train/*")
    settings = Settings(CENSUS, "fail", 0.01)
    try:
        for name in names:
            check(name, CENSUS)
    except DataError as error:
        return error
    error = first_error({"train": names}, settings)
    assert error is not None
    return error


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_has_one_short_message_with_its_place(mistake, rows, tmp_path):
    change, place, said = MISTAKES[mistake]
    write_text(tmp_path / "train" / "rows.csv", "".join(f"{line}\n" for line in change(rows)))
    error = refused(tmp_path)
    text = str(error)
    assert error.exit_code == 2
    assert f"{tmp_path}/train/rows.csv" in error.where
    assert place in text
    assert said in text
    assert error.next_step
    assert (len(text.splitlines()) <= 4, len(text) < 1000) == (True, True)


def test_of_two_files_with_other_headers_the_odd_one_is_named(rows, tmp_path):
    write_text(tmp_path / "train" / "a.csv", "".join(f"{line}\n" for line in rows))
    write_text(tmp_path / "train" / "b.csv", "".join(f"{line}\n" for line in renamed(rows)))
    error = refused(tmp_path)
    assert error.where == f"{tmp_path}/train/b.csv, line 1"
    assert error.received == "not in the schema: work; absent, though optional: workclass"
