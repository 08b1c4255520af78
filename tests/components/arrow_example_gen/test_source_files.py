import bz2
import gzip
import os

import google_crc32c
import pytest
from fakes.stock import example_gen_runs
from fakes.stock.columns import REQUIRED
from harness import write_text

from components.arrow_example_gen.file_formats import check
from components.arrow_example_gen.source_files import fingerprint, of_one_format, row_files, size_and_checksum
from pipeline.errors import DataError, MachineError

PATTERN = "train/*.*"


def place(kind, path):
    """Something with the name of a file of rows that is none."""
    made = {
        "folder": lambda: path.mkdir(),
        "pipe": lambda: os.mkfifo(path),
        "link to nothing": lambda: path.symlink_to("gone.csv"),
        "link to a folder": lambda: path.symlink_to(path.parent),
        "loop of links": lambda: path.symlink_to(path.name),
    }
    made[kind]()


@pytest.mark.parametrize("kind", ["folder", "pipe", "link to nothing", "link to a folder", "loop of links"])
def test_a_path_that_is_not_a_file_is_refused_if_named_like_rows(tmp_path, kind):
    write_text(tmp_path / "train" / "rows.csv", "".join(example_gen_runs.taxi_lines(3)))
    for name in (".old.csv", "notes.txt", "old.csv~"):
        place(kind, tmp_path / "train" / name)
    assert row_files(str(tmp_path), PATTERN) == [str(tmp_path / "train" / "rows.csv")]
    place(kind, tmp_path / "train" / "x.csv")
    with pytest.raises(DataError) as caught:
        example_gen_runs.run_nodes(tmp_path, example_gen_runs.taxi_gen(tmp_path))
    assert caught.value.where == str(tmp_path / "train" / "x.csv")


def test_an_unreadable_file_is_a_machine_error(tmp_path, monkeypatch):
    write_text(tmp_path / "train" / "rows.csv", "")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(MachineError, match=r"rows\.csv: it may not be read"):
        row_files(str(tmp_path), PATTERN)


def test_a_link_to_a_file_is_followed(tmp_path):
    write_text(tmp_path / "all" / "rows", "")
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "rows.csv").symlink_to(tmp_path / "all" / "rows")
    assert row_files(str(tmp_path), PATTERN) == [str(tmp_path / "train" / "rows.csv")]


@pytest.mark.parametrize("name", ["b.csv.gz", "b.CSV", "b.csv.zst", "b.Jsonl", "b.jsonl.gz", "B.CSV.GZ"])
def test_files_whose_names_would_leave_rows_unread_are_refused(name):
    with pytest.raises(DataError, match="its rows would not be read") as caught:
        of_one_format("rows/train/*.*", ["rows/train/a.csv", f"rows/train/{name}"])
    assert caught.value.where == f"rows/train/{name}"


@pytest.mark.parametrize("kind", [".csv", ".jsonl"])
@pytest.mark.parametrize(
    ("content", "found"),
    [
        (gzip.compress(b"a\n1\n"), "gzip"),
        (bz2.compress(b"a\n1\n"), "bzip2"),
        (b"PK\x03\x04\x14\0\x06\0", "ZIP, as Excel writes it"),
        (b"PAR1\x15\x04\x15\0\xff", "Parquet"),
    ],
    # What is packed holds the time, and names of tests must be the same in all processes.
    ids=["gzip", "bzip2", "ZIP", "Parquet"],
)
def test_a_file_in_another_format_than_its_name_says_is_refused(tmp_path, kind, content, found):
    (tmp_path / f"rows{kind}").write_bytes(content)
    with pytest.raises(DataError, match="not what its name says") as caught:
        check(str(tmp_path / f"rows{kind}"), REQUIRED)
    assert caught.value.received == found


def test_the_fingerprint_is_of_rows_alone_and_of_each_by_name(tmp_path):
    first, second = (tmp_path / "train" / name for name in ("a.csv", "b.csv"))
    write_text(first, "a\n1\n")
    write_text(second, "a\n2\n")
    os.utime(first, ns=(0, 5_000_000_000))
    os.utime(second, ns=(0, 6_000_000_000))

    def now():
        return fingerprint("train", row_files(str(tmp_path), PATTERN))

    before = now()
    assert "num_files:2,total_bytes:8" in before
    for name in (".rows.csv.swp", "._a.csv", "notes.txt", "a.csv~", ".#b.csv"):
        write_text(tmp_path / "train" / name, "a\n1\n")
    assert now() == before
    os.utime(first, ns=(0, 7_000_000_000))
    assert now() == before
    # TFX adds up sizes and seconds: two files that changed places would be the same.
    first.write_text("a\n2\n")
    second.write_text("a\n1\n")
    assert now() != before


def test_a_change_within_one_second_that_keeps_size_and_time_is_seen(tmp_path):
    path = tmp_path / "train" / "rows.csv"
    write_text(path, "a\n1\n")
    os.utime(path, ns=(0, 5_000_000_000))
    before = fingerprint("train", row_files(str(tmp_path), PATTERN))
    path.write_text("a\n2\n")
    os.utime(path, ns=(0, 5_000_000_000))
    assert fingerprint("train", row_files(str(tmp_path), PATTERN)) != before


@pytest.mark.parametrize("rows", [0, 1, 200_000])
def test_the_checksum_is_of_all_bytes_and_the_same_on_any_file_system(tmp_path, rows):
    path, content = tmp_path / "rows.csv", b"a\n" + b"12345\n" * rows
    path.write_bytes(content)
    expected = (len(content), google_crc32c.value(content))
    assert size_and_checksum(str(path)) == size_and_checksum(f"file://{path}") == expected
