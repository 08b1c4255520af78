from pathlib import Path

import pytest

from components.evaluation.results import Evaluation
from components.evaluation.verdict import Check, Measurement, Verdict
from components.support.failure import as_failure
from pipeline.errors import ConfigError, DataRejectedError, MainlineError
from pipeline.kubeflow.pod.exit_handler import first_failure, status_of
from pipeline.kubeflow.pod.kfp_outputs import MAX_SLICES, slice_table, summary_text
from pipeline.kubeflow.pod.node_records import NodeRecord, read_record, write_record
from pipeline.run.events import NodeStatus
from pipeline.run.summary.summary import Summary


def record(node: str, error: MainlineError | None = None) -> NodeRecord:
    return NodeRecord(NodeStatus(node, "failed" if error else "done"), failure=as_failure(error) if error else None)


def test_a_record_is_read_as_it_was_written(tmp_path):
    status = NodeStatus("ExampleGen", "done", rows_in=3, rows_out=3, elapsed_s=1.5)
    written = NodeRecord(status, {"train": 3}, as_failure(ConfigError("here", "wrong")))
    write_record(tmp_path, written)
    assert read_record(tmp_path, "ExampleGen") == written
    assert read_record(tmp_path, "Trainer") is None


@pytest.mark.parametrize(
    ("error", "is_final"),
    [
        (None, False),
        (MainlineError("a", "b"), False),
        (ConfigError("a", "b"), True),
        (DataRejectedError("a", "b"), True),
    ],
)
def test_errors_that_a_retry_cannot_fix_are_final(error, is_final):
    assert record("Trainer", error).is_final is is_final


def test_the_earliest_failure_is_that_of_the_run():
    first = record("Trainer", MainlineError("Trainer", "lost"))
    second = record("ExampleGen", ConfigError("rows", "none"))
    assert str(first_failure({"ExampleGen": second, "Trainer": first})) == "Trainer: lost"


def test_a_node_without_a_record_was_killed_or_never_started():
    error = first_failure({"ExampleGen": record("ExampleGen"), "StatisticsGen": None, "Trainer": None})
    assert error is not None
    assert error.where == "StatisticsGen"
    assert "memory" in str(error)
    assert status_of("Trainer", None).state == "waiting"


def test_a_run_whose_nodes_all_ended_has_no_failure():
    assert first_failure({"ExampleGen": record("ExampleGen")}) is None


def test_slices_are_sorted_by_size():
    def metrics(rows: int, auc: float) -> dict[str, Measurement]:
        return {"example_count": Measurement(rows), "auc": Measurement(auc)}

    sizes = {(("city", f"c|{index}"),): metrics(index, 0.5) for index in range(1, MAX_SLICES + 6)}
    lines = slice_table(Evaluation(candidate={**sizes, (): metrics(999, float("nan"))})).splitlines()
    assert lines[0] == "| slice | rows | auc |"
    assert lines[2] == "| all rows | 999 | undefined |"
    assert lines[3] == f"| city=c\\|{MAX_SLICES + 5} | {MAX_SLICES + 5} | 0.5000 |"
    assert lines[-1] == "6 more slices are in the report."


def test_a_summary_as_markdown():
    check = Check("AUC", "overall", "≥ 0.95", 0.9, (0.88, 0.92), 0.05, -0.05)
    summary = Summary(
        "census", "20261125T010203-abcdef01", "not blessed", 3, 61.2, (NodeStatus("Trainer", "done", elapsed_s=12.0),),
        Verdict(False, 400, (check,)), "Trainer: broken", None, None, "/mnt/mainline/reports/index.html", "f", "l", "n",
    )  # fmt: skip
    text = summary_text(summary)
    assert text.startswith("# census: not blessed\n")
    assert "| AUC | overall | 0.9000 | 0.8800 … 0.9200 | ≥ 0.95 | missed by 0.0500 |" in text
    assert "| Trainer | done | 12.0 s |" in text
    assert "- report: `/mnt/mainline/reports/index.html`" in text
    assert "```text\nTrainer: broken\n```" in text


def test_a_record_is_written_atomically(tmp_path):
    write_record(tmp_path, record("Trainer"))
    assert [path.name for path in Path(tmp_path / "nodes").iterdir()] == ["Trainer.json"]
