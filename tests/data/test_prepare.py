import csv
import importlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from data import prepare as module
from data.fetch import DEFAULT_CACHE
from data.prepare import DATASETS, Dataset, main, prepare
from pipeline.errors import DataError

ROOT = Path(module.__file__).parents[1]


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def cache(tmp_path, adult_raw, movielens_raw):
    """A cache of its own, with the raw files in it."""
    for raw in (adult_raw, movielens_raw):
        shutil.copytree(raw, tmp_path / "cache" / "raw" / raw.name)
    return tmp_path / "cache"


TINY_MODULE = """
COLUMNS = ("number", "label")
calls = []


def rows_by_split(raw, split, seed):
    calls.append((split, seed))
    return {"train": [(1 + seed, 0), (None, 1)], "eval": [(3, 0)], "test": [(4, 1)]}
"""


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A data set called 'tiny' that needs no raw files; its value lists what was prepared and not reused."""
    (tmp_path / "tiny_rows.py").write_text(TINY_MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(module, "DATASETS", (Dataset("tiny", "adult", "tiny_rows", ("given", "time"), ("time",)),))
    monkeypatch.setattr(module, "fetch", lambda *_: tmp_path)
    yield importlib.import_module("tiny_rows").calls
    del sys.modules["tiny_rows"]


def test_the_random_split_has_the_known_size_and_the_same_bytes_each_time(recommender, cache):
    again = prepare("recommender", "random", 0, cache)
    assert again.rows == {"train": 80_000, "eval": 10_000, "test": 10_000}
    assert (again.rows, again.digest) == (recommender.rows, recommender.digest)
    assert contents(again.path) == contents(recommender.path)
    files = ["eval/rows.csv", "labels/item_id.csv", "manifest.json", "test/rows.csv", "train/rows.csv"]
    assert sorted(contents(again.path)) == files


def test_the_time_split_is_ordered_and_has_no_seed(movielens_raw):
    ready = prepare("recommender", "time", 5, DEFAULT_CACHE)
    assert ready.path == DEFAULT_CACHE / "prepared" / "recommender" / "time"
    assert prepare("recommender", "time", 6, DEFAULT_CACHE) == ready
    times = {split: event_times(ready.path / split / "rows.csv") for split in ready.rows}
    assert max(times["train"]) <= min(times["eval"]) <= max(times["eval"]) <= min(times["test"])
    assert all(each == sorted(each) for each in times.values())


def event_times(path):
    with path.open(encoding="utf-8", newline="") as file:
        return [int(row["event_time_s"]) for row in csv.DictReader(file)]


def test_prepared_data_is_reused_within_50_ms_and_without_pandas(recommender):
    # CPU time, so that a busy neighbour on the machine does not count.
    code = (
        "import sys, time; from data.prepare import prepare, DEFAULT_CACHE\n"
        "def once():\n"
        "    start = time.process_time(); prepare('recommender', 'random', 0, DEFAULT_CACHE)\n"
        "    return time.process_time() - start\n"
        "print(min(once() for _ in range(10)), *{'pandas', 'numpy', 'zipcodes', 'tensorflow'} & set(sys.modules))\n"
    )
    seconds, *imported = run_python("-c", code).stdout.split()
    assert float(seconds) < 0.05
    assert imported == []


def run_python(*arguments, **environment):
    command, env = [sys.executable, *arguments], {**os.environ, **environment}
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=env)


def test_the_module_imports_fast():
    code = "import time; start = time.perf_counter(); import data.prepare; print(time.perf_counter() - start)"
    assert min(float(run_python("-c", code).stdout) for _ in range(3)) < 0.3


def test_the_hash_seed_of_python_changes_nothing(cache, census):
    command = ("-m", "data.prepare", "census", "--cache", str(cache), "--json")
    printed = json.loads(run_python(*command, PYTHONHASHSEED="77").stdout)
    assert printed == {
        "path": str(cache / "prepared" / "census" / "given-0"), "rows": census.rows, "digest": census.digest,
    }  # fmt: skip


def test_a_data_set_is_a_module_and_a_row_in_the_table(tiny, tmp_path):
    ready = prepare("tiny", "given", 0, tmp_path)
    assert ready.rows == {"train": 2, "eval": 1, "test": 1}
    assert (ready.path / "train" / "rows.csv").read_text() == "number,label\n1,0\n,1\n"
    assert json.loads((ready.path / "manifest.json").read_text())["columns"] == ["number", "label"]


def test_a_second_call_reuses_and_another_seed_does_not(tiny, tmp_path):
    first = prepare("tiny", "given", 0, tmp_path)
    assert prepare("tiny", "given", 0, tmp_path) == first
    other = prepare("tiny", "given", 1, tmp_path)
    assert (first.path.name, other.path.name) == ("given-0", "given-1")
    assert other.digest != first.digest
    assert tiny == [("given", 0), ("given", 1)]


def test_a_seedless_split_is_made_once_for_all_seeds(tiny, tmp_path):
    assert prepare("tiny", "time", 1, tmp_path) == prepare("tiny", "time", 2, tmp_path)
    assert tiny == [("time", 0)]


def forget_raw(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["origin"]["raw"]["adult.data"] = "0" * 64
    (folder / "manifest.json").write_text(json.dumps(manifest))


CHANGES = {
    "raw file": forget_raw,
    "row": lambda folder: (folder / "eval" / "rows.csv").write_text("number,label\n3,1\n"),
    "half a manifest": lambda folder: (folder / "manifest.json").write_text("{"),
    "other manifest": lambda folder: (folder / "manifest.json").write_text("[]"),
    "missing file": lambda folder: (folder / "test" / "rows.csv").unlink(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_any_change_prepares_anew(change, tiny, tmp_path):
    before = prepare("tiny", "given", 0, tmp_path)
    change(before.path)
    assert prepare("tiny", "given", 0, tmp_path) == before
    assert prepare("tiny", "given", 0, tmp_path) == before
    assert tiny == [("given", 0), ("given", 0)]


def test_labels_are_written_beside_the_rows_and_a_change_of_them_prepares_anew(tiny, tmp_path, monkeypatch):
    labels = {"number": {"1": "one, the first", "3": "three"}}
    monkeypatch.setattr(sys.modules["tiny_rows"], "labels_by_column", lambda raw: labels, raising=False)
    ready = prepare("tiny", "given", 0, tmp_path)
    path = ready.path / "labels" / "number.csv"
    assert path.read_text(encoding="utf-8") == 'value,label\n1,"one, the first"\n3,three\n'
    path.write_text("value,label\n", encoding="utf-8")
    assert prepare("tiny", "given", 0, tmp_path) == ready
    assert len(path.read_text(encoding="utf-8").splitlines()) == 3
    assert len(tiny) == 2


def test_changed_code_prepares_anew(tiny, tmp_path, monkeypatch):
    before = prepare("tiny", "given", 0, tmp_path)
    monkeypatch.setattr(module, "_code_digest", lambda: "other")
    assert prepare("tiny", "given", 0, tmp_path) == before
    assert len(tiny) == 2


@pytest.mark.parametrize("edited", ["folders.py", "datasets/splits.py"])
def test_an_edit_of_any_module_is_noticed(tmp_path, monkeypatch, edited):
    before = module._code_digest()
    shutil.copytree(Path(module.__file__).parent, tmp_path, ignore=shutil.ignore_patterns("cache"), dirs_exist_ok=True)
    monkeypatch.setattr(module, "__file__", str(tmp_path / "prepare.py"))
    assert module._code_digest() == before
    (tmp_path / edited).write_text("changed")
    assert module._code_digest() != before


def full_disk(*_):
    raise OSError(28, "No space left on device", "rows.csv")


def test_a_failure_half_way_leaves_nothing(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_manifest", full_disk)
    with pytest.raises(OSError, match="No space"):
        prepare("tiny", "given", 0, tmp_path)
    assert not [path for path in (tmp_path / "prepared" / "tiny").iterdir() if path.is_dir()]


def test_the_command_reports_a_full_disk_without_a_traceback(tiny, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(module, "write_rows", full_disk)
    assert main(["tiny", "--cache", str(tmp_path)]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == "rows.csv: No space left on device"


@pytest.mark.parametrize(
    ("dataset", "split", "message"),
    [
        ("censsus", "given", "data set 'censsus': unknown data set"),
        ("census", "random", "census split 'random': unknown census split"),
        ("recommender", "tiem", "Did you mean 'time'?"),
    ],
)
def test_unknown_names_are_refused(dataset, split, message, tmp_path):
    with pytest.raises(DataError) as caught:
        prepare(dataset, split, 0, tmp_path)
    assert message in str(caught.value)


def test_a_package_that_is_not_installed_is_named(tmp_path, monkeypatch):
    absent = DATASETS[1]._replace(packages=("no-such-package",))
    monkeypatch.setattr(module, "DATASETS", (absent,))
    with pytest.raises(DataError, match="not installed") as caught:
        prepare("census", "given", 0, tmp_path)
    assert caught.value.where == "no-such-package"


def test_the_command_prints_the_folder_alone_on_stdout(census, capsys):
    start = time.perf_counter()
    assert main(["census"]) == 0
    assert time.perf_counter() - start < 5
    assert capsys.readouterr().out == f"{census.path}\n"


def test_the_command_exits_with_2_and_the_reason(capsys):
    assert main(["nonsense"]) == 2
    assert "expected: recommender, census" in capsys.readouterr().err
