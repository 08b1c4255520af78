"""The command ``compare``: which runs it takes, which it leaves out or refuses, and what it writes."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fakes import report_pages
from fakes.report import compared_runs as runs

from components.artifacts.report_files import REPORT
from components.slice_report import facts as f
from components.slice_report.__main__ import main
from components.slice_report.facts.encoding import from_json, to_json

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture
def compare(capsys, tmp_path, monkeypatch):
    """Runs the command in an empty folder; gives exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments) -> tuple[int, str, str]:
        code = main(["compare", *map(str, arguments)])
        return (code, *capsys.readouterr())

    return run


@pytest.fixture
def facts(compare):
    """Runs the command and gives the facts that it prints."""

    def run(*arguments) -> dict:
        code, out, err = compare(*arguments, "--json")
        assert code == 0, err
        return json.loads(out)

    return run


@pytest.fixture
def root(tmp_path) -> Path:
    """The folder of a pipeline with two runs, which a test may damage."""
    table, folder = runs.rows(300), tmp_path / "runs" / "demo"
    runs.write_run(folder, "r1", table, runs.score(table, 0.2, 1))
    runs.write_run(folder, "r2", table, runs.score(table, 0.6, 2), {**runs.CONFIG, "training.epochs": "9"})
    return folder


def overall(line: dict) -> dict:
    """Return the metrics of a line on all rows."""
    (found,) = [item["metrics"] for item in line["slices"] if not item["features"]]
    return found


def test_seeds_of_one_setting_are_one_line_with_their_spread(facts, five):
    found = facts(*five)
    assert [len(line["runs"]) for line in found["lines"]] == [3, 1, 1]
    values = [run["overall"]["auc"] for run in found["lines"][0]["runs"]]
    assert len(set(values)) == 3
    cell = overall(found["lines"][0])["auc"]
    assert cell["mean"] == pytest.approx(np.mean(values))
    assert (cell["minimum"], cell["maximum"], cell["runs"]) == (min(values), max(values), 3)
    assert cell["std_dev"] == pytest.approx(np.std(values, ddof=1))
    assert [run["seeds"] for run in found["lines"][0]["runs"]] == [[["training.seed", str(seed)]] for seed in range(3)]


def test_only_settings_that_differ_are_listed(facts, five):
    found = facts(*five)
    assert [(setting["kind"], setting["name"], setting["values"]) for setting in found["settings"]] == [
        ("config", "training.epochs", ["3", "3", "4"]),
        ("config", "training.learning_rate", ["0.001", "0.1", "0.001"]),
    ]
    assert [line["name"] for line in found["lines"]] == [
        "epochs=3, learning_rate=0.001", "epochs=3, learning_rate=0.1", "epochs=4, learning_rate=0.001",
    ]  # fmt: skip


def test_the_first_run_is_the_reference_unless_another_is_named(facts, five):
    found = facts(*five)
    assert found["reference"] == 0
    assert overall(found["lines"][0])["auc"]["to_reference"] is None
    worse = overall(found["lines"][1])["auc"]["to_reference"]
    assert worse["value"] < 0
    assert (worse["how"], worse["clear"], worse["covers_seeds"]) == ("paired", True, False)
    turned = facts(*five, "--against", five[3])
    (other,) = [line for line in turned["lines"] if len(line["runs"]) == 3]
    assert overall(other)["auc"]["to_reference"]["value"] == pytest.approx(-worse["value"])


def test_a_reference_inside_a_line_stands_for_its_line(facts, five):
    found = facts(*five, "--against", five[1])
    assert len(found["lines"][found["reference"]]["runs"]) == 3


def test_code_data_and_libraries_that_differ_are_named_and_no_seeds_of_one_setting(facts, tmp_path):
    table = runs.rows(300)
    lineage = replace(
        report_pages.make_lineage(),
        config=(("training.seed", "1"),),
        sources=(("trainer", "abc"),),
        data=(("span", "1"),),
    )
    made = []
    changes = ({}, {"sources": (("trainer", "xyz"),)}, {"data": (("span", "2"),)}, {"versions": (("python", "3.13"),)})
    for number, change in enumerate(changes):
        folder = tmp_path / "demo"
        made.append(runs.write_run(folder, f"r{number}", table, runs.score(table, 0.2, number)))
        report = folder / "reports" / f"r{number}" / REPORT
        read = from_json(report.read_bytes(), "")
        report.write_bytes(to_json(replace(read, lineage=replace(lineage, artifacts=read.lineage.artifacts, **change))))
    found = facts(*made)
    assert [setting["kind"] for setting in found["settings"]] == ["code", "data", "library"]
    assert [line["name"] for line in found["lines"]] == [f"run r{number}" for number in range(4)]


