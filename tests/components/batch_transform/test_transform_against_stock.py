"""Transformed rows and graphs, ours against those of stock Transform, both by their executors."""

import pytest
from tensorflow_transform.beam import deep_copy

from .transform_world import check_equal, run_both, taxi_schema

FUNCTIONS = ("taxi", "numbers", "words", "phases", "keys", "plain")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_files_and_rows_are_those_of_stock(function, taxi, tmp_path, monkeypatch):
    # A copy of the way to the rows for each phase, which TensorFlow Transform 1.16 cannot make with a recent Beam.
    monkeypatch.setattr(deep_copy, "deep_copy", lambda rows: rows)
    splits = ("train", "eval", "none")
    stock, ours = run_both(taxi, tmp_path, f"batch_transform.preprocessing.{function}", taxi_schema(), splits)
    check_equal(stock, ours, splits)
