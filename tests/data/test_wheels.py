import sys
from pathlib import Path

import pytest

from data import wheels
from data.wheels import download, find_pip, last_meaningful_line, pip_candidates
from pipeline.errors import MachineError


def fake_pip(folder: Path, script: str) -> list[str]:
    path = folder / "pip.py"
    path.write_text(f"import sys\nif '--version' in sys.argv: sys.exit(0)\n{script}\n")
    return [sys.executable, str(path)]


def test_pip_of_this_environment_comes_before_that_of_its_base(monkeypatch):
    monkeypatch.setattr(sys, "_base_executable", "/base/python", raising=False)
    monkeypatch.setattr(wheels.shutil, "which", lambda _: "/usr/bin/pip3")
    assert pip_candidates() == [
        [sys.executable, "-m", "pip"],
        ["/base/python", "-m", "pip"],
        ["/usr/bin/pip3"],
    ]


def test_a_pip_that_fails_or_is_absent_is_skipped(tmp_path, monkeypatch):
    works = fake_pip(tmp_path, "")
    absent, fails = [str(tmp_path / "absent")], [sys.executable, "-c", "raise SystemExit(1)"]
    monkeypatch.setattr(wheels, "pip_candidates", lambda: [absent, fails, works])
    assert find_pip() == works


def test_without_any_pip_the_error_says_what_was_tried_and_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(wheels, "pip_candidates", lambda: [[str(tmp_path / "absent"), "-m", "pip"]])
    with pytest.raises(MachineError, match="no pip") as caught:
        download("tiny==1.0", tmp_path, reason="not in the cache")
    assert "absent -m pip" in caught.value.expected
    assert "ensurepip" in caught.value.next_step


def test_a_failed_download_shows_why(tmp_path, monkeypatch):
    script = "sys.stderr.write('WARNING: Retrying\\nERROR: No matching distribution\\n\\n'); sys.exit(1)"
    command = fake_pip(tmp_path, script)
    monkeypatch.setattr(wheels, "pip_candidates", lambda: [command])
    with pytest.raises(MachineError) as caught:
        download("tiny==1.0", tmp_path, reason="not in the cache")
    assert caught.value.received == "ERROR: No matching distribution"
    assert caught.value.problem == "pip could not download it (not in the cache)"


def test_pip_is_asked_for_the_pinned_wheel_alone(tmp_path, monkeypatch):
    command = fake_pip(tmp_path, f"open({str(tmp_path / 'seen')!r}, 'w').write(' '.join(sys.argv[1:]))")
    monkeypatch.setattr(wheels, "pip_candidates", lambda: [command])
    download("tiny==1.0", tmp_path, reason="not in the cache")
    seen = (tmp_path / "seen").read_text()
    assert seen.startswith("download --no-deps --only-binary=:all: --no-input")
    assert seen.endswith(f"--dest {tmp_path} tiny==1.0")


@pytest.mark.parametrize(("output", "line"), [("", "(pip printed nothing)"), ("one\n\ntwo\n", "two")])
def test_without_an_error_line_the_last_line_counts(output, line):
    assert last_meaningful_line(output) == line
