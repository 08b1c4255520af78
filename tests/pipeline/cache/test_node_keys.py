"""An edit to one line of our code changes the cache keys of exactly the nodes that run it."""

import time
from pathlib import Path

import harness
import pytest

from pipeline.cache import library_versions
from pipeline.cache.node_keys import CODE, LIBRARIES, add_code_to_keys
from pipeline.cache.source_tree import ROOT, SourceTree
from pipeline.config.load import load_config
from pipeline.pipeline import create_pipeline
from pipeline.run.local.graph import compile_pipeline

SETTINGS = (
    "tuning={trials: 1, ranges: {training.learning_rate: {low: 0.001, high: 0.01}}}",
    "release.review=required", "training.warm_start=latest_blessed",
)  # fmt: skip
NODES = {
    "arrow_example_gen": "ExampleGen", "batch_statistics": "StatisticsGen", "validation_gate": "ValidationGate",
    "batch_transform": "Transform", "tuner": "Tuner", "distributed_trainer": "Trainer",
    "batch_evaluator": "Evaluator", "slice_report": "SliceReport", "versioned_pusher": "Pusher",
}  # fmt: skip
STOCK = {"ImportSchemaGen", "ExampleValidator"}
RESOLVERS = {"WarmStart", "Baseline", "Approval"}


