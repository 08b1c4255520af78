"""Reports for tests of the page, computed from random labels and scores."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
from sklearn import metrics as sklearn_metrics

from components.artifacts.decision import Decision
from components.artifacts.record.known import Facts
from components.artifacts.record.status import Standing, status_of
from components.evaluation.groups.sizes import too_small
from components.evaluation.units import independent
from components.evaluation.verdict import Check, Measurement, Verdict
from components.slice_report import facts as f
from components.slice_report.analysis.fairness import sensitive
from components.slice_report.analysis.scores import count_scores, expected_calibration_error
from pipeline.label import Label

ROWS = 2000
DIGEST = "d" * 64


def make_rows(rows: int = ROWS, seed: int = 5) -> pa.Table:
    """Return calibrated scores, higher for one sex; one city has too few rows."""
    generator = np.random.default_rng(seed)
    sex = generator.choice(["Female", "Male"], rows)
    city = generator.choice(["Oslo", "Łódź", "عمّان", "tiny"], rows, p=[0.5, 0.3, 0.195, 0.005])
    score = 1 / (1 + np.exp(-generator.normal(np.where(sex == "Male", -0.3, -1.2), 1.3)))
    label = (generator.random(rows) < score).astype(np.int64)
    return pa.table({"sex": sex, "city": city, "label": label, "score": score.astype(np.float32)})


def measured(value: float, rows: int, of: float = 0.5) -> Measurement:
    """Return a value with an interval that narrows with more rows."""
    half = of * 1.96 / np.sqrt(max(rows, 1))
    return Measurement(float(value), (float(value - half), float(value + half)))


def metrics_of(label, score) -> dict[str, Measurement]:
    """Return scikit-learn's metrics under TFMA's names; nan if a label is missing."""
    rows, decided, both = len(label), score > 0.5, len(set(label)) == 2
    found = {
        "auc": sklearn_metrics.roc_auc_score(label, score) if both else np.nan,
        "binary_accuracy": (decided == label).mean(),
        "binary_crossentropy": sklearn_metrics.log_loss(label, score, labels=[0, 1]),
        "calibration": score.sum() / label.sum() if label.any() else np.inf,
        "mean_label": label.mean(),
        "recall": decided[label == 1].mean() if label.any() else np.nan,
    }
    return {name: measured(value, rows) for name, value in found.items()} | {"example_count": Measurement(float(rows))}


def make_slice(table: pa.Table, features: Sequence[tuple[str, str]]) -> f.Slice:
    """Return the slice of the rows in which features have these values."""
    keep = np.ones(table.num_rows, bool)
    for name, value in features:
        keep &= np.array(table[name].to_pylist()) == value
    label, score = table["label"].to_numpy()[keep], table["score"].to_numpy()[keep].astype(np.float64)
    found, whole = metrics_of(label, score), metrics_of(table["label"].to_numpy(), table["score"].to_numpy())
    to_rest = measured(found["auc"].value - whole["auc"].value, len(label), 0.05)
    low, high = to_rest.interval or (-1.0, 1.0)
    return f.Slice(
        features=tuple(features),
        rows=int(keep.sum()),
        share=float(keep.mean()),
        metrics=found,
        to_baseline={"auc": measured(0.01, len(label), 0.1)},
        to_rest={"auc": to_rest} if features else {},
        differs=("auc",) if features and not low <= 0 <= high else (),
        too_small=too_small(int(label.sum()), int((1 - label).sum())),
        scores=count_scores(label, score),
    )


def comparisons(found: dict[str, Measurement]) -> tuple[f.Comparison, ...]:
    """Return comparisons with a slightly worse baseline, and with the base rate."""
    sides = {
        "AUC": ("auc", "higher"),
        "BinaryCrossEntropy": ("binary_crossentropy", "lower"),
        "Calibration": ("calibration", "one"),
    }
    return tuple(
        f.Comparison(
            name,
            better,
            found[key],
            replace(found[key], value=found[key].value - 0.01),
            Measurement(0.5),
            Measurement(0.01, (-0.005, 0.025)),
            Measurement(found[key].value - 0.5, (0.2, 0.3)),
        )
        for name, (key, better) in sides.items()
    )


def make_data() -> f.Data:
    """Return one fact of each kind."""
    bars = tuple(f.Bar(f"{low} … {low + 10}", float(40 - low)) for low in range(0, 40, 10))
    age = f.ColumnStats("age", "train", "INT", 1500, 0.01, None, 38.2, 13.1, 17.0, 37.0, 90.0, 0.0, bars)
    city = replace(
        age,
        column="city",
        type="BYTES",
        distinct=4,
        mean=None,
        std_dev=None,
        minimum=None,
        median=None,
        maximum=None,
        zeros=None,
    )
    return f.Data(
        columns=(age, replace(age, split="test", rows=ROWS), city),
        gate=(
            f.GateEntry(
                "accepted",
                "city",
                "ENUM_TYPE_UNEXPECTED_STRING_VALUES",
                "tiny (0.5 %)",
                "test",
                "ERROR",
                "a new branch",
            ),
        ),
        schema_changes=(f.SchemaChange("city", "BYTES, 3 values", "BYTES, 4 values (added 'tiny')"),),
        drift=(f.Drift("age", "Jensen-Shannon", 0.2, 0.1), f.Drift("city", "L-infinity", 0.01, 0.1, 0.25, 0.125)),
        leaks=(f.Leak("rows", "test", "train", 3, 0.0015), f.Leak("user_id", "test", "train", 900, 0.45)),
        new_categories=(f.NewCategory("city", "test", 1, 10, ("tiny",)),),
    )


def make_lineage() -> f.Lineage:
    """Return the lineage of a short graph."""
    artifacts = (
        f.ArtifactFact(1, "Examples", "ExampleGen", "examples", "runs/demo/examples/1"),
        f.ArtifactFact(2, "Model", "Trainer", "model", "runs/demo/model/2"),
        f.ArtifactFact(3, "ModelEvaluation", "Evaluator", "evaluation", "runs/demo/evaluation/3"),
    )
    return f.Lineage(
        config=(("training.epochs", "3"), ("training.learning_rate", "0.001")),
        config_changes=(f.ConfigChange("training.epochs", "2", "3"),),
        sources=(("trainer", "abc"),),
        data=(("span", "1"),),
        artifacts=artifacts,
        edges=((1, "Trainer"), (1, "Evaluator"), (2, "Evaluator")),
        versions=(("python", "3.10"),),
        model_digest="m" * 64,
    )


def standing(decision: Decision | None, **known: Any) -> Standing:
    """Return the status of a report, as a page shows it."""
    facts = Facts("20260102T030405.000006", True, decision, **known)
    return Standing(status_of(facts), "2026-01-03T00:00:00+00:00", (("Approve", "approve"),), decision)


def make_report(table: pa.Table | None = None, slices: Sequence[Sequence[tuple[str, str]]] | None = None) -> f.Report:
    """Return a complete report on random rows."""
    table = make_rows() if table is None else table
    default = [[], *([("sex", value)] for value in ("Female", "Male"))]
    default += [[("city", value)] for value in ("Oslo", "Łódź", "عمّان", "tiny")]
    cut = tuple(make_slice(table, features) for features in (default if slices is None else slices))
    label, score = table["label"].to_numpy(), table["score"].to_numpy()
    kept = Check("AUC", "overall", "≥ 0.7", 0.75, (0.73, 0.77), None, 0.05)
    missed = Check("AUC", "sex=Female", "≥ 0.8", 0.7, (0.66, 0.74), 0.1, -0.1)
    absent = Check("Recall", "city=Bergen", "≥ 0.1", None, None, None, None)
    return f.Report(
        f.SCHEMA_VERSION,
        f.Run("demo", "20260102T030405.000006", "demo", "label", "20260101T000000.000000"),
        (),
        0.5,
        "auc",
        verdict=Verdict(False, table.num_rows, (kept, missed, absent)),
        comparisons=comparisons(cut[0].metrics) if cut else (),
        slices=cut,
        weak=f.WeakSegments(
            120,
            0.05,
            30,
            (
                f.Segment(
                    (("sex", "Male"), ("age", "17 … 24")),
                    90,
                    0.045,
                    0.7,
                    0.5,
                    0.001,
                    0.6,
                    0.65,
                    Measurement(0.2, (0.1, 0.3)),
                    units=40,
                    similar=2,
                    to_baseline=Measurement(0.01, (-0.02, 0.04)),
                ),
            ),
            total=3,
            min_units=20,
            searched=1000,
        ),
        fairness=tuple(
            sensitive(table, Label("label"), name, 0.5, independent(table.num_rows)) for name in ("sex", "city")
        ),
        calibration_error=expected_calibration_error(label, score),
        data=make_data(),
        training=f.Training(
            {"loss": (0.7, 0.6, 0.55), "val_loss": (0.68, 0.61, 0.6), "auc": (0.6, 0.7, 0.75)},
            3,
            18,
            6,
            5000.0,
            12.5,
            "none",
            1,
            (("epochs", "3"),),
            ("Layer deep_0: 60 of 64 units (94%) are dead.",),
        ),
        importances=(
            f.Importance(
                "overall",
                2000,
                (("sex", Measurement(0.05, (0.04, 0.06))), ("city", Measurement(0.0, (-0.01, 0.01)))),
                9000,
            ),
        ),
        lineage=make_lineage(),
        card=f.Card(
            "Demo", "Says yes or no.", ("demos",), ("decisions on people",), ("drawn rows",), ("none",), ("us",), "CC0"
        ),
    )
