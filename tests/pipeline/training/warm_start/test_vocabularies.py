import numpy as np
import pytest
import tf_keras as keras
from fakes import transformed_rows as world

from pipeline.features.layers import FeatureEmbedding
from pipeline.features.stateless_random import Dropout
from pipeline.features.vocabulary import Vocabulary
from pipeline.training.warm_start.vocabularies import kernel_parts, read_vocabularies, table_features

ROWS = world.make_rows()


@pytest.fixture(scope="module")
def transform():
    return world.shared_transform()


@pytest.mark.parametrize("feature", ["city", "colour"])
def test_ids_are_those_that_preprocessing_gives(feature, transform):
    vocabulary = read_vocabularies(world.TABLE, transform)[f"{feature}_xf"]
    values = np.array([*vocabulary.terms, *(f"value {index}" for index in range(20))])
    rows = {name: np.resize(column, len(values)) for name, column in ROWS.items()} | {feature: values}
    ids = world.batch_of(transform, rows)[0][f"{feature}_xf"].numpy().ravel()
    names = vocabulary.rows()
    for value, place in zip(values, ids, strict=True):
        expected = f"={value}" if value in vocabulary.terms else vocabulary.other(str(value))
        assert names[place] == expected


def test_multi_hot_columns_are_the_terms_of_the_domain(transform):
    vocabulary = read_vocabularies(world.TABLE, transform)["tags_xf"]
    found = world.batch_of(transform, ROWS)[0]["tags_xf"].numpy()
    for row, cell in zip(found, ROWS["tags"], strict=True):
        assert {vocabulary.terms[index] for index in np.flatnonzero(row)} == set(cell.split("|"))


def test_all_features_but_plain_numbers_have_ids(transform):
    found = read_vocabularies(world.TABLE, transform)
    assert found["age_bucket_xf"] == Vocabulary(5, kind="bucket of 4")
    assert found["city_x_colour_xf"] == Vocabulary(16, kind="hash of 16")
    assert found["gain_value_xf"].terms[:2] in {("0", "10"), ("10", "0"), ("0", "500"), ("500", "0"), ("10", "500")}
    assert "age_xf" not in found


def test_embedding_tables_know_their_feature(transform):
    vocabularies = read_vocabularies(world.TABLE, transform)
    found = table_features(world.build_model(), vocabularies)
    assert found["wide_city_x_colour_xf"] == "city_x_colour_xf"
    assert found["deep_city_xf"] == found["wide_city_xf"] == "city_xf"
    assert len(found) == 9


def test_a_table_of_another_size_than_the_vocabulary_is_left_out():
    model = keras.Sequential([keras.Input((1,)), FeatureEmbedding("city_xf", 3, 2)])
    assert table_features(model, {"city_xf": Vocabulary(4)}) == {}


def test_the_parts_of_a_kernel_in_order():
    first, second = keras.Input((3,), name="first"), keras.Input((1,), name="second")
    embedded = keras.layers.Flatten()(keras.layers.Embedding(5, 4, name="table")(second))
    product = keras.layers.Multiply()([embedded, keras.layers.Dense(4, name="inner")(first)])
    joined = keras.layers.Concatenate()([Dropout(0.1)(product), first, embedded])
    model = keras.Model([first, second], keras.layers.Dense(2, name="outer")(joined))
    assert kernel_parts(model) == {
        "inner": (("first", 3),),
        "outer": (("Multiply(table, inner)", 4), ("first", 3), ("table", 4)),
    }


def test_parts_that_do_not_add_up_and_layers_that_are_shared_are_left_out():
    inputs = keras.Input((3, 2), name="inputs")
    flat = keras.layers.Dense(2, name="flat")(keras.layers.Flatten()(inputs))
    shared = keras.layers.Dense(2, name="shared")
    model = keras.Model(inputs, keras.layers.Dense(1, name="last")(shared(shared(flat))))
    assert kernel_parts(model) == {"last": (("shared", 2),)}


def test_a_model_without_a_graph_has_no_parts():
    class Own(keras.Model):
        def call(self, values):
            return values

    assert kernel_parts(Own()) == {}