@pytest.mark.parametrize("named", ["demo", "demo/history/r2", "demo/reports/r2", "demo/reports/r2/report.json", "."])
def test_a_run_is_named_by_any_of_its_folders(facts, root, named):
    found = facts(root / "history" / "r1", root.parent / named)
    assert [run["run"] for line in found["lines"] for run in line["runs"]] == ["r1", "r2"]


def test_reports_alone_are_compared_without_pairs(facts, root, tmp_path):
    mailed = [shutil.copy(root / "reports" / run / REPORT, tmp_path / f"{run}.json") for run in ("r1", "r2")]
    shutil.rmtree(root / "artifacts")
    found = facts(*mailed)
    change = overall(found["lines"][1])["auc"]["to_reference"]
    assert change["how"] == "unpaired"
    assert change["interval"][0] < change["value"] < change["interval"][1]
    for line in found["lines"]:
        assert "the reference: its predictions cannot be read" in line["runs"][0]["unpaired_because"]


def test_a_pipeline_that_was_moved_keeps_its_pairs(facts, root, tmp_path):
    moved = tmp_path / "elsewhere" / "demo"
    shutil.copytree(root, moved)
    shutil.rmtree(root)
    found = facts(moved / "history" / "r1", moved / "history" / "r2")
    assert overall(found["lines"][1])["auc"]["to_reference"]["how"] == "paired"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda table: table.slice(0, 299), "other test rows: 299, the reference has 300"),
        (lambda table: table.set_column(0, "sex", [["Other", *table["sex"].to_pylist()[1:]]]), "sex differs in row 1"),
        (lambda table: table.set_column(2, "label", [1 - table["label"].to_numpy()]), "label differs in row 1"),
        (lambda table: table.take([*range(298), 299, 298]), "differs in row 299"),
        (lambda table: table.append_column("id", [range(300)]).drop(["city"]), "they have no column city"),
    ],
)
def test_other_test_rows_are_named_and_their_intervals_unpaired(facts, root, change, why):
    table = change(runs.rows(300))
    slices = tuple(key for key in runs.SLICES if all(name in table.column_names for name, _ in key) and
                   (table.num_rows == 300 or key == ()))  # fmt: skip
    config = {**runs.CONFIG, "training.epochs": "5"}
    other = runs.write_run(root, "r3", table, runs.score(table, 0.6, 2), config, slices)
    found = facts(*[root / "history" / run for run in ("r1", "r2")], other)
    lines = {line["runs"][0]["run"]: line for line in found["lines"]}
    assert why in lines["r3"]["runs"][0]["unpaired_because"]
    assert overall(lines["r3"])["auc"]["to_reference"]["how"] == "unpaired"
    assert overall(lines["r2"])["auc"]["to_reference"]["how"] == "paired"


def test_a_column_beside_the_ids_may_differ(facts, root):
    """With ids, a repaired column does not make other rows of them."""
    table = runs.rows(300).append_column("user_id", [range(300)])
    config = {**runs.CONFIG, "report.id_columns": '["user_id"]'}
    made = []
    for run, noise in (("r4", 0.0), ("r5", 1.0)):
        with_weight = table.append_column("weight", [np.full(300, noise)])
        made.append(runs.write_run(root, run, with_weight, runs.score(table, noise, 3), {**config, "n": run}))
    assert overall(facts(*made)["lines"][1])["auc"]["to_reference"]["how"] == "paired"


def test_a_score_that_is_no_probability_is_named(facts, root):
    table = runs.rows(300)
    bad = np.where(np.arange(300) == 7, np.float32("nan"), runs.score(table))
    with pytest.raises(Exception, match="not finite"):
        runs.write_run(root, "bad", table, bad)
    config = {**runs.CONFIG, "training.epochs": "5"}
    made = runs.write_run(root, "r3", table, runs.score(table, 0.5, 5), config)
    whole = table.append_column("score", [bad])
    part = runs.part_path(str(root / "artifacts" / "Evaluator" / "evaluation" / "r3"), 0)
    runs.write_part(part, [whole], whole.schema)
    runs.list_scored(str(root / "artifacts" / "Evaluator" / "evaluation" / "r3"))
    found = facts(root / "history" / "r1", made)
    (run,) = found["lines"][1]["runs"]
    assert "not finite" in run["unpaired_because"]


