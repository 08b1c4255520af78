"""The lower bound: the workload ``impressions`` as one script, without a pipeline.

``python -m benchmarks.sides.plain_script ROWS OUT`` reads CSV with Arrow, computes the workload's features with NumPy
and Arrow, trains its model with Keras, and writes a SavedModel and the metrics of every slice. It has none of what a
pipeline adds: intermediate files, statistics, data checks, intervals, lineage, a report, or resuming.
"""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import tf_keras as keras
from pyarrow import csv

from benchmarks.cases import SAME_WORK
from components.compat.tensorflow import exclude_from_autograph
from pipeline.config.load import load_config
from pipeline.config.training import Training
from pipeline.features.kinds.bucketized import Bucketized
from pipeline.features.kinds.categorical import Categorical
from pipeline.features.kinds.crossed import Crossed
from pipeline.features.kinds.exact import Exact
from pipeline.features.kinds.numeric import Numeric
from pipeline.workloads.impressions.evaluation import EVALUATION
from pipeline.workloads.impressions.features import TABLE
from pipeline.workloads.impressions.model import build_model

Array: TypeAlias = npt.NDArray[Any]
Arrays: TypeAlias = dict[str, Array]
SCORE_BATCH = 8192
THRESHOLDS = 10_000
# Knuth's multiplier for hashing: 2**64 over the golden ratio.
MIX = np.uint64(0x9E3779B97F4A7C15)


def read_split(folder: Path) -> pa.Table:
    """Read all CSV files of a split, ids as strings and empty cells as null."""
    texts = dict.fromkeys(("user_id", "item_id"), pa.string())
    options = csv.ConvertOptions(column_types={**texts, "rating": pa.float64()}, strings_can_be_null=True)
    return pa.concat_tables(csv.read_csv(path, convert_options=options) for path in sorted(folder.glob("*.csv")))


def numbers(rows: pa.Table, name: str) -> Array:
    """Return a column as float64, NaN where it is empty."""
    return rows.column(name).cast(pa.float64()).to_numpy()


def texts(rows: pa.Table, name: str) -> pa.ChunkedArray:
    """Return a column as strings, ``""`` where it is empty."""
    return pc.fill_null(rows.column(name).cast(pa.string()), "")


class Features:
    """The features of the table, fitted on the training rows: means, bucket boundaries, vocabularies."""

    def __init__(self, train: pa.Table) -> None:
        self.scales: dict[str, tuple[float, float]] = {}
        self.bounds: dict[str, Array] = {}
        self.terms: dict[str, pa.Array] = {}
        for feature in TABLE.features:
            name = feature.transformed_name
            match feature:
                case Numeric():
                    values = self.raw_number(feature, train)
                    self.scales[name] = float(np.nanmean(values)), float(np.nanstd(values))
                case Bucketized():
                    shares = np.arange(1, feature.buckets) / feature.buckets
                    self.bounds[name] = np.nanquantile(numbers(train, feature.name), shares)
                case Categorical() | Exact():
                    self.terms[name] = most_frequent(texts(train, feature.name), feature.vocabulary, feature.min_count)

    @staticmethod
    def raw_number(feature: Numeric, rows: pa.Table) -> Array:
        """Return a numeric column before scaling, after log(1 + x) where the feature asks for it."""
        values = numbers(rows, feature.name)
        return np.log1p(values) if feature.log else values

    def transform(self, rows: pa.Table) -> Arrays:
        """Return the inputs of the model, each of shape (rows, 1)."""
        made: Arrays = {}
        tokens: dict[str, Any] = {}
        for feature in TABLE.features:
            name = feature.transformed_name
            match feature:
                case Numeric():
                    mean, deviation = self.scales[name]
                    values = self.raw_number(feature, rows)
                    made[name] = np.nan_to_num((values - mean) / deviation).astype(np.float32)
                    if feature.optional:
                        made[feature.missing_name] = np.isnan(values).astype(np.float32)
                case Bucketized():
                    values = numbers(rows, feature.name)
                    found = 1 + np.searchsorted(self.bounds[name], values, side="right")
                    made[name] = np.where(np.isnan(values), 0, found)
                    tokens[f"{feature.name}_bucket"] = made[name]
                case Categorical() | Exact():
                    indices = pc.index_in(texts(rows, feature.name), value_set=self.terms[name])
                    made[name] = pc.fill_null(indices, feature.vocabulary).to_numpy().astype(np.int64)
                    tokens[feature.name] = made[name]
        for feature in TABLE.features:
            if isinstance(feature, Crossed):
                made[feature.transformed_name] = cross_ids([tokens[name] for name in feature.names], feature)
        return {name: values.reshape(-1, 1) for name, values in made.items()}


def most_frequent(values: pa.ChunkedArray, most: int, min_count: int) -> pa.Array:
    """Return the most frequent values; an empty string counts as missing."""
    counts = pc.value_counts(values)
    kept = counts.filter(
        pc.and_(pc.greater_equal(counts.field("counts"), min_count), pc.not_equal(counts.field("values"), ""))
    )
    order = np.argsort(-kept.field("counts").to_numpy(), kind="stable")[:most]
    return kept.field("values").take(pa.array(order))


