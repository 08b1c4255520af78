"""Analyzers on the outputs of analyzers, against numpy."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from fakes.stock.transform_runs import run, taxi_rows, taxi_schema

from components.batch_transform import passes
from components.batch_transform.passes import TransformGraph, load_graph


@pytest.fixture(scope="module")
def ours(taxi, tmp_path_factory):
    folder = tmp_path_factory.mktemp("phases")
    return run("ours", taxi, folder, "batch_transform.preprocessing.phases", taxi_schema())


def column(outputs, split, name):
    """A transformed column with one value in each row."""
    spec = {name: outputs.transform.transformed_feature_spec()[name]}
    serialized = [row.SerializeToString() for row in outputs.rows(split)]
    return tf.io.parse_example(serialized, spec)[name].numpy().reshape(-1)


def test_scaling_uses_statistics_of_scaled_numbers(ours):
    fare = taxi_rows()["fare"].to_numpy()
    centre = fare[:3000].mean()
    wanted = (fare[:3700] - centre) / (fare[:3000] - centre).max()
    np.testing.assert_allclose(column(ours, "train", "scaled"), wanted[:3000], 1e-4, 1e-5)
    np.testing.assert_allclose(column(ours, "eval", "scaled"), wanted[3000:], 1e-4, 1e-5)


def test_moments_of_vocabulary_indices(ours):
    companies = [name or "" for name in taxi_rows()["company"].to_pylist()]
    counted = Counter(name for name in companies[:3000] if name)
    terms = sorted(counted, key=lambda term: (counted[term], term.encode()), reverse=True)
    path = ours.transform.vocabulary_file_by_name("company")
    assert Path(path).read_text(encoding="utf-8").splitlines() == terms
    ids = np.array([terms.index(name) if name in counted else -1 for name in companies[:3700]])
    wanted = (ids - ids[:3000].mean()) / ids[:3000].std()
    np.testing.assert_allclose(column(ours, "eval", "id_z"), wanted[3000:], 1e-4, 1e-5)


def test_the_last_phase_counts_outputs_of_earlier_ones(ours):
    ids = column(ours, "train", "joined")
    counted = [int((ids == place).sum()) for place in range(12)]
    assert counted == sorted(counted, reverse=True)
    assert counted[-1] > 0
    assert ours.transform.vocabulary_size_by_name("joined") == 12


def test_the_graph_transforms_new_rows_alike(ours, taxi):
    (path,) = map(str, Path(taxi.uri, "Split-eval").iterdir())
    raw = next(iter(tf.data.TFRecordDataset(path, "GZIP").batch(700)))
    transform = tft.TFTransformOutput(ours.graph.uri)
    fresh = transform.transform_raw_features(tf.io.parse_example(raw, transform.raw_feature_spec()))
    for name, tensor in fresh.items():
        np.testing.assert_allclose(column(ours, "eval", name), np.ravel(tensor), 1e-6, err_msg=name)


def test_concurrent_threads_load_a_graph_once(ours, taxi, monkeypatch):
    loads = []

    class Counted(passes.SavedModelLoader):
        def __init__(self, folder):
            loads.append(folder)
            super().__init__(folder)

    monkeypatch.setattr(passes, "SavedModelLoader", Counted)
    load_graph.cache_clear()
    (path,) = map(str, Path(taxi.uri, "Split-eval").iterdir())
    raw = next(iter(tf.data.TFRecordDataset(path, "GZIP").batch(7)))
    graph = TransformGraph(ours.transform.transform_savedmodel_dir, ours.transform.raw_feature_spec())
    with ThreadPoolExecutor(4) as pool:
        applied = list(pool.map(graph.apply, [raw] * 4))
    assert loads == [graph.folder]
    assert {len(columns["scaled"]) for columns in applied} == {7}
