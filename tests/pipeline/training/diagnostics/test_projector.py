import csv
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from fakes import transformed_rows as world
from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
from tensorboard.plugins import base_plugin
from tensorboard.plugins.projector import projector_plugin
from werkzeug.test import Client
from werkzeug.wrappers import Response

from data.fetch import DEFAULT_CACHE
from data.prepare import prepare
from pipeline.features.kinds.categorical import Categorical
from pipeline.features.layers import FeatureEmbedding
from pipeline.features.table import Table
from pipeline.training.diagnostics import projector
from pipeline.training.diagnostics.projector import write_projector
from pipeline.training.warm_start.vocabularies import read_vocabularies

ROWS = world.make_rows()


@pytest.fixture(scope="module")
def transform():
    return world.shared_transform()


@pytest.fixture(scope="module")
def model():
    return world.randomized(world.build_model())


def names_of(folder: Path, layer: str) -> list[str]:
    return (folder / "projector" / f"{layer}.names.tsv").read_text(encoding="utf-8").splitlines()


def vectors_of(folder: Path, layer: str) -> np.ndarray:
    return np.loadtxt(folder / "projector" / f"{layer}.tsv", delimiter="\t", ndmin=2)


def test_every_deep_table_has_vectors_and_names(model, transform, tmp_path):
    written = write_projector(str(tmp_path), model, world.TABLE, transform)
    assert set(written) == {"deep_city_xf", "deep_colour_xf", "deep_gain_value_xf", "deep_age_bucket_xf"}
    for layer in written:
        assert vectors_of(tmp_path, layer).shape == (len(names_of(tmp_path, layer)), world.WIDTH)


@pytest.mark.parametrize("layer", ["deep_city_xf", "deep_colour_xf"])
def test_a_term_stands_beside_the_row_that_serves_it(layer, model, transform, tmp_path):
    write_projector(str(tmp_path), model, world.TABLE, transform)
    feature = layer.removeprefix("deep_").removesuffix("_xf")
    drawn = dict(zip(names_of(tmp_path, layer), vectors_of(tmp_path, layer), strict=True))
    ids = world.batch_of(transform, ROWS)[0][f"{feature}_xf"].numpy().ravel()
    table = model.get_layer(layer).embeddings.numpy()
    for value, row in zip(ROWS[feature], ids, strict=True):
        np.testing.assert_allclose(drawn[value], table[row], rtol=1e-5)


def test_rows_for_the_rest_are_labelled(model, transform, tmp_path):
    write_projector(str(tmp_path), model, world.TABLE, transform)
    assert names_of(tmp_path, "deep_city_xf") == ["Oslo", "Łódź", "Lima", "Rome", "Cork", "(other 0)", "(other 1)"]
    assert names_of(tmp_path, "deep_colour_xf") == ["blue", "green", "red", "(other 0)"]
    assert names_of(tmp_path, "deep_age_bucket_xf") == [f"bucket {index}" for index in range(5)]
    others = vectors_of(tmp_path, "deep_city_xf")[5:]
    nowhere = {**ROWS, "city": np.array([f"town {index}" for index in range(400)])}
    served = np.unique(world.batch_of(transform, nowhere)[0]["city_xf"])
    np.testing.assert_allclose(others, model.get_layer("deep_city_xf").embeddings.numpy()[served], rtol=1e-5)


def test_a_large_table_is_cut(model, transform, tmp_path, monkeypatch):
    monkeypatch.setattr(projector, "MAX_ROWS", 3)
    write_projector(str(tmp_path), model, world.TABLE, transform)
    assert names_of(tmp_path, "deep_city_xf") == ["Oslo", "Łódź", "Lima"]
    assert vectors_of(tmp_path, "deep_city_xf").shape == (3, world.WIDTH)


def test_a_side_file_gives_names_to_values(model, transform, tmp_path):
    (tmp_path / "labels").mkdir()
    text = 'value,label\nOslo,"Oslo, capital\tof Norway"\nRome,Roma\n'
    (tmp_path / "labels" / "city.csv").write_text(text, encoding="utf-8")
    write_projector(str(tmp_path), model, world.TABLE, transform, str(tmp_path / "labels"))
    assert names_of(tmp_path, "deep_city_xf")[:3] == ["name\tlabel", "Oslo\tOslo, capital of Norway", "Łódź\t"]
    assert names_of(tmp_path, "deep_colour_xf")[0] == "blue"


def test_tensorboard_serves_what_was_written(model, transform, tmp_path):
    with tf.summary.create_file_writer(str(tmp_path / "run")).as_default(step=0):
        tf.summary.scalar("any", 1.0)
    written = write_projector(str(tmp_path / "run"), model, world.TABLE, transform)
    multiplexer = plugin_event_multiplexer.EventMultiplexer().AddRunsFromDirectory(str(tmp_path)).Reload()
    provider = data_provider.MultiplexerDataProvider(multiplexer, str(tmp_path))
    context = base_plugin.TBContext(logdir=str(tmp_path), multiplexer=multiplexer, data_provider=provider)
    apps = projector_plugin.ProjectorPlugin(context).get_plugin_apps()
    info = Client(apps["/info"], Response).get("/?run=run").get_json()
    assert [entry["tensorName"] for entry in info["embeddings"]] == list(written)
    names = Client(apps["/metadata"], Response).get("/?run=run&name=deep_city_xf").get_data(as_text=True)
    assert names.splitlines()[1] == "Łódź"
    sent = Client(apps["/tensor"], Response).get("/?run=run&name=deep_city_xf").get_data()
    table = model.get_layer("deep_city_xf").embeddings.numpy()
    # Five cities, and behind the room for twelve the two rows of all others.
    named = np.concatenate([table[:5], table[12:]])
    np.testing.assert_allclose(np.frombuffer(sent, np.float32).reshape(-1, world.WIDTH), named, rtol=1e-5)


def test_films_are_drawn_with_their_titles(transform, tmp_path):
    prepared = prepare("recommender", "random", 0, DEFAULT_CACHE).path
    with open(prepared / "train" / "rows.csv", encoding="utf-8", newline="") as file:
        items = [row["item_id"] for row, _ in zip(csv.DictReader(file), range(400), strict=False)]
    table = Table((Categorical("city", vocabulary=600, embedding=2),), "label")
    films = world.make_transform(tmp_path / "transform", {**ROWS, "city": np.array(items)}, table)
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "city.csv").write_bytes((prepared / "labels" / "item_id.csv").read_bytes())
    layer = FeatureEmbedding("city_xf", 601, 2, name="deep_city_xf")
    inputs = keras.Input((1,), name="city_xf")
    write_projector(str(tmp_path), keras.Model(inputs, layer(inputs)), table, films, str(tmp_path / "labels"))
    lines = [line.split("\t") for line in names_of(tmp_path, "deep_city_xf")]
    terms = read_vocabularies(table, films)["city_xf"].terms
    assert lines[0] == ["name", "label"]
    assert [name for name, _ in lines[1:-1]] == list(terms)
    assert lines[-1] == ["(other 0)", ""]
    titles = dict(lines[1:-1])
    assert all(titles.values())
    assert titles["50"] == "Star Wars"
