"""A comparison in a real MLflow store."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from components.slice_report.__main__ import main
from components.slice_report.compare.command import compare
from components.slice_report.compare.mlflow_store import allowed, write

tracking = pytest.importorskip("mlflow.tracking", reason="MLflow is in the lock: make installs it")
ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture(scope="module")
def comparison(five):
    return compare(five)


@pytest.fixture(scope="module")
def uri(comparison, tmp_path_factory) -> str:
    """A store that a comparison was written to."""
    made = f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db"
    write(comparison, made, "demo")
    return made


def stored(uri: str, experiment: str = "demo") -> dict:
    """The runs of an experiment by name."""
    client = tracking.MlflowClient(uri)
    found = client.search_runs([client.get_experiment_by_name(experiment).experiment_id])
    assert len({run.info.run_name for run in found}) == len(found)
    return {run.info.run_name: run for run in found}


def test_every_run_and_every_line_of_several_is_a_run_of_the_store(uri, comparison):
    found = stored(uri)
    assert set(found) == {run.run for line in comparison.lines for run in line.runs} | {comparison.lines[0].name}
    above = found[comparison.lines[0].name]
    for run in comparison.lines[0].runs:
        assert found[run.run].data.tags["mlflow.parentRunId"] == above.info.run_id
        assert found[run.run].data.params["training.seed"] == dict(run.seeds)["training.seed"]
        assert found[run.run].data.metrics["auc"] == pytest.approx(run.overall["auc"])
        assert found[run.run].data.tags["mainline.report_digest"] == run.report_digest
    assert all(run.info.status == "FINISHED" for run in found.values())


def test_a_store_has_the_settings_that_differ_and_all_numbers_of_a_line(uri, comparison):
    found, line = stored(uri), comparison.lines[1]
    run = found[line.runs[0].run]
    assert run.data.params == {"training.epochs": "3", "training.learning_rate": "0.1", "training.seed": "0"}
    overall = line.slices[0].metrics["auc"]
    assert run.data.metrics["auc"] == pytest.approx(overall.mean)
    assert (run.data.metrics["auc.low"], run.data.metrics["auc.high"]) == pytest.approx(overall.interval)
    change = overall.to_reference
    reference = run.data.tags["mainline.reference_id"]
    assert reference.startswith("20260102T000000.000000Z-")
    assert run.data.metrics[f"auc.change from {reference}"] == pytest.approx(change.value)
    ends = [run.data.metrics[f"auc.change.{end} from {reference}"] for end in ("low", "high")]
    assert ends == pytest.approx(change.interval)
    (female,) = [item for item in line.slices if item.name == "sex=Female"]
    assert run.data.metrics["sex: Female/recall"] == pytest.approx(female.metrics["recall"].mean)
    assert "auc" in run.data.tags["mainline.clear"]
    assert run.data.tags["mainline.reference"] == comparison.lines[0].name
    spread = found[comparison.lines[0].name].data.metrics
    cell = comparison.lines[0].slices[0].metrics["auc"]
    assert (spread["auc.min"], spread["auc.max"], spread["auc.sd"]) == pytest.approx(
        (cell.minimum, cell.maximum, cell.std_dev)
    )


def test_a_comparison_written_again_is_not_there_twice(uri, comparison, five):
    before = {name: run.info.run_id for name, run in stored(uri).items()}
    write(comparison, uri, "demo")
    assert {name: run.info.run_id for name, run in stored(uri).items()} == before
    write(compare(five[2:]), uri, "demo")
    found = {name: run.info.run_id for name, run in stored(uri).items()}
    assert found == before


def test_a_difference_keeps_its_reference_after_a_comparison_with_another(five, tmp_path):
    uri, noisy, like = f"sqlite:///{tmp_path}/mlflow.db", "20260102T000003.000000Z", "20260102T000004.000000Z"
    first, second = compare(five[3:]), compare(five[3:], against=five[4])
    write(first, uri, "demo")
    before = stored(uri)
    (from_noisy,) = (name for name in before[like].data.metrics if name.startswith("auc.change from "))
    assert not [name for name in before[noisy].data.metrics if "change" in name]
    write(second, uri, "demo")
    after = stored(uri)
    assert after[like].data.metrics[from_noisy] == before[like].data.metrics[from_noisy]
    assert from_noisy.startswith(f"auc.change from {noisy}-")
    of_noisy = {name: value for name, value in after[noisy].data.metrics.items() if name.startswith("auc.change from ")}
    assert of_noisy == {
        f"auc.change from {after[noisy].data.tags['mainline.reference_id']}": pytest.approx(
            -before[like].data.metrics[from_noisy]
        )
    }
    assert after[like].data.tags["mainline.reference_id"].startswith(f"{like}-")
    assert after[like].data.tags["mainline.reference"] == second.lines[second.reference].name


def test_a_run_has_the_parent_and_the_tags_of_its_last_comparison_alone(five, tmp_path):
    uri, seed = f"sqlite:///{tmp_path}/mlflow.db", "20260102T000000.000000Z"
    write(compare([five[0], five[3]]), uri, "demo")
    alone = stored(uri)[seed]
    assert "mlflow.parentRunId" not in alone.data.tags
    tracking.MlflowClient(uri).set_tag(alone.info.run_id, "team", "search")
    write(compare(five), uri, "demo")
    of_line = stored(uri)[seed].data.tags
    assert "mlflow.parentRunId" in of_line
    assert not {"mainline.reference", "mainline.reference_id", "mainline.runs", "mainline.clear"} & of_line.keys()
    write(compare([five[0], five[3]]), uri, "demo")
    assert stored(uri)[seed].data.tags == {**alone.data.tags, "team": "search"}


def test_names_that_mlflow_refuses_are_changed_and_stay_distinct(comparison, uri):
    names = ["a/b", "ä/b", "ö/b", "../x", "a//b", "x" * 400, "", "a=b", "x" * 401]
    assert len({allowed(name) for name in names}) == len(names)
    line = comparison.lines[1]
    slices = tuple(replace(line.slices[1], features=(("city", name),)) for name in names)
    odd = replace(comparison, lines=(comparison.lines[0], replace(line, slices=slices), comparison.lines[2]))
    write(odd, uri, "odd names")
    metrics = stored(uri, "odd names")[line.runs[0].run].data.metrics
    assert len([name for name in metrics if "auc" in name and not name.count("auc_")]) >= len(names)


def test_the_command_writes_to_a_store(five, tmp_path, capsys):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    assert main(["compare", *five, "--mlflow", uri, "--experiment", "mine"]) == 0
    assert len(stored(uri, "mine")) == 6
    assert not (tmp_path / "comparison.html").exists()


def test_a_store_that_mlflow_refuses_is_named_without_its_password(five, capsys):
    assert main(["compare", *five, "--mlflow", "nosuch://ada:secret@host/x"]) == 1
    err = capsys.readouterr().err
    assert "nosuch://host/x: MLflow refused" in err
    assert "secret" not in err


def test_without_mlflow_the_command_says_how_to_install_it(five):
    code = "import sys; sys.modules['mlflow'] = None; from components.slice_report.__main__ import main; "
    code += f"sys.exit(main(['compare', *{five!r}, '--mlflow', 'sqlite:///mlflow.db']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 1
    assert "--mlflow: MLflow is not installed" in done.stderr
    assert "pip install 'mainline[mlflow]'" in done.stderr
    assert not (ROOT / "mlflow.db").exists()
