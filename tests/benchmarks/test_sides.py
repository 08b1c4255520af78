"""Both sides of the comparison with stock TFX run, on the same rows, and come to the same metrics."""

import pytest

from benchmarks.cases import Case
from benchmarks.fresh import check_near_metrics
from benchmarks.pipeline import OURS, STOCK, TOLERANCE, compare, table

SHARED = {
    "ExampleGen", "StatisticsGen", "ImportSchemaGen", "ExampleValidator", "Transform", "Trainer", "Baseline",
    "Evaluator", "Pusher",
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_both_sides_have_the_same_nodes_rows_and_metrics(tmp_path):
    runs = {run.side: run for run in compare(Case("taxi", 1), repeats=1, root=tmp_path)}
    assert set(runs[STOCK].node_s) == SHARED
    assert set(runs[OURS].node_s) == SHARED | {"ValidationGate"}
    assert sum(runs[OURS].rows.values()) == 15_002
    check_near_metrics(list(runs.values()), TOLERANCE)
    for run in runs.values():
        assert sum(run.node_s.values()) < run.nodes_s + 1 < run.usage.wall_s
    lines = list(table(list(runs.values())))
    assert any(line.startswith("| Evaluator |") for line in lines)
