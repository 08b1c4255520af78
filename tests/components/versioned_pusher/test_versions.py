import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import components
from components.artifacts.model_digest import content_digest
from components.artifacts.served_versions import ServedVersion, latest_version, read_marker, served, versions
from components.versioned_pusher.versions import LARGEST, MARKER, UNFINISHED, next_version, push
from pipeline.errors import MainlineError

ROOT = Path(components.__file__).parents[1]
# Pushes the model, and stops for good before the step named: a copy half-way, a rename, a marker.
STOPPING = """\
import os, shutil, sys, time
from pathlib import Path
from components.versioned_pusher import versions

step, model, base = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])

def stop(*arguments, **_):
    if step == 'copytree':
        arguments[1].mkdir()
        (arguments[1] / 'half').write_text('half')
    print('stopped', flush=True)
    time.sleep(60)

places = {'copytree': shutil, 'rename': os, 'replace': os}
setattr(places[step], step, stop)
versions.push(model, base)
"""


@pytest.fixture
def base(tmp_path):
    return tmp_path / "serving"


@pytest.fixture
def model(tmp_path):
    """Makes a model of some weight, each in a folder of its own."""

    def make(weight) -> Path:
        folder = tmp_path / f"model-{weight}"
        (folder / "variables").mkdir(parents=True, exist_ok=True)
        (folder / "saved_model.pb").write_bytes(b"graph")
        (folder / "variables" / "variables.data").write_bytes(str(weight).encode())
        return folder

    return make


def names(base) -> list[str]:
    return sorted(path.name for path in base.iterdir())


def test_a_model_is_pushed_whole_with_its_marker(model, base):
    version, is_new = push(model("a"), base, now_s=100.9, run="r1")
    digest = content_digest(model("a"))
    assert (version, is_new) == (ServedVersion(base / "100", digest, "r1"), True)
    assert content_digest(version.folder) == digest
    marker = json.loads((version.folder / MARKER).read_text(encoding="utf-8"))
    assert marker == {"version": 100, "model_digest": digest, "model": str(model("a")), "run": "r1"}
    assert served(base) == version
    assert names(base) == ["100"]


def test_versions_grow_with_the_clock(model, base):
    numbers = [
        push(model(name), base, now_s=now_s)[0].folder.name for name, now_s in (("a", 100), ("b", 200), ("c", 300))
    ]
    assert numbers == ["100", "200", "300"]
    assert names(base) == numbers


@pytest.mark.parametrize("now_s", [100.0, 99.0, 0.0, -5.0])
def test_versions_grow_even_when_the_clock_steps_back_or_stands_still(model, base, now_s):
    push(model("a"), base, now_s=100)
    assert push(model("b"), base, now_s=now_s)[0].folder.name == "101"
    assert push(model("c"), base, now_s=now_s)[0].folder.name == "102"


def test_versions_are_sorted_as_numbers(base):
    for name in ("9", "10", "100"):
        (base / name).mkdir(parents=True)
    assert versions(base) == [9, 10, 100]
    assert next_version(base, 0) == 101


def test_the_clock_is_that_of_the_machine_unless_given(model, base):
    assert int(push(model("a"), base)[0].folder.name) > 1_500_000_000


def test_the_same_model_is_not_pushed_twice(model, base):
    first, _ = push(model("a"), base, now_s=100)
    assert push(model("a"), base, now_s=200) == (first, False)
    assert names(base) == ["100"]


def test_the_same_model_in_another_folder_is_the_same_model(model, base, tmp_path):
    first, _ = push(model("a"), base, now_s=100)
    model("a").rename(tmp_path / "moved")
    assert push(tmp_path / "moved", base, now_s=200) == (first, False)


def test_an_older_model_is_pushed_again_as_a_new_version(model, base):
    for name, now_s in (("a", 100), ("b", 200), ("a", 300)):
        version, is_new = push(model(name), base, now_s=now_s)
    assert (version.folder.name, is_new) == ("300", True)
    assert served(base).digest == content_digest(model("a"))


def test_a_version_without_a_marker_is_not_the_latest(model, base):
    push(model("a"), base, now_s=100)
    push(model("b"), base, now_s=200)[0].folder.joinpath(MARKER).unlink()
    assert latest_version(base) == base / "100"


def test_an_empty_folder_has_no_latest_version(base):
    assert latest_version(base) is None
    assert versions(base) == []
    base.mkdir()
    assert latest_version(base) is None


def test_leftovers_of_a_killed_push_are_removed(model, base):
    push(model("a"), base, now_s=100)
    for name in (".150.partial", "160"):
        (base / name / "variables").mkdir(parents=True)
    (base / "160" / UNFINISHED).write_text("{}")
    push(model("b"), base, now_s=200)
    assert names(base) == ["100", "200"]


def test_an_incomplete_version_does_not_hide_the_same_model(model, base):
    first, _ = push(model("a"), base, now_s=100)
    (base / "160").mkdir()
    (base / "160" / UNFINISHED).write_text("{}")
    assert push(model("a"), base, now_s=200) == (first, False)
    assert names(base) == ["100"]


