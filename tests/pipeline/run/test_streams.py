import json
import os
import subprocess
import sys

import pytest

import pipeline
from pipeline.run.streams import json_text

ROOT = os.path.dirname(os.path.dirname(pipeline.__file__))
PROGRAM = """
import sys
from pipeline.run.console import observing
from pipeline.run.log_redirect import redirect_output
from pipeline.run.streams import run_main
from pathlib import Path

def main(arguments):
    print("begins \\u2192", file=sys.stderr)
    with redirect_output(Path(sys.argv[1])) as terminal, observing(terminal) as observer:
        print("for the log \\u2192")
        for _ in range(2000):
            observer.note("90,000 \\u2192 90,000 rows of gr\\u00f6\\u00dfe \\U0001F600")
    print("result \\u2192")
    return 0

run_main(main)
"""


def ended(tmp_path, redirect: str, **environment) -> subprocess.CompletedProcess:
    """A program with much output, its streams set up by a shell."""
    log = tmp_path / "run.log"
    script = f'"{sys.executable}" -c "$PROGRAM" "{log}" {redirect}'
    done = subprocess.run(
        ["bash", "-c", script], cwd=ROOT, env={**os.environ, "PROGRAM": PROGRAM, **environment}, timeout=60,
        capture_output=True,
    )  # fmt: skip
    assert "for the log" in log.read_text(errors="replace")
    return done


@pytest.mark.parametrize(
    "redirect",
    [
        "", "2>/dev/full", ">/dev/full", ">/dev/full 2>&1", "2>&-", ">&-", ">&- 2>&-", "<&- >&- 2>&-",
        "2> >(exec true)", "> >(exec true)", "</dev/null",
    ],
)  # fmt: skip
def test_unwritable_streams_change_nothing(tmp_path, redirect):
    done = ended(tmp_path, redirect)
    assert done.returncode == 0, done.stderr
    assert b"Exception ignored" not in done.stderr
    if ">&-" in redirect:
        assert b"result" not in (tmp_path / "run.log").read_bytes()


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "latin-1"},
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    ],
)
def test_an_encoding_without_arrows_changes_nothing(tmp_path, environment):
    done = ended(tmp_path, "", **environment)
    assert done.returncode == 0, done.stderr
    assert b"90,000 \\u2192 90,000" in done.stderr
    assert done.stdout == b"result \\u2192\n"


def test_a_terminal_with_arrows_has_them(tmp_path):
    done = ended(tmp_path, "", PYTHONIOENCODING="utf-8")
    assert done.stdout.decode() == "result →\n"
    assert "90,000 → 90,000 rows of größe 😀" in done.stderr.decode()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8", "cp1252"])
def test_json_is_valid_in_every_encoding(encoding):
    facts = {"größe": ["→", "😀", "é", "\ud800", "\x00"]}
    assert json.loads(json_text(facts, encoding).encode(encoding)) == facts


def test_an_interrupt_outside_a_run_prints_one_word():
    program = "from pipeline.run.streams import run_main\ndef main(_):\n    raise KeyboardInterrupt\nrun_main(main)\n"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert (done.returncode, done.stderr) == (1, "interrupted\n")