def left_out(found: dict) -> dict[str, str]:
    return {Path(item["given"]).name: item["why"] for item in found["left_out"]}


def test_runs_that_cannot_be_compared_are_left_out_with_the_reason(facts, compare, root):
    table, history = runs.rows(300), root / "history"
    runs.write_run(root, "other", table, runs.score(table), run=f.Run("demo", "other", "cars", "label"))
    runs.write_run(root, "early", table, runs.score(table), slices=(), missing=(f.Missing("slices", "Trainer failed"),))
    runs.write_run(root, "none", table, runs.score(table, 0.1, 8))
    shutil.rmtree(root / "reports" / "none")
    runs.write_run(root, "cut", table, runs.score(table, 0.1, 9))
    (root / "reports" / "cut" / REPORT).write_text("{", encoding="utf-8")
    shutil.copytree(root / "reports" / "r1", root / "reports" / "cached")
    shutil.copytree(root / "history" / "r1", root / "history" / "cached")
    every = [history / name for name in ("r1", "r2", "other", "early", "none", "cut", "cached")]
    found = facts(*every)
    why = left_out(found)
    assert set(why) == {"other", "early", "none", "cut", "cached"}
    assert why["other"] == "it predicts label of cars, the reference label of demo"
    assert why["early"] == "it was not evaluated: Trainer failed"
    assert "it has no report" in why["none"]
    assert "pipeline.review draw" in why["none"]
    assert "not JSON" in why["cut"]
    assert why["cached"] == "it has the model and the report of run r1"
    assert len(found["lines"]) == 2
    code, out, err = compare(*every)
    assert (code, out) == (0, "comparison.html\n")
    assert err.count("left out: ") == 5
    page = Path("comparison.html").read_text(encoding="utf-8")
    assert all(text in page for text in ("it was not evaluated: Trainer failed", "cars"))


def test_a_run_named_twice_is_one_run(facts, root):
    found = facts(root / "history" / "r1", root / "history" / "r2", root / "reports" / "r1")
    assert [len(line["runs"]) for line in found["lines"]] == [1, 1]
    assert found["left_out"] == []


def test_a_run_that_does_not_exist_is_refused_and_nothing_is_written(compare, root, tmp_path):
    code, out, err = compare(root / "history" / "r1", root / "history" / "r9")
    assert (code, out) == (2, "")
    assert "r9: no such run\n  expected: r1, r2\n" in err
    code, _, err = compare(root / "history" / "r1", tmp_path / "nowhere")
    assert (code, "no run found" in err, "received: no such file or folder" in err) == (2, True, True)
    assert not (tmp_path / "comparison.html").exists()


def test_fewer_than_two_runs_are_refused_with_the_reasons(compare, root):
    code, _, err = compare(root / "history" / "r1")
    assert (code, "nothing to compare" in err) == (2, True)
    shutil.rmtree(root / "reports" / "r2")
    code, _, err = compare(root / "history" / "r1", root / "history" / "r2")
    assert (code, "it has no report" in err) == (2, True)


def test_a_reference_that_cannot_be_one_is_refused(compare, root):
    shutil.rmtree(root / "reports" / "r2")
    code, _, err = compare(root / "history" / "r1", "--against", root / "history" / "r2")
    assert code == 2
    assert "cannot be the reference" in err


def test_a_page_that_cannot_be_written_is_told_on_one_line(compare, root, tmp_path):
    code, out, err = compare(root / "history" / "r1", root / "history" / "r2", "--out", tmp_path)
    assert (code, out, err) == (2, "", f"{tmp_path}: Is a directory\n")


def test_areas_over_thresholds_are_not_compared_with_exact_ones_without_pairs(facts, root):
    report = root / "reports" / "r2" / REPORT
    report.write_bytes(to_json(replace(from_json(report.read_bytes(), ""), areas="stock")))
    both = [root / "history" / run for run in ("r1", "r2")]
    found = facts(*both)
    assert "thresholds" in found["notes"][0]
    assert overall(found["lines"][1])["auc"]["to_reference"]["how"] == "paired"
    shutil.rmtree(root / "artifacts")
    found = facts(*both)
    assert overall(found["lines"][1])["auc"]["to_reference"] is None
    assert overall(found["lines"][1])["recall"]["to_reference"]["how"] == "unpaired"


def test_help_needs_no_heavy_library():
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "components.slice_report", "compare", "--help"],
        capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert (done.returncode, "--against" in done.stdout) == (0, True)
    assert not any(name in done.stderr for name in ("tensorflow", "scipy", "mlflow.tracking"))
