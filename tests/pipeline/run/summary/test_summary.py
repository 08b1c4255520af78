import errno
import io
import json
import math
import shutil
from dataclasses import replace

import pytest
from rich.console import Console

from components.artifacts import model_digest
from components.evaluation.verdict import Check, Verdict
from components.versioned_pusher.versions import push
from pipeline.errors import (
    ConfigError,
    DataError,
    DataRejectedError,
    InputError,
    MachineError,
    MainlineError,
    NotBlessedError,
)
from pipeline.run.events import NodeStatus
from pipeline.run.request import RunPaths
from pipeline.run.summary.failures import to_mainline_error
from pipeline.run.summary.outcome import served_model, training_warnings, was_trained, when_pushed
from pipeline.run.summary.summary import Summary, failure_status, render, show, success_status
from pipeline.shell import near

KEPT = Check("AUC", "overall", "≥ 0.7", 0.8123, (0.79, 0.83), None, 0.3123)
MISSED = Check("AUC", "user_segment=new", "≥ 0.62", 0.5, None, 0.12, -0.12)
ABSENT = Check("Recall", "sex=Other", "≥ 0.1", None, None, None, None)
BLESSED = Verdict(True, 12345, (KEPT,))
REFUSED = Verdict(False, 12345, (KEPT, MISSED, ABSENT))


def node(name, state="done", **facts) -> NodeStatus:
    return NodeStatus(name, state=state, **facts)


@pytest.fixture
def summary():
    return Summary(
        pipeline="census",
        run="20200101T000000.000000",
        status="pushed",
        exit_code=0,
        elapsed_s=61.4,
        nodes=(node("ExampleGen", rows_out=15000, elapsed_s=2.5), node("Pusher", elapsed_s=0.1)),
        verdict=BLESSED,
        error=None,
        model="runs/census/serving/1",
        evaluation="runs/census/artifacts/Evaluator/evaluation/7",
        report="runs/census/reports/20200101T000000.000000/index.html",
        folder="runs/census/history/20200101T000000.000000",
        log="runs/census/history/20200101T000000.000000/run.log",
        next_command="saved_model_cli show --dir runs/census/serving/1",
    )


def text_of(summary, width=120) -> str:
    stream = io.StringIO()
    Console(file=stream, width=width, highlight=False).print(render(summary))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (MainlineError("a", "b"), ("failed", 1)),
        (InputError("a", "b"), ("bad input", 2)),
        (ConfigError("a", "b"), ("bad input", 2)),
        (DataError("a", "b"), ("bad input", 2)),
        (NotBlessedError("a", "b"), ("not blessed", 3)),
        (DataRejectedError("a", "b"), ("data rejected", 4)),
        (ValueError("a"), ("failed", 1)),
        (KeyboardInterrupt(), ("failed", 1)),
    ],
)
def test_a_failure_has_a_name_and_an_exit_code(error, status):
    assert failure_status(error) == status


@pytest.mark.parametrize(
    ("verdict", "pushed", "review", "status"),
    [
        (BLESSED, "now", "", ("pushed", 0)),
        (BLESSED, "before", "", ("up to date", 0)),
        (REFUSED, "never", "", ("not blessed", 3)),
        (REFUSED, "before", "", ("not blessed", 3)),
        (BLESSED, "never", "awaiting", ("awaiting review", 5)),
        (BLESSED, "never", "rejected", ("rejected", 3)),
        (BLESSED, "now", "approved", ("pushed", 0)),
        (REFUSED, "never", "awaiting", ("not blessed", 3)),
        (None, "never", "", ("stopped as asked", 0)),
        (BLESSED, "never", "", ("stopped as asked", 0)),
    ],
)
def test_a_success_has_a_name_and_an_exit_code(verdict, pushed, review, status):
    assert success_status(verdict, pushed, review) == status


@pytest.fixture
def place(tmp_path):
    return RunPaths(tmp_path, tmp_path / "history" / "r2", "r2")


def pushed_model(tmp_path, weights="a", run="r1"):
    """Push a model, and return the version and the properties that Pusher records."""
    model = tmp_path / f"model-{weights}"
    model.mkdir()
    (model / "saved_model.pb").write_text(weights)
    version, _ = push(model, tmp_path / "serving", run=run)
    properties = {"pushed": 1, "pushed_version": version.folder.name, "model_digest": version.digest}
    return version, properties


