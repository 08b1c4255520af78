"""Files as people have them: delimiters, encodings, gzip, several files; and what is wrong with them."""

import gzip
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from pipeline.errors import DataError
from pipeline.scaffold.rows.files import read_files

ROWS = [{"name": "Köln", "n": "1"}, {"name": "a;b", "n": "2"}]


def written(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


@pytest.mark.parametrize(
    ("name", "text", "encoding"),
    [
        ("rows.csv", 'name,n\nKöln,1\n"a;b",2\n', "utf-8"),
        ("rows.csv", 'name;n\r\nKöln;1\r\n"a;b";2\r\n', "utf-8-sig"),
        ("rows.tsv", "name\tn\nKöln\t1\na;b\t2\n", "utf-16"),
        ("rows.csv", '\r\n\nname,n\nKöln,1\n"a;b",2\n\n', "utf-8"),
        ("rows.csv", 'name,n\rKöln,1\r"a;b",2', "utf-8"),
        ("rows.csv.gz", "name|n\nKöln|1\na;b|2\n", "utf-8"),
        ("rows.jsonl", '{"name": "Köln", "n": "1"}\n{"name": "a;b", "n": "2"}\n', "utf-8"),
    ],
)
def test_text_files_are_read_as_they_are_written(tmp_path, name, text, encoding):
    source = read_files([written(tmp_path, name, text.encode(encoding))])
    assert source.table.to_pylist() == ROWS


def test_parquet_and_folders_are_read(tmp_path):
    for number in (1, 2):
        parquet.write_table(pa.Table.from_pylist(ROWS), tmp_path / f"part-{number}.parquet")
    assert read_files([tmp_path]).table.to_pylist() == ROWS * 2


def test_another_encoding_is_named(tmp_path):
    path = written(tmp_path, "rows.csv", 'name,n\nKöln,1\n"a;b",2\n'.encode("cp1252"))
    with pytest.raises(DataError, match="line 2: the text is not UTF-8"):
        read_files([path])
    assert read_files([path], encoding="cp1252").table.to_pylist() == ROWS


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"a,b\n", "there are no rows"),
        (b"a,b", "there are no rows"),
        (b"a,%s\n1,2\n" % (b"x" * 200_000), "the header cannot be read"),
        (b"a,b\n1,2\n1,2,3\n", "row 3: the row has another number of cells"),
        (b"1,2\n3,4\n", "a name of a column is a number"),
        (b"a,a\n3,4\n", "a name of a column is there twice"),
        (b"a,\n3,4\n", "a name of a column is empty"),
        (b"a\0b,c\n1,2\n", "the file is not text"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(tmp_path, content, message):
    with pytest.raises(DataError, match=message):
        read_files([written(tmp_path, "rows.csv", content)])


def test_the_numbers_of_rows_that_pandas_writes_have_a_name(tmp_path):
    source = read_files([written(tmp_path, "rows.csv", b",a\n0,x\n1,y\n")])
    assert source.table.to_pylist() == [{"index": "0", "a": "x"}, {"index": "1", "a": "y"}]


def test_two_files_with_other_headers_are_refused(tmp_path):
    paths = [written(tmp_path, "a.csv", b"x,y\n1,2\n"), written(tmp_path, "b.csv", b"x,z\n1,2\n")]
    with pytest.raises(DataError, match=r"b\.csv: its columns are not those of .*a\.csv") as caught:
        read_files(paths)
    assert caught.value.received == "no y; z more"


@pytest.mark.parametrize("name", ["rows.csv", "rows.xlsx", "rows.jsonl", "rows.parquet", "rows.csv.gz"])
def test_no_file_or_another_format_is_refused(tmp_path, name):
    with pytest.raises(DataError, match="no such file"):
        read_files([tmp_path / name])
    if name != "rows.csv":
        (tmp_path / name).write_bytes(b"{broken")
        with pytest.raises(DataError, match=r"cannot be read|no such format"):
            read_files([tmp_path / name])
