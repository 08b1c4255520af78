import os
import subprocess
import sys
from pathlib import Path

import pytest

import pipeline

ROOT = Path(pipeline.__file__).parents[1]
HEAD = "import os, subprocess, sys\nfrom pathlib import Path\nfrom pipeline.run.log_redirect import redirect_output\n"


def run(tmp_path, body, code=0) -> tuple[str, str, str]:
    """Run a program that gets ``log``; return its standard output, its standard error and the log."""
    log = tmp_path / "run.log"
    command = [sys.executable, "-c", f"{HEAD}log = Path(sys.argv[1])\n{body}", str(log)]
    # Buffered as for a user, to check that buffered output does not end up on the wrong side.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=60)
    assert done.returncode == code, done.stderr
    return done.stdout, done.stderr, log.read_text(encoding="utf-8") if log.is_file() else ""


def test_everything_written_inside_goes_to_the_log(tmp_path):
    out, err, log = run(
        tmp_path,
        "with redirect_output(log):\n"
        "    print('by print'); print('by print to error', file=sys.stderr)\n"
        "    os.write(1, b'by C to output\\n'); os.write(2, b'by C to error\\n')\n"
        "    subprocess.run(['sh', '-c', 'echo by a child; echo by a child to error >&2'], check=True)\n",
    )
    assert (out, err) == ("", "")
    assert sorted(log.splitlines()) == [
        "by C to error",
        "by C to output",
        "by a child",
        "by a child to error",
        "by print",
        "by print to error",
    ]


def test_the_stream_reaches_the_terminal(tmp_path):
    out, err, log = run(
        tmp_path, "with redirect_output(log) as terminal:\n    print('fünf von neun', file=terminal); print('hidden')\n"
    )
    assert (out, err, log) == ("", "fünf von neun\n", "hidden\n")


def test_output_before_and_after_goes_where_it_was_written(tmp_path):
    out, err, log = run(
        tmp_path,
        "print('before', end=' ')\n"
        "with redirect_output(log):\n    print('inside', end=' ')\n"
        "print('after', flush=True); os.write(2, b'after error\\n')\n"
        "subprocess.run(['echo', 'by a child'], check=True)\n",
    )
    assert (out, err, log) == ("before after\nby a child\n", "after error\n", "inside ")


@pytest.mark.parametrize("error", ["ValueError('broken')", "KeyboardInterrupt()", "SystemExit(0)"])
def test_the_terminal_is_restored_after_an_exception(tmp_path, error):
    out, err, log = run(
        tmp_path,
        "try:\n"
        f"    with redirect_output(log):\n        print('inside'); raise {error}\n"
        "except BaseException as caught:\n"
        "    os.write(1, type(caught).__name__.encode()); os.write(2, b'back')\n",
    )
    assert (out, err, log) == (error.split("(")[0], "back", "inside\n")


def test_a_run_survives_the_loss_of_its_terminal(tmp_path):
    _, err, log = run(
        tmp_path,
        "with redirect_output(log) as terminal:\n    terminal.close(); print('inside')\nos.write(2, b'back')\n",
    )
    assert (err, log) == ("back", "inside\n")


def test_a_log_is_appended_to(tmp_path):
    (tmp_path / "run.log").write_text("older\n")
    _, _, log = run(tmp_path, "for word in 'ab':\n    with redirect_output(log):\n        print(word)\n")
    assert log == "older\na\nb\n"


def test_an_unwritable_log_leaves_the_terminal_alone(tmp_path):
    out, err, _ = run(
        tmp_path,
        "try:\n"
        "    with redirect_output(log / 'absent' / 'run.log'):\n        pass\n"
        "except OSError as caught:\n"
        "    print(type(caught).__name__); os.write(2, b'still here')\n",
    )
    assert (out, err) == ("FileNotFoundError\n", "still here")


@pytest.mark.parametrize("name", ["run.log", "absent/run.log"])
def test_no_file_descriptor_is_left_open(tmp_path, name):
    out, _, _ = run(
        tmp_path,
        "count = lambda: len(os.listdir('/proc/self/fd'))\n"
        "before = count()\n"
        "for _ in range(3):\n"
        "    try:\n"
        f"        with redirect_output(log.parent / '{name}'):\n            pass\n"
        "    except OSError:\n        pass\n"
        "print(count() - before)\n",
    )
    assert out == "0\n"