@pytest.mark.parametrize(("run", "when"), [("r1", "before"), ("r2", "now")])
def test_the_model_is_the_served_version_and_its_marker_names_the_run(place, tmp_path, run, when):
    version, properties = pushed_model(tmp_path, run=run)
    elsewhere = {**properties, "pushed_destination": "/moved/away/1"}
    assert served_model(place, elsewhere) == (version, None)
    assert when_pushed(version, place.run_id) == when


def test_a_version_that_is_gone_or_superseded_is_reported(place, tmp_path):
    _, properties = pushed_model(tmp_path)
    other, _ = pushed_model(tmp_path, "b")
    _, error = served_model(place, properties)
    assert "is not served" in str(error)
    assert other.folder.name in error.received
    shutil.rmtree(place.serving)
    assert served_model(place, properties)[1].received == "no complete version"


def test_unreadable_versions_are_reported_in_the_summary(place, tmp_path, monkeypatch):
    _, properties = pushed_model(tmp_path)

    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error", "weights")

    monkeypatch.setattr(model_digest, "sha256_of", refuse)
    model, error = served_model(place, properties)
    assert model is None
    assert isinstance(error, MachineError)
    assert str(error).startswith("weights: the disk or its file system failed")


def test_a_run_without_a_push_names_a_model_only_if_it_pushed_one_before_an_interrupt(place, tmp_path):
    assert served_model(place, {}) == (None, None)
    pushed_model(tmp_path)
    assert served_model(place, {"pushed": 0}) == (None, None)
    version, _ = pushed_model(tmp_path, "b", run="r2")
    assert served_model(place, {}) == (version, None)
    assert when_pushed(None, "r2") == "never"


def test_a_full_disk_says_whether_this_run_pushed_before(place, tmp_path):
    full = OSError(errno.ENOSPC, "No space left on device")
    assert to_mainline_error(full, place).problem == "the disk is full; nothing was pushed"
    pushed_model(tmp_path)
    assert to_mainline_error(full, place).problem == "the disk is full; nothing was pushed"
    version, _ = pushed_model(tmp_path, "b", run="r2")
    said = to_mainline_error(RuntimeError("database or disk is full"), place).problem
    assert said == f"the disk is full; version {version.folder.name} had been pushed and is served"


def test_json_has_every_fact(summary):
    facts = json.loads(summary.as_json())
    assert facts["status"] == "pushed"
    assert facts["nodes"][0] == {
        "node": "ExampleGen",
        "state": "done",
        "detail": "",
        "rows_in": None,
        "rows_out": 15000,
        "elapsed_s": 2.5,
    }
    assert facts["verdict"]["checks"][0] == {
        "metric": "AUC",
        "slice": "overall",
        "bound": "≥ 0.7",
        "value": 0.8123,
        "interval": [0.79, 0.83],
        "missed_by": None,
        "margin": 0.3123,
        "why": "",
        "risk": None,
    }


def test_json_can_be_parsed_again(summary):
    facts = json.loads(summary.as_json())
    again = replace(summary, **{name: facts[name] for name in facts if name not in ("nodes", "verdict", "warnings")})
    checks = [Check(**{**check, "interval": tuple(check["interval"])}) for check in facts["verdict"].pop("checks")]
    again = replace(again, nodes=tuple(NodeStatus(**item) for item in facts["nodes"]))
    assert replace(again, verdict=Verdict(**facts["verdict"], checks=tuple(checks))) == summary


def test_json_of_a_failure(summary):
    failed = replace(summary, status="failed", exit_code=1, verdict=None, model=None, error="Trainer: broke")
    facts = json.loads(failed.as_json())
    assert (facts["verdict"], facts["model"], facts["error"]) == (None, None, "Trainer: broke")


def test_json_does_not_change_the_summary(summary):
    summary.nodes[0].started_s = 1.0
    summary.as_json()
    assert summary.nodes[0].started_s == 1.0


def test_json_of_a_value_that_is_not_a_number_is_valid(summary):
    unmeasured = replace(KEPT, value=math.nan, missed_by=math.nan)

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    json.loads(replace(summary, verdict=Verdict(False, 1, (unmeasured,))).as_json(), parse_constant=refuse)


def test_a_success_as_text(summary):
    lines = text_of(summary).splitlines()
    assert lines[0] == "census  run 20200101T000000.000000  61 s  pushed"
    assert "Blessed: its one bound is kept, on 12,345 test rows, 95 % intervals" in lines
    assert any(
        line.split() == ["AUC", "overall", "0.8123", "0.7900", "…", "0.8300", "≥", "0.7", "kept"] for line in lines
    )
    assert any(line.split() == ["model", "runs/census/serving/1"] for line in lines)
    assert any(line.startswith("next") and line.rstrip().endswith(summary.next_command) for line in lines)


