"""Labels that are texts, through the whole graph: the same model, metrics and report as with 0 and 1."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from harness import run_here, tiny_rows, write_text

from components.evaluation.predictions import Predictions
from components.slice_report.compare.find import find
from components.slice_report.compare.runs import of_one_workload, read_run
from components.slice_report.facts.encoding import to_json
from components.slice_report.output import read_report
from pipeline.label import Label
from pipeline.splits import SPLITS
from pipeline.workloads.location import SCHEMAS, WORKLOADS

pytestmark = pytest.mark.slow
TEXTS = ("<=50K", ">50K")
MORE = ("training.warm_start=latest_blessed", "report.sensitive=[sex]", "report.example_columns=[age]",
        "report.fairness_bounds=[{feature: sex, rate: selection, ratio: 0.01}]")  # fmt: skip


def with_texts(rows: Path, folder: Path) -> Path:
    """A copy of rows whose labels are texts."""
    for split in SPLITS:
        header, *lines = (rows / split / "rows.csv").read_text(encoding="utf-8").splitlines()
        assert header.endswith("over_50k")
        kept = [f"{line[:-1]}{TEXTS[int(line[-1])]}" for line in lines]
        write_text(folder / split / "rows.csv", "\n".join([header, *kept, ""]))
    return folder


def with_text_label(folder: Path) -> Path:
    """A copy of census whose label is a text."""
    shutil.copytree(WORKLOADS / "census", folder, ignore=shutil.ignore_patterns("__pycache__"))
    for path in folder.glob("*.py"):
        text = path.read_text(encoding="utf-8").replace("pipeline.workloads.census", folder.name)
        # A copied model card is refused.
        text = text.replace("Income above", "Income over")
        text = text.replace('label="over_50k")', f'label=Label("over_50k", positive={TEXTS[1]!r}))')
        if "Label(" in text:
            text = text.replace("\nfrom pipeline", "\nfrom pipeline.label import Label\nfrom pipeline", 1)
        path.write_text(text, encoding="utf-8")
    schema = (SCHEMAS / "census.pbtxt").read_text(encoding="utf-8")
    before, after = schema.split('name: "over_50k"')
    after = after.replace("type: INT", "type: BYTES", 1)
    domain = " ".join(f'value: "{text}"' for text in TEXTS)
    after = after.replace("int_domain { min: 0 max: 1 }", f"string_domain {{ {domain} }}", 1)
    (folder / "schema.pbtxt").write_text(f'{before}name: "over_50k"{after}', encoding="utf-8")
    return folder


def artifact(root: Path, node: str, output: str) -> Path:
    return max((root / "census" / "artifacts" / node / output).iterdir(), key=lambda path: int(path.name))


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The roots of a run with 0 and 1, and of one with texts."""
    folder = tmp_path_factory.mktemp("labels")
    rows = tiny_rows(folder / "rows")
    workload = with_text_label(folder / "census_text")
    done = [
        run_here(rows, folder / "plain", *MORE),
        run_here(with_texts(rows, folder / "texts"), folder / "text", f"workload={workload}", *MORE),
    ]
    assert [outcome.code for outcome in done] == [0, 0], [outcome.facts for outcome in done]
    return folder / "plain", folder / "text"


def test_the_model_and_its_metrics_are_the_same(both):
    plain, text = (Predictions(str(artifact(root, "Evaluator", "evaluation"))) for root in both)
    np.testing.assert_array_equal(plain["score"].to_numpy(), text["score"].to_numpy())
    assert plain["over_50k"].to_pylist() == [TEXTS.index(value) for value in text["over_50k"].to_pylist()]
    reports = [read_report(str(artifact(root, "SliceReport", "report")))[0] for root in both]
    one, other = (json.loads(to_json(report)) for report in reports)
    differing = {key for key in one if one[key] != other[key]}
    assert differing <= {"run", "data", "training", "lineage", "card"}
    assert all(
        one[key] for key in ("slices", "verdict", "fairness", "comparisons", "weak", "importances", "worst_rows")
    )
    assert (one["run"]["label_values"], other["run"]["label_values"]) == ([], list(TEXTS))


def test_the_served_model_says_what_it_predicts(both):
    plain, text = (next(path for path in (root / "census" / "serving").iterdir()) / "assets.extra" for root in both)
    assert not (plain / "label.json").exists()
    assert json.loads((text / "label.json").read_text(encoding="utf-8"))["values"] == list(TEXTS)


def test_the_runs_are_compared_by_what_they_predict(both):
    """A run with another meaning of the label is left out, one of the same kind is not."""
    texts = both[1] / "census" / "history"
    (run,) = [path.name for path in texts.iterdir()]
    report = read_run(find(str(texts / run)))
    assert report.label == Label("over_50k", positive=TEXTS[1], values=TEXTS)
    kept, left_out = of_one_workload([report, replace(report, label=Label("over_50k"))])
    assert kept == [report]
    assert left_out[0].why.startswith("it predicts over_50k of census_text, the reference over_50k = >50K")
