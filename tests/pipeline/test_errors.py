import ast
import subprocess
import sys
from pathlib import Path

import pytest

import pipeline.errors
from pipeline.errors import (
    ConfigError,
    DataError,
    DataRejectedError,
    InputError,
    MainlineError,
    NotBlessedError,
    causes,
)

ROOT = Path(pipeline.errors.__file__).parents[1]


@pytest.mark.parametrize(
    ("kind", "exit_code"),
    [
        (MainlineError, 1),
        (InputError, 2),
        (ConfigError, 2),
        (DataError, 2),
        (NotBlessedError, 3),
        (DataRejectedError, 4),
    ],
)
def test_each_kind_knows_its_exit_code(kind, exit_code):
    assert kind("here", "wrong").exit_code == exit_code
    assert isinstance(kind("here", "wrong"), MainlineError)


def test_errors_of_the_input_are_one_branch_of_the_tree():
    assert issubclass(ConfigError, InputError)
    assert issubclass(DataError, InputError)
    assert not issubclass(NotBlessedError, InputError)
    assert not issubclass(DataRejectedError, InputError)


def test_every_kind_is_in_the_drawing():
    kinds = {name for name, value in vars(pipeline.errors).items() if isinstance(value, type)}
    assert all(name in pipeline.errors.__doc__ for name in kinds)


def test_a_message_of_all_parts():
    error = DataError("rows.csv, line 3", "not a number", expected="FLOAT", received="'x'", next_step="Fix it.")
    assert str(error).splitlines() == [
        "rows.csv, line 3: not a number",
        "  expected: FLOAT",
        "  received: 'x'",
        "  next:     Fix it.",
    ]


def test_missing_parts_take_no_line():
    assert str(MainlineError("here", "wrong")) == "here: wrong"
    assert str(MainlineError("here", "wrong", next_step="Go.")) == "here: wrong\n  next:     Go."


def test_the_parts_can_be_read_one_by_one():
    error = ConfigError("here", "wrong", expected="a", received="b", next_step="c")
    assert (error.where, error.problem, error.expected, error.received, error.next_step) == (
        "here",
        "wrong",
        "a",
        "b",
        "c",
    )


def test_the_module_needs_nothing_but_the_standard_library():
    command = [sys.executable, "-I", "-S", str(ROOT / "pipeline" / "errors.py")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stderr == ""


def test_causes_of_an_error_that_is_its_own_cause():
    error = ValueError("bad value")
    error.__cause__ = error
    assert list(causes(error)) == [error]


def test_causes_pass_a_cycle_once_and_follow_both_cause_and_context():
    first, second, third, aside = ValueError("1"), OSError("2"), KeyError("3"), TypeError("4")
    first.__cause__, second.__cause__, third.__cause__ = second, third, first
    second.__context__ = aside
    assert list(causes(first)) == [first, second, third, aside]


def test_only_one_function_walks_over_causes():
    def walks(path):
        loops = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.While)]
        names = {node.attr for loop in loops for node in ast.walk(loop) if isinstance(node, ast.Attribute)}
        return names & {"__cause__", "__context__"}

    sources = [path for folder in ("pipeline", "components", "data") for path in (ROOT / folder).rglob("*.py")]
    assert [path.name for path in sources if walks(path)] == ["errors.py"]