@pytest.fixture(scope="module")
def ir(tmp_path_factory):
    """The graph of census with every node that a config can ask for, compiled."""
    config, root = load_config("census", SETTINGS), tmp_path_factory.mktemp("root")
    return compile_pipeline(create_pipeline(config, root / "rows", root), "run", None, None)


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A copy of our packages, to be edited."""
    return harness.copy_code(tmp_path_factory.mktemp("repository"))


def property_of(ir, name) -> dict[str, str]:
    """A property of every node that has it."""
    nodes = {node.pipeline_node.node_info.id: node.pipeline_node.parameters.parameters for node in ir.nodes}
    return {node: found[name].field_value.string_value for node, found in nodes.items() if name in found}


def digests(ir, root) -> dict[str, str]:
    copy = type(ir)()
    copy.CopyFrom(ir)
    add_code_to_keys(copy, SourceTree(root))
    return property_of(copy, CODE)


@pytest.fixture
def changed_by(ir, repository):
    """Which nodes have another key once a line is added to a file."""
    before = digests(ir, repository)

    def nodes(file: str, line: str = "EDITED = True") -> set[str]:
        path = repository / file
        saved = path.read_text(encoding="utf-8")
        path.write_text(f"{saved}\n{line}\n", encoding="utf-8")
        after = digests(ir, repository)
        path.write_text(saved, encoding="utf-8")
        return {node for node in before if after[node] != before[node]}

    return nodes


def test_every_node_with_an_executor_has_a_key_of_code_and_of_libraries(ir):
    cached = {*NODES.values(), *STOCK}
    assert set(property_of(ir, CODE)) == set(property_of(ir, LIBRARIES)) == cached
    assert {node.pipeline_node.node_info.id for node in ir.nodes} == cached | RESOLVERS


def test_every_component_with_an_executor_is_in_this_test():
    assert {path.parent.name for path in (ROOT / "components").glob("*/executor.py")} == set(NODES)


@pytest.mark.parametrize(("component", "node"), NODES.items())
def test_an_edit_to_an_executor_changes_the_key_of_its_node_alone(changed_by, component, node):
    assert changed_by(f"components/{component}/executor.py") == {node}


@pytest.mark.parametrize("component", ["arrow_example_gen", "slice_report", "versioned_pusher"])
def test_an_edit_to_a_driver_changes_the_key_of_its_node_alone(changed_by, component):
    assert changed_by(f"components/{component}/driver.py") == {NODES[component]}


@pytest.mark.parametrize(
    ("file", "node"),
    [
        ("distributed_trainer/worker.py", "Trainer"),
        ("tuner/trial.py", "Tuner"),
    ],
)
def test_what_runs_in_a_child_process_counts(changed_by, file, node):
    assert changed_by(f"components/{file}") == {node}


@pytest.mark.parametrize(
    ("part", "nodes"),
    [
        ("model", {"Tuner", "Trainer"}), ("trainer", {"Tuner", "Trainer"}), ("preprocessing", {"Transform"}),
        ("features", {"Transform", "Tuner", "Trainer"}), ("card", set()), ("evaluation", set()),
    ],
)  # fmt: skip
def test_an_edit_to_the_workload_changes_the_nodes_that_run_it(changed_by, part, nodes):
    assert changed_by(f"pipeline/workloads/census/{part}.py") == nodes


def test_the_training_loop_is_run_by_tuner_and_trainer(changed_by):
    assert changed_by("pipeline/training/loop.py") == {"Tuner", "Trainer"}


def test_metrics_are_computed_by_the_evaluator_and_again_for_the_report_but_never_in_training(changed_by):
    (metrics,) = (ROOT / "components").rglob("metrics.py")
    changed = changed_by(metrics.relative_to(ROOT).as_posix())
    assert {"Evaluator"} <= changed <= {"Evaluator", "SliceReport"}


@pytest.mark.parametrize("pattern", ["*.css", "*.js"])
def test_the_files_of_the_page_are_part_of_the_report(changed_by, pattern):
    for path in (ROOT / "components" / "slice_report").rglob(pattern):
        changed = changed_by(path.relative_to(ROOT).as_posix(), "/* edited */")
        assert "SliceReport" in changed
        assert not changed & {"Transform", "Trainer", "Evaluator"}


def test_what_all_of_our_nodes_import_changes_them_all_and_no_stock_node(changed_by):
    assert changed_by("pipeline/errors.py") == set(NODES.values())


def test_a_shared_module_changes_the_node_that_imports_it(changed_by):
    assert changed_by("components/support/row_files.py") == {"ExampleGen"}


@pytest.mark.parametrize(
    ("file", "line"),
    [("pipeline/cache/bytecode.py", "EDITED = True"), ("components/batch_evaluator/executor.py", "# a comment")],
)
def test_an_edit_that_no_node_runs_changes_no_key(changed_by, file, line):
    assert changed_by(file, line) == set()


def test_another_version_of_a_library_changes_every_node(ir, monkeypatch):
    before = property_of(ir, LIBRARIES)
    real = library_versions._version
    monkeypatch.setattr(library_versions, "_version", lambda name: "99.0" if name == "tensorflow" else real(name))
    again = type(ir)()
    again.CopyFrom(ir)
    add_code_to_keys(again)
    after = property_of(again, LIBRARIES)
    assert {node for node in before if before[node] != after[node]} == set(before)


def test_only_the_node_that_needs_optuna_has_its_version(ir):
    assert [node for node, text in property_of(ir, LIBRARIES).items() if "optuna " in text] == ["Tuner"]


def test_the_keys_of_a_whole_graph_take_little_time(ir):
    library_versions._versions_by_package.cache_clear()
    times_s = []
    for _ in range(3):
        started_s = time.process_time()
        add_code_to_keys(ir)
        times_s.append(time.process_time() - started_s)
    assert min(times_s) < 0.5
    assert library_versions._versions_by_package.cache_info().currsize == 0, "a library needs a name in DISTRIBUTIONS"


def test_the_labels_that_a_training_reads_by_path_count_by_content(tmp_path):
    config, told = load_config("census"), []
    for content in ("value,label\n1,One\n", "value,label\n1,Two\n"):
        (tmp_path / "rows" / "labels").mkdir(parents=True, exist_ok=True)
        (tmp_path / "rows" / "labels" / "sex.csv").write_text(content)
        ir = compile_pipeline(create_pipeline(config, tmp_path / "rows", tmp_path), "run", None, None)
        told.append(property_of(ir, "custom_config")["Trainer"])
    assert told[0] != told[1]


def test_the_copy_has_the_keys_of_the_repository(ir, repository: Path):
    assert digests(ir, repository) == property_of(ir, CODE)