def cross_ids(parts: Sequence[Array], feature: Crossed) -> Array:
    """Hash combinations of ids into buckets, by multiplication.

    >>> cross_ids([np.array([1, 2, 1]), np.array([5, 5, 5])], Crossed(("a", "b"), 1000)).tolist()
    [211, 5, 211]
    """
    mixed = np.zeros(len(parts[0]), np.uint64)
    for part in parts:
        mixed = (mixed ^ part.astype(np.uint64)) * MIX
    return ((mixed >> np.uint64(32)) % np.uint64(feature.hash_buckets)).astype(np.int64)


def fit(train: Arrays, labels: Array, held_out: tuple[Arrays, Array], training: Training) -> keras.Model:
    """Train the workload's model with its config, and validate on the eval split after each epoch."""
    exclude_from_autograph("tf_keras")
    keras.utils.set_random_seed(training.seed)
    model = build_model(TABLE, training)
    steps = training.epochs * (len(labels) // training.batch_size)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps, warmup_target=training.learning_rate, warmup_steps=int(training.warmup_share * steps)
    )
    optimizer = keras.optimizers.AdamW(rate, weight_decay=training.weight_decay)
    optimizer.exclude_from_weight_decay(var_names=["bias", "embedding", "wide_"])
    model.compile(
        optimizer, "binary_crossentropy", metrics=[keras.metrics.AUC(name="auc")],
        steps_per_execution=training.steps_per_execution,
    )  # fmt: skip
    model.fit(
        train, labels, batch_size=training.batch_size, epochs=training.epochs, validation_data=held_out,
        verbose=2,
    )  # fmt: skip
    return model


def compute_metrics(labels: Array, scores: Array) -> dict[str, float]:
    positive, clipped = scores >= EVALUATION.decision_threshold, np.clip(scores, 1e-7, 1 - 1e-7)
    hits, false = curves(labels, scores)
    precision = hits / np.maximum(hits + false, 1)
    positives, negatives = max(labels.sum(), 1), max((1 - labels).sum(), 1)
    right = float((positive * labels).sum())
    return {
        "example_count": float(len(labels)),
        "auc": float((np.diff(false) * (hits[1:] + hits[:-1]) / 2).sum() / (positives * negatives)),
        "auc_precision_recall": float((np.diff(hits, prepend=0) * precision).sum() / positives),
        "binary_accuracy": float((positive == labels).mean()),
        "binary_crossentropy": float(-(labels * np.log(clipped) + (1 - labels) * np.log(1 - clipped)).mean()),
        "calibration": float(scores.sum() / positives),
        "mean_label": float(labels.mean()),
        "mean_prediction": float(scores.mean()),
        "precision": right / max(float(positive.sum()), 1.0),
        "recall": right / float(positives),
    }


def curves(labels: Array, scores: Array) -> tuple[Array, Array]:
    """Count the rows of each label that score at or above each threshold, from the highest threshold down.

    >>> hits, false = curves(np.array([1, 0]), np.array([0.9, 0.1]))
    >>> int(hits[-1]), int(false[-1]), int(hits[len(hits) // 2]), int(false[len(false) // 2])
    (1, 1, 1, 0)
    """
    bins = np.minimum((scores * THRESHOLDS).astype(np.int64), THRESHOLDS - 1)
    by_label = [np.bincount(bins[labels == of], minlength=THRESHOLDS)[::-1] for of in (1, 0)]
    hits, false = (np.concatenate(([0], np.cumsum(counts))) for counts in by_label)
    return hits, false


def metrics_by_slice(rows: pa.Table, labels: Array, scores: Array) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield the metrics of all rows and of every slice; rows without a value belong to no slice."""
    yield "", compute_metrics(labels, scores)
    for names in EVALUATION.slices:
        columns = [rows.column(name).combine_chunks() for name in names]
        joined = pc.binary_join_element_wise(*columns, ", ").dictionary_encode()
        codes = pc.fill_null(joined.indices, -1).to_numpy()
        for code, value in enumerate(joined.dictionary.to_pylist()):
            yield f"{', '.join(names)}={value}", compute_metrics(labels[codes == code], scores[codes == code])


def main() -> int:
    """Train on the rows, and save the model and its metrics."""
    started_s = time.perf_counter()
    folder, out = Path(sys.argv[1]), Path(sys.argv[2])
    training = load_config("impressions", SAME_WORK).training
    rows = {split: read_split(folder / split) for split in ("train", "eval", "test")}
    features = Features(rows["train"])
    inputs = {split: features.transform(table) for split, table in rows.items()}
    labels = {split: table.column(TABLE.target.column).to_numpy() for split, table in rows.items()}
    model = fit(inputs["train"], labels["train"], (inputs["eval"], labels["eval"]), training)
    scores = model.predict(inputs["test"], batch_size=SCORE_BATCH, verbose=0).reshape(-1)
    metrics = dict(metrics_by_slice(rows["test"], labels["test"], scores))
    model.save(out / "model")
    counts = {split: table.num_rows for split, table in rows.items()}
    facts = {"rows": counts, "metrics": metrics, "seconds": time.perf_counter() - started_s}
    (out / "metrics.json").write_text(json.dumps(facts) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
