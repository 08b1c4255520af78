"""Transformed rows and graphs: our executor against that of stock Transform.

Stock cannot run several phases here: the copies of its input that it makes for them do not fit the Beam of
this stack. Several phases are in ``test_transform_phases.py``.
"""

import pytest
from fakes.stock.transform_runs import check_equal, run_both, taxi_schema

SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("taxi", "numbers", "words", "keys")]


@pytest.mark.parametrize("function", ["plain", *SLOW])
def test_files_and_rows_equal_stock(function, taxi, tmp_path):
    splits = ("train", "eval", "none")
    stock, ours = run_both(taxi, tmp_path, f"batch_transform.preprocessing.{function}", taxi_schema(), splits)
    check_equal(stock, ours, splits)
