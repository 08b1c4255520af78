"""Bad input ends with a clear error and the right exit code; nothing is half written, what is served stays."""

import shutil
from pathlib import Path

import harness
import pytest


def spoil(rows: Path, folder: Path, split: str, change) -> Path:
    """A copy of rows whose file of one split is changed, as bytes."""
    copy = shutil.copytree(rows, folder / "rows")
    path = copy / split / "rows.csv"
    path.write_bytes(change(path.read_bytes()))
    return copy


def on_line(number: int, old: bytes, new: bytes):
    """A change to one line, counted from 1."""

    def change(content: bytes) -> bytes:
        lines = content.splitlines(keepends=True)
        assert old in lines[number - 1]
        lines[number - 1] = lines[number - 1].replace(old, new, 1)
        return b"".join(lines)

    return change


def drop_column(content: bytes) -> bytes:
    """Every line without its first cell."""
    return b"".join(line.split(b",", 1)[1] for line in content.splitlines(keepends=True))


def add_column(content: bytes) -> bytes:
    """Every line with one cell more."""
    header, *lines = content.splitlines()
    return b"\n".join([header + b",extra", *(line + b",1" for line in lines)]) + b"\n"


BAD_FILES = {
    "missing column": (drop_column, ["missing: age", "line 1"]),
    "extra column": (add_column, ["not in the schema: extra"]),
    "text in a number": (on_line(3, b"50,", b"fifty,"), ["line 3, column age", "INT", "fifty"]),
    "not UTF-8": (on_line(2, b"State-gov", b"St\xe4te"), ["line 2, column workclass", "UTF-8"]),
    "short line": (on_line(4, b",", b""), ["line 4"]),
    "empty file": (lambda _: b"", ["the file is empty"]),
    "no rows": (lambda content: content.splitlines(keepends=True)[0], ["has no rows"]),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_is_named_with_its_line(case, finished, tmp_path):
    change, expected = BAD_FILES[case]
    before = harness.versions(finished.root)
    outcome = harness.run_here(spoil(finished.rows, tmp_path, "train", change), finished.root)
    assert (outcome.code, outcome.facts["status"]) == (2, "bad input")
    for text in ["train/rows.csv", *expected]:
        assert text in outcome.facts["error"]
    assert outcome.states()["ExampleGen"] == "failed"
    assert harness.versions(finished.root) == before


def test_missing_data_is_said_before_anything_runs(tmp_path):
    outcome = harness.run_here(tmp_path / "nowhere", tmp_path / "runs")
    assert outcome.code == 2
    assert "there are no rows" in outcome.facts["error"]
    assert not (tmp_path / "runs" / "census" / "metadata.db").exists()


def test_rows_outside_the_domain_are_stopped_by_the_gate_before_training(finished, tmp_path):
    rows = spoil(finished.rows, tmp_path, "train", on_line(2, b"State-gov", b"Wizard"))
    before = harness.versions(finished.root)
    outcome = harness.run_here(rows, finished.root)
    assert (outcome.code, outcome.facts["status"]) == (4, "data rejected")
    for text in ("workclass", "ENUM_TYPE_UNEXPECTED_STRING_VALUES", "Wizard", "train", "gate: {accept:"):
        assert text in outcome.facts["error"]
    assert outcome.states()["ValidationGate"] == "failed"
    assert outcome.states()["Trainer"] == "waiting"
    assert harness.versions(finished.root) == before


def test_an_accepted_anomaly_passes_the_gate(finished, tmp_path):
    rows = spoil(finished.rows, tmp_path, "train", on_line(2, b"State-gov", b"Wizard"))
    accept = (
        "gate.accept=[{feature: workclass, rule: ENUM_TYPE_UNEXPECTED_STRING_VALUES, splits: [train], reason: known}]"
    )
    outcome = harness.run_here(rows, finished.root, accept, to_node="ValidationGate")
    assert outcome.code == 0
    assert outcome.states()["ValidationGate"] == "done"


def test_a_number_outside_its_range_is_an_anomaly(finished, tmp_path):
    rows = spoil(finished.rows, tmp_path, "test", on_line(2, b"25,", b"2500,"))
    outcome = harness.run_here(rows, finished.root)
    assert outcome.code == 4
    assert "age" in outcome.facts["error"]
    assert "test" in outcome.facts["error"]


def test_a_failed_run_leaves_no_outputs_behind_once_the_next_one_starts(finished, tmp_path):
    rows = spoil(finished.rows, tmp_path, "train", on_line(3, b"50,", b"fifty,"))
    root = tmp_path / "runs"
    assert harness.run_here(rows, root).code == 2
    assert harness.run_here(tmp_path / "rows2", root).code == 2
    (rows / "train" / "rows.csv").write_bytes((finished.rows / "train" / "rows.csv").read_bytes())
    assert harness.run_here(rows, root, to_node="ExampleGen").code == 0
    examples = list((root / "census" / "artifacts" / "ExampleGen" / "examples").iterdir())
    assert len(examples) == 1


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("training.learn_rate=1", "Did you mean 'learning_rate'?"),
        ("training.epochs=many", "training.epochs"),
        ("workload=nothing", "no such workload"),
    ],
)
def test_a_bad_config_is_refused(setting, expected, finished, tmp_path):
    process = harness.start(harness.command(finished.rows, tmp_path / "runs", setting))
    out, error = process.communicate(timeout=120)
    assert process.returncode == 2
    assert expected in out + error


def test_a_loss_that_is_not_finite_stops_the_run(finished):
    outcome = harness.run_here(finished.rows, finished.root, "training.learning_rate=1e30", "training.clip_norm=null")
    assert outcome.code == 1
    assert "loss became" in outcome.facts["error"]
    assert "learning_rate" in outcome.facts["error"]
