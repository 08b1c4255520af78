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
@pytest.mark.parametrize(
    ("case", "only_ours", "rows"),
    [
        (Case("taxi", 1), {"ValidationGate"}, 15_002),
        (Case("impressions", 5_000), {"ValidationGate", "SliceReport"}, 5_000),
    ],
    ids=lambda value: value.name if isinstance(value, Case) else "",
)
def test_both_sides_have_the_same_nodes_rows_and_metrics(case, only_ours, rows, tmp_path):
    runs = {run.side: run for run in compare(case, repeats=1, root=tmp_path)}
    assert set(runs[STOCK].node_s) == SHARED
    assert set(runs[OURS].node_s) == SHARED | only_ours
    assert sum(runs[OURS].rows.values()) == rows
    check_near_metrics(list(runs.values()), TOLERANCE)
    for run in runs.values():
        assert sum(run.node_s.values()) < run.nodes_s + 1 < run.usage.wall_s
    lines = list(table(list(runs.values())))
    assert any(line.startswith("| Evaluator |") for line in lines)
