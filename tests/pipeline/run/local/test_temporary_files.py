import os
import subprocess
import sys
import tempfile

import pytest

from pipeline.run.local.temporary_files import FOLDER, temporary_folder


def test_temporary_files_are_in_the_root_and_removed_at_the_end(tmp_path):
    before = tempfile.gettempdir(), os.environ.get("TMPDIR")
    with temporary_folder(tmp_path) as folder:
        made = [tempfile.mkstemp(prefix="__autograph_generated_file")[1], tempfile.mkdtemp(prefix="beam-pipeline-temp")]
        program = [sys.executable, "-c", "import tempfile; print(tempfile.mkdtemp())"]
        made.append(subprocess.run(program, capture_output=True, text=True, check=True).stdout.strip())
        assert {os.path.dirname(path) for path in made} == {str(folder)}
    assert not folder.exists()
    assert (tempfile.gettempdir(), os.environ.get("TMPDIR")) == before


@pytest.mark.parametrize("given", [None, "/nowhere/else"])
def test_leftovers_of_a_killed_run_are_removed_at_the_next_start(tmp_path, monkeypatch, given):
    monkeypatch.setenv("TMPDIR", given) if given else monkeypatch.delenv("TMPDIR", raising=False)
    left = tmp_path / FOLDER / "beam-pipeline-temp1" / "file"
    left.parent.mkdir(parents=True)
    left.write_text("x")
    with temporary_folder(tmp_path) as folder:
        assert list(folder.iterdir()) == []
    assert os.environ.get("TMPDIR") == given


def test_temporary_files_are_removed_after_an_exception(tmp_path):
    def fail():
        with temporary_folder(tmp_path):
            tempfile.mkdtemp()
            raise ValueError("failed")

    with pytest.raises(ValueError, match="failed"):
        fail()
    assert not (tmp_path / FOLDER).exists()
