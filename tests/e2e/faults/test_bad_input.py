"""Bad input ends with a clear error and the right exit code; nothing is left half written or unserved."""

import shlex
import shutil
from pathlib import Path

import harness
import pytest

from pipeline.errors import ConfigError

pytestmark = pytest.mark.slow


def spoil(rows: Path, folder: Path, split: str, change) -> Path:
    """A copy of the rows with the bytes of one split's file changed."""
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
    """Remove the first cell of every line."""
    return b"".join(line.split(b",", 1)[1] for line in content.splitlines(keepends=True))


def add_column(content: bytes) -> bytes:
    """Add a cell to every line."""
    header, *lines = content.splitlines()
    return b"\n".join([header + b",extra", *(line + b",1" for line in lines)]) + b"\n"


BAD_FILES = {
    "missing column": (drop_column, ["missing: age", "line 1"]),
    "extra column": (add_column, ["not in the schema: extra"]),
    "text in a number": (on_line(3, b"50,", b"fifty,"), ["line 3, column age", "INT", "fifty"]),
    "a logarithm of 0": (on_line(2, b",2174,", b",-1,"), ["line 2, column capital_gain", "log(1 + x)", "above -1"]),
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


def test_missing_data_is_reported_before_anything_runs(tmp_path):
    outcome = harness.run_here(tmp_path / "nowhere", tmp_path / "runs")
    assert outcome.code == 2
    assert "no rows" in outcome.facts["error"]
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


def test_a_missing_required_value_is_an_anomaly(finished, tmp_path):
    rows = spoil(finished.rows, tmp_path, "train", on_line(2, b"39,", b","))
    outcome = harness.run_here(rows, finished.root, to_node="ValidationGate")
    assert outcome.code == 4
    assert "age" in outcome.facts["error"]


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


@pytest.mark.parametrize(
    ("split", "label", "said"),
    [
        ("train", b",\n", "missing in 1 of "),
        ("test", b",7\n", "neither 0 nor 1 in 1 of "),
        ("eval", b",7\n", "such as 7"),
    ],
)
def test_labels_that_the_task_does_not_know_end_the_run_before_training(split, label, said, finished, tmp_path):
    rows = spoil(finished.rows, tmp_path, split, on_line(2, b",0\n", label))
    outcome = harness.run_here(rows, finished.root)
    assert (outcome.code, outcome.facts["status"]) == (2, "bad input")
    for text in (f"{split}/rows.csv, line 2, column over_50k", said, f"rows of {split}"):
        assert text in outcome.facts["error"]
    assert (outcome.states()["ExampleGen"], outcome.states()["Transform"]) == ("failed", "waiting")


def only_zeros(content: bytes) -> bytes:
    return content.replace(b",1\n", b",0\n")


def one_row(content: bytes) -> bytes:
    return b"".join(only_zeros(content).splitlines(keepends=True)[:2])


@pytest.mark.parametrize(("change", "rows_left"), [(only_zeros, "400 rows"), (one_row, "1 rows")])
def test_a_split_with_one_label_only_ends_the_run_before_training(change, rows_left, finished, tmp_path):
    rows = spoil(finished.rows, tmp_path, "test", change)
    outcome = harness.run_here(rows, finished.root)
    assert (outcome.code, outcome.facts["status"]) == (2, "bad input")
    assert f"label over_50k: 1 in none of {rows_left} of test" in outcome.facts["error"]
    assert (outcome.states()["ValidationGate"], outcome.states()["Transform"]) == ("failed", "waiting")


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
        ("training.model.dropuot=0.1", "training.model.dropuot: unknown key"),
        ("evaluation.bounds=[{metric: AUCC, lower: 0.5}]", "no such metric"),
        ("evaluation.bounds=[{metric: AUC, lower: 0.5, slice: {sexx: Female}}]", "no such slice is computed"),
        ("evaluation.bounds=[{metric: AUC}]", "neither lower nor upper"),
        ("evaluation.bounds=[]", "no bound on any metric"),
    ],
)
def test_a_bad_config_is_refused(setting, expected, finished, tmp_path):
    code, text = refusal(finished.rows, tmp_path / "runs", setting)
    assert (code, expected in text) == (2, True), text
    assert not list(tmp_path.glob("runs/census/artifacts/*"))


def refusal(rows: Path, root: Path, setting: str) -> tuple[int, str]:
    """The exit code and the message of a run that is refused before or just after it starts."""
    try:
        outcome = harness.run_here(rows, root, setting)
    except ConfigError as error:
        return error.exit_code, str(error)
    return outcome.code, outcome.facts["error"]


def test_a_loss_that_is_not_finite_stops_the_run(finished):
    # The highest values that a config allows: each step multiplies the weights by a million.
    knobs = ("training.learning_rate=1000", "training.weight_decay=1000", "training.clip_norm=null")
    outcome = harness.run_here(finished.rows, finished.root, *knobs)
    assert outcome.code == 1
    assert "loss became" in outcome.facts["error"]
    assert "learning_rate" in outcome.facts["error"]


def test_a_full_disk_is_explained(finished, tmp_path):
    root = tmp_path / "small"
    root.mkdir()
    run = shlex.join(harness.command(finished.rows, root))
    script = f"mount -t tmpfs -o size=600k tmpfs {root} && {run}; code=$?; ls {root}/census; exit $code"
    process = harness.start(["unshare", "--map-root-user", "--mount", "sh", "-c", script])
    out, error = process.communicate(timeout=300)
    if "unshare" in error or "mount:" in error:
        pytest.skip("no mount namespaces here")
    assert process.returncode == 1, error
    assert "the disk is full; nothing was pushed" in out
    assert "Free some space" in out
    assert "serving" not in out.splitlines()[-5:]
