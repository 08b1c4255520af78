import errno

import pytest

from pipeline.errors import DataError
from pipeline.run.failure import as_ours, is_disk_full
from pipeline.run.request import Place


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path, tmp_path / "history" / "1", "1")


def test_an_error_that_is_its_own_cause_ends(place):
    error = ValueError("CSV conversion error to float: invalid value 'far'")
    error.__cause__ = error
    assert not is_disk_full(error)
    assert "invalid value 'far'" in as_ours(error, place).problem


def test_a_full_disk_is_found_behind_a_circle():
    outer, inner = ValueError("outer"), RuntimeError("inner")
    outer.__cause__, inner.__cause__ = inner, outer
    inner.__context__ = OSError(errno.ENOSPC, "No space left on device")
    assert is_disk_full(outer)


def test_an_error_of_ours_stays_as_it_is(place):
    error = DataError("rows.csv, line 3", "not a number")
    error.__cause__ = error
    assert as_ours(error, place) is error
