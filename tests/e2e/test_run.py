"""Whole runs on a few real rows: their results, and what a second run does."""

import json
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import harness
import pytest
import yaml

HOLD_LOCK = """
import fcntl, sys, time
with open(sys.argv[1], "w") as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    print("held", flush=True)
    time.sleep(60)
"""
UNNEEDED = ("optuna", "kfp", "pipeline.training.loop", "pipeline.workloads.census.trainer")
# Imported by TFX's package of components where that must run whole.
OF_COMPONENTS = (
    "kubernetes", "jsonschema", "tfx.components.bulk_inferrer", "tfx.components.infra_validator",
    "tfx.components.tuner",
)  # fmt: skip


def executions(root: Path) -> list[tuple[str, int]]:
    """Node type and state of every execution in ML Metadata."""
    query = "select t.name, e.last_known_state from Execution e join Type t on e.type_id = t.id order by e.id"
    with sqlite3.connect(root / "census" / "metadata.db") as database:
        return [(name.rsplit(".", 1)[-1], state) for name, state in database.execute(query)]


def test_a_run_ends_with_a_pushed_model(finished):
    assert finished.outcome.code == 0
    assert set(finished.outcome.states().values()) == {"done"}
    (version,) = harness.versions(finished.root)
    folder = finished.root / "census" / "serving" / version
    assert (folder / "saved_model.pb").is_file()
    assert json.loads((folder / "READY.json").read_text())["version"] == int(version)


def test_rows_are_counted_through_the_graph(finished):
    nodes = {node["node"]: node for node in finished.outcome.facts["nodes"]}
    rows = sum(harness.TINY.values())
    assert nodes["ExampleGen"]["rows_out"] == rows
    assert (nodes["StatisticsGen"]["rows_in"], nodes["StatisticsGen"]["rows_out"]) == (rows, rows)
    assert nodes["Transform"]["rows_out"] == harness.TINY["train"] + harness.TINY["eval"]
    assert nodes["Evaluator"]["rows_out"] == harness.TINY["test"]


def test_the_run_keeps_its_config_log_and_summary(finished):
    folder = Path(finished.outcome.facts["folder"])
    assert yaml.safe_load((folder / "config.yaml").read_text())["training"]["epochs"] == 2
    # tests/pipeline/run/test_log_redirect.py checks its content, which depends on the versions of the libraries.
    assert (folder / "run.log").is_file()
    assert finished.outcome.facts["status"] == "pushed"


def test_the_verdict_says_every_bound_with_its_value(finished):
    verdict = finished.outcome.facts["verdict"]
    assert verdict["blessed"]
    assert verdict["rows"] == harness.TINY["test"]
    assert [check["slice"] for check in verdict["checks"]] == ["overall", "sex=Female"]
    for check in verdict["checks"]:
        low, high = check["interval"]
        assert low < check["value"] < high


def test_an_unchanged_run_is_answered_from_the_cache(finished):
    again = harness.run_here(finished.rows, finished.root)
    assert (again.code, again.facts["status"]) == (0, "up to date")
    assert {state for node, state in again.states().items() if node != "Baseline"} == {"cached"}
    assert len(harness.versions(finished.root)) == 1


def test_a_cached_run_does_not_import_what_only_executors_need(finished):
    unneeded = UNNEEDED + (OF_COMPONENTS if harness.components_are_lazy() else ())
    asked = f"""
import sys
import local_runner
code = local_runner.main({harness.command(finished.rows, finished.root)[2:]!r})
print(code, [name for name in {unneeded!r} if name in sys.modules])
"""
    found = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, cwd=harness.ROOT, check=True)
    assert found.stdout.splitlines()[-1] == "0 []"
    assert "Trainer cached" in found.stderr


@pytest.mark.slow
def test_a_changed_training_setting_reruns_what_depends_on_it(finished, tmp_path):
    root = shutil.copytree(finished.root, tmp_path / "runs")
    changed = harness.run_here(finished.rows, finished.root, "training.learning_rate=0.004")
    ran = {node for node, state in changed.states().items() if state == "done"}
    assert ran == {"Trainer", "Baseline", "Evaluator", "SliceReport", "Pusher"}
    assert changed.code == 0
    versions = harness.versions(finished.root)
    assert len(versions) == 2
    assert [int(version) for version in versions] == sorted(int(version) for version in versions)
    assert root.is_dir()


@pytest.mark.slow
def test_other_files_beside_the_rows_are_not_read(finished, tmp_path):
    root = shutil.copytree(finished.root, tmp_path / "runs")
    written = (
        "ExampleGen/examples/*/Split-*/*", "Transform/transformed_examples/*/Split-*/*",
        "Evaluator/evaluation/*/predictions/part-*.parquet",
    )  # fmt: skip
    for path in (path for pattern in written for path in (root / "census" / "artifacts").glob(pattern)):
        shutil.copy(path, path.with_name(f"part-99999{path.suffix}"))
    outcome = harness.run_here(finished.rows, root, "training.learning_rate=0.005")
    before, after = (
        {node["node"]: node["rows_out"] for node in facts["nodes"] if node["state"] == "done"}
        for facts in (finished.outcome.facts, outcome.facts)
    )
    assert outcome.code == 0
    assert after == {node: rows for node, rows in before.items() if node in after}
    assert {"StatisticsGen", "Transform", "Evaluator"} <= after.keys()
    assert outcome.facts["verdict"]["rows"] == harness.TINY["test"]