def test_foreign_files_are_left_alone(model, base):
    for name in ("notes", "50", "\u0663", ".old.partial", "1e3"):
        (base / name).mkdir(parents=True)
    (base / "models.config").write_text("kept")
    push(model("a"), base, now_s=100)
    assert names(base) == [".old.partial", "100", "1e3", "50", "models.config", "notes", "\u0663"]


def hide(version):
    (version / MARKER).unlink()


def empty_marker(version):
    (version / MARKER).write_text("")


def foreign_marker(version):
    (version / MARKER).write_text("[1]")


def edit(version):
    (version / "variables" / "variables.data").write_bytes(b"edited")


def lose_half(version):
    shutil.rmtree(version / "variables")


@pytest.mark.parametrize("damage", [shutil.rmtree, hide, empty_marker, foreign_marker, edit, lose_half])
def test_a_model_is_pushed_above_a_damaged_version(model, base, damage):
    push(model("b"), base, now_s=50)
    damage(push(model("a"), base, now_s=100)[0].folder)
    found = served(base)
    assert found is None or found.digest != content_digest(model("a"))
    version, is_new = push(model("a"), base, now_s=60)
    assert is_new
    assert (served(base), latest_version(base)) == (version, version.folder)
    assert int(version.folder.name) == max(versions(base))


@pytest.mark.parametrize("name", ["150", "0150", "9999999999"])
@pytest.mark.parametrize("marker", ['{"version": 150}', "", None])
def test_a_model_is_pushed_above_a_foreign_version(model, base, name, marker):
    push(model("a"), base, now_s=100)
    (base / name).mkdir()
    if marker is not None:
        (base / name / MARKER).write_text(marker)
    version, is_new = push(model("a"), base, now_s=120)
    assert (int(version.folder.name), is_new) == (int(name) + 1, True)
    assert served(base) == version
    assert name in names(base)


def test_the_largest_number_of_a_server_leaves_no_version(model, base):
    (base / str(LARGEST)).mkdir(parents=True)
    with pytest.raises(MainlineError, match="no larger version number"):
        push(model("a"), base)
    assert names(base) == [str(LARGEST)]


def test_a_file_named_like_a_version_does_not_block_a_push(model, base):
    base.mkdir()
    (base / "200").write_text("")
    assert push(model("a"), base, now_s=200)[0].folder == base / "201"


def test_the_marker_is_written_last(model, base, monkeypatch):
    seen = []
    replace = os.replace

    def watch(source, target):
        seen.append((Path(target).name, content_digest(Path(target).parent), latest_version(base)))
        replace(source, target)

    monkeypatch.setattr(os, "replace", watch)
    push(model("a"), base, now_s=100)
    ((name, _, latest),) = seen
    assert (name, latest) == (MARKER, None)
    assert latest_version(base) == base / "100"


def test_an_unfinished_marker_is_not_part_of_the_model(model, base):
    version, _ = push(model("a"), base, now_s=100)
    assert sorted(path.name for path in version.folder.iterdir()) == [MARKER, "saved_model.pb", "variables"]


@pytest.mark.parametrize("name", ["variables/variables.data", "saved_model.pb"])
def test_another_byte_gives_another_digest(model, name):
    folder = model("a")
    before = content_digest(folder)
    (folder / name).write_bytes(b"other")
    assert content_digest(folder) != before


def test_another_file_name_gives_another_digest(model):
    folder = model("a")
    before = content_digest(folder)
    (folder / "saved_model.pb").rename(folder / "keras.pb")
    assert content_digest(folder) != before


def test_a_marker_is_not_part_of_the_digest(model):
    folder = model("a")
    before = content_digest(folder)
    (folder / MARKER).write_text("{}")
    assert content_digest(folder) == before


def test_a_missing_model_changes_no_versions(model, base, tmp_path):
    push(model("a"), base, now_s=100)
    with pytest.raises(FileNotFoundError):
        push(tmp_path / "absent", base, now_s=200)
    assert names(base) == ["100"]


@pytest.mark.parametrize("step", ["copytree", "rename", "replace"])
def test_a_push_that_is_killed_leaves_the_older_version_and_the_next_one_succeeds(model, base, step):
    older = push(model("a"), base, now_s=100)[0].folder
    digest, marker = content_digest(older), read_marker(older)
    command = [sys.executable, "-c", STOPPING, step, str(model("b")), str(base)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
    assert process.stdout.readline() == b"stopped\n"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert len(names(base)) == 2
    assert latest_version(base) == older
    assert (content_digest(older), read_marker(older)) == (digest, marker)
    version, is_new = push(model("b"), base)
    assert is_new
    assert names(base) == [older.name, version.folder.name]
    assert latest_version(base) == version.folder
    assert content_digest(version.folder) == content_digest(model("b"))
