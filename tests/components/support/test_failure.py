import pytest

from components.support.failure import Failure, as_failure
from pipeline.errors import ConfigError, DataRejectedError, MainlineError


@pytest.mark.parametrize("kind", [MainlineError, ConfigError, DataRejectedError])
def test_an_exception_comes_back_as_it_was(kind):
    error = kind("rows.csv, line 3", "not a number", expected="FLOAT", received="'x'", next_step="Fix it.")
    again = as_failure(error).as_error()
    assert (type(again), str(again), again.exit_code) == (kind, str(error), kind.exit_code)


def test_one_of_a_library_is_the_base_of_ours():
    failure = as_failure(ValueError("broken\nin two"), "Trainer")
    assert not failure.is_ours
    error = failure.as_error()
    assert (type(error), error.where, error.problem) == (MainlineError, "Trainer", "ValueError: broken")
    assert "traceback" in error.next_step


def test_a_name_of_another_kind_is_no_exception_of_ours():
    assert not Failure(0.0, "__name__", "x", "y").is_ours
