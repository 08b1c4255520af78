import subprocess
import sys

import pytest

from pipeline.cache.bytecode import compile_source

CODE = """
import os
from pathlib import Path

STATES = frozenset({"done", "cached", "failed", "skipped", "waiting"})

def f(x, *, limit=3):
    if x in {"done", "cached", "failed"}:
        return [g(y) for y in x if y < limit]
    try:
        return os.fspath(Path(x))
    except TypeError:
        return lambda: None
"""


def read(text, package="a.b"):
    return compile_source(text.encode(), package, "file.py")


def digest(text):
    return read(text).digest


def test_comments_blank_lines_and_line_breaks_do_not_count():
    spread = CODE.replace("    if x", "\n\n    # Why?\n    if x").replace(
        "(x, *, limit=3)", "(\n    x,\n    *, limit=3,\n)"
    )
    assert digest(spread) == digest(CODE)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("limit=3", "limit=4"), ("limit=3", "limit=True"), ("y < limit", "y <= limit"), ("g(y)", "h(y)"),
        ("TypeError", "ValueError"), ('"cached", "failed"}:', '"cached", "gone"}:'), ("os.fspath", "os.fsdecode"),
        ("(x, *", "(x, z=None, *"), ("*, limit", "limit"), ("lambda: None", "lambda: 0"),
        ("    try:", '    "said"\n    try:'.replace('"said"\n', "print(x)\n")),
    ],
)  # fmt: skip
def test_an_edit_to_what_it_does_counts(before, after):
    assert before in CODE
    assert digest(CODE.replace(before, after)) != digest(CODE)


def test_a_docstring_counts():
    assert digest('def f():\n    """One."""\n') != digest('def f():\n    """Two."""\n')


def test_the_hash_is_the_same_in_every_process():
    code = f"from pipeline.cache.bytecode import compile_source as c; print(c({CODE.encode()!r}, 'a', 'f').digest)"
    runs = [
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        )
        for seed in ("1", "2")
    ]
    assert {run.stdout.strip() for run in runs} == {digest(CODE)}


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("import x.y", {"x.y"}),
        ("import x.y as z", {"x.y"}),
        ("from x import y, z", {"x", "x.y", "x.z"}),
        ("from . import y", {"a.b", "a.b.y"}),
        ("from .y import z", {"a.b.y", "a.b.y.z"}),
        ("from .. import y", {"a", "a.y"}),
        ("from ..y import z", {"a.y", "a.y.z"}),
    ],
)
@pytest.mark.parametrize("where", ["{}", "def f():\n    {}", "class A:\n    def f(self):\n        {}"])
def test_imports_are_found_wherever_they_stand(statement, found, where):
    assert read(where.format(statement)).imports == found


def test_dotted_names_in_strings_are_found_and_other_strings_are_not():
    text = 'A = ("a.b.c", "plain", "a.b. c")\nB = {"-m": "d.e"}\ndef f(x="g.h"):\n    return x in {"i.j", "k"}\n'
    assert read(text).dotted_names == {"a.b.c", "d.e", "g.h", "i.j"}
