"""Judge made-up predictions as Evaluator and the report do: ``python -m benchmarks.sides.evidence SIDE ROWS FILE``.

There are 40 slices besides all rows. SIDE is ``values`` for metrics alone, ``rows`` for intervals as well, and
``users`` for intervals that take the twenty rows of a user as one unit. The seconds of each step go to FILE as JSON.
"""

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2

from components.batch_evaluator.evaluation import evaluate
from components.batch_evaluator.plan import Plan, make_plan
from components.batch_evaluator.results import sliced_metrics, write_results
from components.evaluation.results import read_evaluation
from components.evaluation.units import units_of
from components.slice_report.analysis.by_slice.slices import make_slices
from components.slice_report.analysis.comparisons import compare
from components.slice_report.analysis.weak_segments import find_weak
from pipeline.label import Label

LABEL, USER = "clicked", "user"
ROWS_OF_USER = 20
# Eight slices each.
FEATURES = ("city", "device", "hour", "product", "source")
METRICS = ("AUC", "AUCPrecisionRecall", "BinaryAccuracy", "BinaryCrossEntropy", "Calibration", "ExampleCount",
           "MeanLabel", "MeanPrediction", "Precision", "Recall")  # fmt: skip


def make_predictions(rows: int) -> pa.Table:
    """Draw labels, the scores of two models, five features and users, by a fixed seed."""
    draw = np.random.default_rng(0)
    rate = draw.beta(1, 4, rows)
    score = np.clip(rate + draw.normal(0, 0.05, rows), 1e-4, 0.9999).astype(np.float32)
    columns = {
        LABEL: (draw.random(rows) < rate).astype(np.int64),
        "score": score,
        "baseline_score": np.sqrt(score),
        USER: draw.integers(0, max(rows // ROWS_OF_USER, 1), rows),
    }
    for name in FEATURES:
        values = pa.array([f"{name} {number}" for number in range(8)])
        codes = pa.array(draw.integers(0, 8, rows, dtype=np.int8))
        columns[name] = pa.DictionaryArray.from_arrays(codes, values).cast(pa.string())
    return pa.table(columns)


def make_settings(side: str) -> Plan:
    """Return the plan of an evaluation of two models."""
    models = [
        config_pb2.ModelSpec(
            name=name, is_baseline=name == tfma.BASELINE_KEY, model_type=tfma.TF_GENERIC, label_key=LABEL,
            signature_name="serving_default", prediction_key="score",
        )
        for name in (tfma.CANDIDATE_KEY, tfma.BASELINE_KEY)
    ]  # fmt: skip
    slices = [config_pb2.SlicingSpec(), *(config_pb2.SlicingSpec(feature_keys=[name]) for name in FEATURES)]
    config = config_pb2.EvalConfig(model_specs=models, slicing_specs=slices)
    config.metrics_specs.add().metrics.extend(config_pb2.MetricConfig(class_name=name) for name in METRICS)
    config.options.compute_confidence_intervals.value = side != "values"
    return make_plan(config, has_baseline=True, cluster_by=(USER,) if side == "users" else ())


def main(side: str, rows: str, file: str) -> None:
    """Run every step and write its seconds."""
    seconds: dict[str, float] = {}

    @contextmanager
    def timed(step: str) -> Iterator[None]:
        started_s = time.perf_counter()
        yield
        seconds[step] = round(time.perf_counter() - started_s, 3)

    predictions, plan = make_predictions(int(rows)), make_settings(side)
    with tempfile.TemporaryDirectory() as folder:
        with timed("Evaluator: metrics of all slices"):
            found = [sliced_metrics(key, values, units, plan) for key, values, units in evaluate(predictions, plan)]
        write_results(folder, found, plan.config, {})
        if side != "values":
            evaluation, units = read_evaluation(folder), units_of(predictions, plan.cluster_by)
            with timed("report: comparisons"):
                compare(predictions, Label(LABEL), 0.2, evaluation, units)
            with timed("report: slices and marks"):
                make_slices(evaluation, predictions, Label(LABEL), units)
            with timed("report: weak segments"):
                find_weak(predictions, Label(LABEL), (USER,), units)
    Path(file).write_text(json.dumps(seconds), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
