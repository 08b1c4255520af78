"""Measured runs of a graph: medians, turns, and the comparison of rows and metrics."""

import pytest

from benchmarks.measurement.process import Usage
from benchmarks.measurement.runs import GraphRun, check_equal_rows, check_near_metrics, median_of, take_turns
from pipeline.errors import MainlineError


def run_of(side, seconds, rows=10, auc=0.75, nodes=("Trainer",)):
    usage = Usage(seconds + 5, seconds, 100 * seconds)
    return GraphRun(side, usage, seconds, dict.fromkeys(nodes, seconds), {"train": rows}, {"auc": auc})


def test_medians_are_of_one_side_and_of_nodes_that_every_run_has():
    runs = [run_of("ours", 1), run_of("ours", 9, nodes=("Trainer", "Tuner")), run_of("ours", 2), run_of("stock", 50)]
    found = median_of(runs, "ours")
    assert (found["Trainer"], found["all nodes"], found["whole process"]) == (2, 2, 7)
    assert "Tuner" not in found


def test_sides_alternate():
    turns = list(take_turns(("a", "b"), 4))
    assert turns[::2].count("a") == turns[::2].count("b") == 2


def test_different_row_counts_are_an_error():
    check_equal_rows([run_of("ours", 1), run_of("stock", 1)])
    with pytest.raises(MainlineError, match="rows"):
        check_equal_rows([run_of("ours", 1), run_of("stock", 1, rows=11)])


def test_metrics_that_differ_too_much_are_an_error():
    runs = [run_of("ours", 1), run_of("stock", 1, auc=0.7)]
    assert check_near_metrics(runs, 0.06) == {"auc": pytest.approx(0.05)}
    with pytest.raises(MainlineError, match="do not agree"):
        check_near_metrics(runs, 0.04)
