"""Slices and bounds from the predictions to TFMA's files and back to the report."""

import math

import numpy as np
import pyarrow as pa
import pytest
import tensorflow_model_analysis as tfma
from fakes.stock.evaluator_runs import make_config
from google.protobuf import text_format
from sklearn.metrics import roc_auc_score
from tensorflow_metadata.proto.v0 import schema_pb2

from components.batch_evaluator.evaluation import evaluate
from components.batch_evaluator.plan import make_plan
from components.batch_evaluator.results import sliced_metrics, write_results
from components.evaluation.results import read_evaluation
from components.evaluation.slices import with_values_as_text
from components.evaluation.units import independent
from components.evaluation.verdict import Bounds
from components.slice_report.analysis.by_slice.slices import make_slices
from pipeline.criteria import Threshold
from pipeline.errors import MainlineError
from pipeline.label import Label

SCHEMA = text_format.Parse(
    """
    feature { name: "over_50k" type: INT } feature { name: "weight" type: FLOAT }
    feature { name: "zip" type: BYTES } feature { name: "number" type: INT }
    """,
    schema_pb2.Schema(),
)
LARGE = 2**53 + 1


def drawn(rows=600, seed=0) -> pa.Table:
    generator = np.random.default_rng(seed)
    score = generator.random(rows).astype(np.float32)
    weight = generator.choice([0.1, 0.25, 0.7, -0.0, 1.0, 16777216.0, 1e-7, math.nan], rows)
    return pa.table(
        {
            "over_50k": (generator.random(rows) < score).astype(np.int64),
            "weight": pa.array(weight, pa.float32(), mask=generator.random(rows) < 0.1),
            "zip": generator.choice(["7", "007", "7.0", "Łódź"], rows),
            "number": generator.choice([LARGE, LARGE - 1, 0], rows),
            "score": score,
        }
    )


def judged(table, folder, *bounds, intervals=False):
    """The evaluation as written and read again, with the verdict of TFMA and that of the report."""
    slices = ({}, *({"feature_keys": [name]} for name in ("weight", "zip", "number")))
    config = make_config("AUC", "ExampleCount", slices=slices, intervals=intervals)
    for column, value, lower in bounds:
        bound = config.metrics_specs[0].metrics[0].per_slice_thresholds.add()
        bound.slicing_specs.add().feature_values[column] = value
        bound.threshold.value_threshold.lower_bound.value = lower
    plan = make_plan(with_values_as_text(config, SCHEMA), has_baseline=False)
    found = [sliced_metrics(key, values, units, plan) for key, values, units in evaluate(table, plan)]
    write_results(str(folder), found, plan.config, {})
    thresholds = tuple(Threshold("AUC", lower=lower, slice={column: value}) for column, value, lower in bounds)
    evaluation = read_evaluation(str(folder))
    return tfma.load_validation_result(str(folder)), evaluation.verdict(True, Bounds(thresholds)), evaluation


def area(table, keep):
    keep = np.asarray(keep)
    return roc_auc_score(table["over_50k"].to_numpy()[keep], table["score"].to_numpy()[keep])


@pytest.mark.parametrize(
    ("column", "written", "name"),
    [
        *(("weight", written, "0.1") for written in ("0.1", "1e-1", ".10", "0.10000000149011612")),
        *(("weight", written, "1.0") for written in ("1", "1.0", "10e-1")),
        *(("weight", written, "0.0") for written in ("0", "-0.0")),
        ("weight", "16777217", "16777216.0"),
        ("weight", "0.0000001", "1e-07"),
        ("weight", "nan", "NaN"),
        *(("zip", written, written) for written in ("7", "007", "7.0", "Łódź")),
        *(("number", written, str(LARGE)) for written in (str(LARGE), f"{LARGE}.0")),
        ("number", "0e1", "0"),
    ],
)
def test_a_threshold_on_a_slice_is_checked_on_its_rows(column, written, name, tmp_path):
    table = drawn()
    cells = table[column].to_pylist()
    wanted = {"1.0": 1.0, "0.0": 0.0, "16777216.0": 2.0**24, "0.1": float(np.float32(0.1)),
              "1e-07": float(np.float32(1e-7))}.get(name, int(name) if column == "number" else name)  # fmt: skip
    keep = [math.isnan(cell or 0) for cell in cells] if name == "NaN" else [cell == wanted for cell in cells]
    expected = area(table, keep)
    for lower, passes in ((expected - 1e-6, True), (expected + 1e-6, False)):
        folder = tmp_path / str(passes)
        folder.mkdir()
        stock, verdict, evaluation = judged(table, folder, (column, written, lower))
        (check,) = verdict.checks
        assert (check.slice, check.value) == (f"{column}={name}", pytest.approx(expected, abs=1e-9))
        assert check.passed == stock.validation_ok == passes
        assert not stock.missing_slices
        assert evaluation.candidate[((column, name),)]["example_count"].value == sum(keep)