def test_missed_bounds_as_text(summary):
    text = text_of(replace(summary, verdict=REFUSED, status="not blessed", exit_code=3, model=None))
    assert text.splitlines()[0].endswith("not blessed")
    assert "Not blessed: 2 of 3 bounds missed, on 12,345 test rows" in text
    (missed,) = [line for line in text.splitlines() if "user_segment=new" in line]
    assert missed.split() == ["AUC", "user_segment=new", "0.5000", "≥", "0.62", "missed", "by", "0.1200"]
    (absent,) = [line for line in text.splitlines() if "sex=Other" in line]
    assert absent.split()[2] == "–"
    assert absent.rstrip().endswith("no such slice in the data")
    assert not any(line.startswith("model ") for line in text.splitlines())


def test_an_error_is_shown_in_full_and_not_read_as_markup(summary):
    error = "rows.csv, line 3: wrong [bold]\n  received: [/x] 'a'"
    text = text_of(replace(summary, status="bad input", verdict=None, error=error))
    assert all(line in text for line in error.splitlines())
    assert "Blessed" not in text


def test_warnings_are_shown_in_yellow_and_are_in_the_json(summary):
    warned = replace(summary, warnings=("Layer deep_0: 60 of 64 units [94%] are dead.", "The model overfits."))
    stream = io.StringIO()
    Console(file=stream, width=120, highlight=False, force_terminal=True, color_system="standard").print(render(warned))
    assert "\x1b[33mWarning: Layer deep_0: 60 of 64 units [94%] are dead.\x1b[0m" in stream.getvalue()
    assert "Warning: The model overfits." in text_of(warned)
    assert json.loads(warned.as_json())["warnings"] == list(warned.warnings)
    assert "Warning" not in text_of(summary)
    assert json.loads(summary.as_json())["warnings"] == []


@pytest.mark.parametrize(
    ("content", "warnings"),
    [('{"warnings": ["a", "b"]}', ("a", "b")), ("{}", ()), ("{", ()), (None, ())],
)
def test_warnings_are_read_from_the_record_of_the_training(content, warnings, tmp_path):
    if content is not None:
        (tmp_path / "training.json").write_text(content, encoding="utf-8")
    assert training_warnings(tmp_path) == warnings


@pytest.mark.parametrize(("state", "ran"), [("done", True), ("cached", False), ("skipped", False), ("failed", False)])
def test_warnings_are_those_of_a_training_in_this_run(state, ran):
    assert was_trained([node("ExampleGen"), node("Trainer", state)]) is ran


def test_an_unmeasured_overall_value_is_not_called_a_missing_slice(summary):
    overall = replace(ABSENT, slice="overall")
    text = text_of(replace(summary, verdict=Verdict(False, 9, (overall,))))
    assert "no such slice in the data" not in text


def test_a_path_longer_than_the_line_is_folded_and_not_cut(summary):
    place = "runs/" + "x" * 200
    text = text_of(replace(summary, model=place), width=80)
    assert place in "".join(line.removeprefix("model").strip() for line in text.splitlines())


def test_json_on_standard_output_is_one_object(summary, capsys):
    show(summary, as_json=True)
    captured = capsys.readouterr()
    assert json.loads(captured.out)["run"] == summary.run
    assert captured.err == ""


def test_text_on_standard_output_has_no_colors_where_there_is_no_terminal(summary, capsys):
    show(summary, as_json=False)
    captured = capsys.readouterr()
    assert captured.out.startswith("census  run ")
    assert "\x1b" not in captured.out


def test_near_is_relative_to_the_current_folder(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert near(tmp_path / "here" / "runs" / "a") == "runs/a"
    assert near(tmp_path / "there") == str(tmp_path / "there")
    assert near(None) is None


def test_a_text_that_cannot_be_encoded_is_escaped_in_the_summary(summary, tmp_path):
    error = DataError("rows-\udcff.jsonl, line 6", "no text", received="\ud83d")
    text = replace(summary, error=str(error), folder="runs/\udcff").as_json()
    (tmp_path / "summary.json").write_text(text, encoding="utf-8")
    facts = json.loads(text)
    assert facts["error"].splitlines()[0] == r"rows-\udcff.jsonl, line 6: no text"
    assert r"\ud83d" in facts["error"]
    assert facts["folder"] == r"runs/\udcff"
