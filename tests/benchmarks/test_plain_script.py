"""The plain script computes the features of Transform and the metrics of scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score

from benchmarks.sides.plain_script import Features, compute_metrics, metrics_by_slice, read_split
from data.simulation.shop import World
from data.synthetic import synthesize
from pipeline.features.table import transformed_features
from pipeline.workloads.impressions.evaluation import EVALUATION
from pipeline.workloads.impressions.features import TABLE


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    folder = synthesize(World(5_000), tmp_path_factory.mktemp("plain") / "rows").path
    return {split: read_split(folder / split) for split in ("train", "test")}


def test_the_inputs_are_those_of_the_model(rows):
    made = Features(rows["train"]).transform(rows["test"])
    assert set(made) == {feature.name for feature in transformed_features(TABLE.features)}
    for feature in transformed_features(TABLE.features):
        assert made[feature.name].shape == (500, 1)
        assert np.issubdtype(made[feature.name].dtype, np.integer) == (feature.dtype == "int64")


def test_training_rows_have_mean_0_and_deviation_1_and_buckets_in_order(rows):
    made = Features(rows["train"]).transform(rows["train"])
    assert made["price_usd_xf"].mean() == pytest.approx(0, abs=1e-4)
    assert made["price_usd_xf"].std() == pytest.approx(1, abs=1e-4)
    prices, buckets = rows["train"].column("price_usd").to_numpy(), made["price_usd_bucket_xf"].reshape(-1)
    assert (np.diff(buckets[np.argsort(prices)]) >= 0).all()
    assert (buckets.min(), buckets.max()) == (1, 10)


def test_missing_and_unknown_values_are_distinguished(rows):
    made = Features(rows["train"]).transform(rows["test"])
    missing = np.array(rows["test"].column("rating").is_null())
    assert (made["rating_missing_xf"].reshape(-1) == missing).all()
    assert (made["rating_xf"].reshape(-1)[missing] == 0).all()
    nameless = np.array(rows["test"].column("age_band").is_null())
    assert nameless.any()
    assert ((made["age_band_xf"].reshape(-1) == 6) == nameless).all()


def test_metrics_are_those_of_scikit_learn():
    draw = np.random.default_rng(0)
    scores = draw.random(20_000) ** 2
    labels = (draw.random(20_000) < scores).astype(np.int64)
    found = compute_metrics(labels, scores)
    assert found["auc"] == pytest.approx(roc_auc_score(labels, scores), abs=1e-4)
    assert found["auc_precision_recall"] == pytest.approx(average_precision_score(labels, scores), abs=2e-3)
    assert found["binary_crossentropy"] == pytest.approx(log_loss(labels, scores), abs=1e-5)


def test_slices_are_those_of_the_workload(rows):
    labels = rows["test"].column("clicked").to_numpy()
    found = dict(metrics_by_slice(rows["test"], labels, np.full(500, 0.1)))
    assert found[""]["example_count"] == 500
    assert {key.partition("=")[0] for key in found} == {"", *(", ".join(names) for names in EVALUATION.slices)}
    by_segment = [of["example_count"] for key, of in found.items() if key.startswith("user_segment=")]
    assert sum(by_segment) == 500