def test_a_model_that_misses_a_bound_on_a_slice_is_not_pushed(finished):
    before = harness.versions(finished.root)
    bounds = "evaluation.bounds=[{metric: AUC, lower: 0.5}, {metric: AUC, lower: 0.999, slice: {sex: Female}}]"
    outcome = harness.run_here(finished.rows, finished.root, bounds)
    assert (outcome.code, outcome.facts["status"]) == (3, "not blessed")
    (missed,) = [check for check in outcome.facts["verdict"]["checks"] if check["missed_by"]]
    assert missed["slice"] == "sex=Female"
    assert missed["missed_by"] == pytest.approx(0.999 - missed["value"], abs=1e-5)
    assert harness.versions(finished.root) == before


@pytest.mark.slow
def test_a_model_that_is_much_worse_than_the_latest_blessed_one_is_not_pushed(finished):
    before = harness.versions(finished.root)
    changes = "evaluation.changes=[{metric: AUC, better: higher, tolerance: 0.01}]"
    outcome = harness.run_here(finished.rows, finished.root, "training.learning_rate=1e-7", changes)
    (missed,) = [check for check in outcome.facts["verdict"]["checks"] if "baseline" in check["metric"]]
    assert outcome.code == 3
    assert missed["value"] == pytest.approx(-0.01 - missed["missed_by"], abs=1e-5)
    assert harness.versions(finished.root) == before


def test_from_and_to_run_part_of_the_graph(finished):
    outcome = harness.run_here(finished.rows, finished.root, from_node="Evaluator")
    assert outcome.code == 0
    assert outcome.states()["Trainer"] == "skipped"
    assert outcome.states()["Evaluator"] in ("cached", "done")


def test_settings_that_differ_from_the_reused_nodes_are_refused_and_named(finished):
    before = harness.versions(finished.root)
    wrong = ("training.learning_rate=0.5", "training.epochs=77")
    outcome = harness.run_here(finished.rows, finished.root, *wrong, from_node="Evaluator")
    assert (outcome.code, outcome.facts["status"]) == (2, "bad input")
    for text in ("other settings: training.epochs, training.learning_rate", "training.learning_rate=0.5", "Trainer"):
        assert text in outcome.facts["error"]
    assert not outcome.facts["nodes"]
    assert harness.versions(finished.root) == before
    outcome = harness.run_here(finished.rows, finished.root, "data.seed=3", "data.shuffle_rows=10", from_node="Trainer")
    assert outcome.code == 2
    assert "data.seed, data.shuffle_rows" in outcome.facts["error"]


@pytest.mark.slow
def test_nodes_are_reused_from_the_latest_run_with_the_same_settings(finished):
    other = harness.run_here(finished.rows, finished.root, "training.learning_rate=0.006", to_node="Trainer")
    assert other.code == 0
    outcome = harness.run_here(finished.rows, finished.root, from_node="Evaluator", cache=False)
    assert (outcome.code, outcome.states()["Trainer"]) == (0, "skipped")
    report = json.loads((Path(outcome.facts["report"]).parent / "report.json").read_text(encoding="utf-8"))
    config = yaml.safe_load((Path(outcome.facts["folder"]) / "config.yaml").read_text(encoding="utf-8"))
    trained = json.loads((model_run_of(report) / "training.json").read_text(encoding="utf-8"))
    assert trained["settings"]["learning_rate"] == config["training"]["learning_rate"] != 0.006


def model_run_of(report) -> Path:
    """The training folder that a report describes."""
    uris = [fact["uri"] for fact in report["lineage"]["artifacts"] if fact["type"] == "ModelRun"]
    return Path(uris[0])


def test_from_without_an_earlier_run_is_refused(finished, tmp_path):
    outcome = harness.run_here(finished.rows, tmp_path, from_node="Trainer")
    assert outcome.code == 2
    assert "no earlier run" in outcome.facts["error"]


def test_an_unknown_node_is_refused(finished, tmp_path):
    outcome = harness.run_here(finished.rows, tmp_path, to_node="Trainr")
    assert outcome.code == 2
    assert "Trainer" in outcome.facts["error"]


def test_beam_runs_the_same_graph(finished):
    outcome = harness.run_here(finished.rows, finished.root, orchestrator="beam")
    assert outcome.code == 0
    assert "failed" not in outcome.states().values()


def test_a_second_run_on_the_same_root_is_refused(finished):
    lock = subprocess.Popen(
        ["python3", "-c", HOLD_LOCK, str(finished.root / "census" / ".lock")], stdout=subprocess.PIPE, text=True
    )
    try:
        assert lock.stdout is not None
        lock.stdout.readline()
        process = harness.start(harness.command(finished.rows, finished.root))
        _, error = process.communicate(timeout=60)
    finally:
        lock.kill()
        lock.wait()
    assert process.returncode == 1
    assert "another run is active here" in error


def test_the_command_prints_one_json_object_and_a_quiet_terminal(finished):
    process = harness.start([*harness.command(finished.rows, finished.root), "--json"])
    out, error = process.communicate(timeout=300)
    facts = json.loads(out)
    assert process.returncode == facts["exit_code"] == 0
    for line in error.splitlines():
        assert re.match(r"\d\d:\d\d:\d\d ", line), f"not ours: {line}"