def test_a_missing_slice_is_reported_under_its_name(tmp_path):
    stock, verdict, _ = judged(drawn(), tmp_path, ("weight", "3e-1", 0.1), ("zip", "07", 0.1))
    assert [dict(spec.feature_values) for spec in stock.missing_slices] == [{"weight": "0.3"}, {"zip": "07"}]
    assert {check.why for check in verdict.checks} == {"no such slice in the data"}


def test_a_failed_threshold_names_the_slice_unchanged(tmp_path):
    stock, _, _ = judged(drawn(), tmp_path, ("number", str(LARGE), 2.0))
    (failed,) = stock.metric_validations_per_slice
    (key,) = failed.slice_key.single_slice_keys
    assert (key.column, key.int64_value) == ("number", LARGE)
    (details,) = stock.validation_details.slicing_details
    assert dict(details.slicing_spec.feature_values) == {"number": str(LARGE)}


def test_every_reader_has_the_slices_and_the_report_counts_the_same_rows(tmp_path):
    table = drawn()
    _, _, evaluation = judged(table, tmp_path)
    slices = make_slices(evaluation, table, Label("over_50k"), independent(table.num_rows))
    names = {item.name for item in slices}
    assert {"weight=0.1", "weight=0.0", "weight=NaN", "weight=1e-07", "zip=007", f"number={LARGE}"} <= names
    assert len(names) == len(slices) == 1 + 8 + 4 + 3
    for item in slices:
        assert sum(item.scores.positives) + sum(item.scores.negatives) == item.rows
    keys = [key for key, _ in tfma.load_eval_result(str(tmp_path)).slicing_metrics]
    assert (("weight", float(np.float32(0.1))),) in keys
    assert len(keys) == len(slices)


def test_a_slice_with_one_label_has_no_area_and_a_bound_on_it_says_so(tmp_path):
    table = drawn().to_pandas()
    table.loc[table["zip"] == "7", "over_50k"] = 0
    stock, verdict, evaluation = judged(
        pa.Table.from_pandas(table, preserve_index=False), tmp_path, ("zip", "7", 0.0), intervals=True
    )
    (check,) = verdict.checks
    assert (check.value, check.interval, check.why) == (None, None, "undefined: all rows have the same label")
    assert not check.passed
    assert not stock.validation_ok
    measured = evaluation.candidate[(("zip", "7"),)]["auc"]
    assert (math.isnan(measured.value), measured.interval) == (True, None)
    assert evaluation.candidate[()]["auc"].interval is not None


@pytest.mark.parametrize(
    ("score", "named"),
    [
        (math.nan, "not finite"),
        (math.inf, "not finite"),
        (1.5, r"outside of \[0, 1\]"),
        (-1e-9, r"outside of \[0, 1\]"),
    ],
)
def test_a_score_outside_0_to_1_is_named_with_its_row(score, named):
    scores = np.array([0.0, 1.0, score, score])
    table = pa.table({"over_50k": [0, 1, 0, 1], "score": scores})
    plan = make_plan(make_config("AUC"), has_baseline=False)
    with pytest.raises(MainlineError, match=f"2 of 4 rows have a score (that is )?{named}") as raised:
        list(evaluate(table, plan))
    assert raised.value.received == f"{score} in row 3 of the predictions"
