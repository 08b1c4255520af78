import json
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from fakes import transformed_rows as world

from pipeline.features.kinds.bucketized import Bucketized
from pipeline.features.kinds.categorical import Categorical
from pipeline.features.kinds.exact import Exact
from pipeline.features.layers import FeatureEmbedding
from pipeline.features.table import Table
from pipeline.label import Label
from pipeline.training.warm_start import transfer as module
from pipeline.training.warm_start.transfer import RowCounts, export_warm_start, named_weights, warm_start
from pipeline.training.warm_start.vocabularies import read_vocabularies

# More frequent in reverse, two more, and one gone: every id but one is another.
LATER = ("Turku", "Cork", "Rome", "Lima", "Łódź", "Bergen")
ROWS = world.make_rows()
GROWN = {**ROWS, "city": world.make_rows(seed=1, cities=LATER)["city"]}


@pytest.fixture(scope="module")
def transform():
    return world.shared_transform()


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    """Other cities; the domain of the colours has grown and has another order. Numbers are as before."""
    domain = ("red", "pink", "blue", "green")
    return world.make_transform(tmp_path_factory.mktemp("grown") / "transform", GROWN, domain=domain)


@pytest.fixture(scope="module")
def base(transform, tmp_path_factory):
    """An exported model with random weights."""
    model = world.randomized(world.build_model(), seed=3)
    folder = str(tmp_path_factory.mktemp("model"))
    export_warm_start(folder, model, world.TABLE, transform)
    return folder, model


def scores(model, transform, rows) -> np.ndarray:
    return model(world.batch_of(transform, rows)[0]).numpy().ravel()


def vectors(model, layer, vocabulary) -> dict[str, np.ndarray]:
    return dict(zip(vocabulary.terms, model.get_layer(layer).embeddings.numpy(), strict=False))


def changed(kind, name, **changes) -> Table:
    """The table with one row changed."""
    chosen = {feature: isinstance(feature, kind) and feature.name == name for feature in world.TABLE.features}
    return Table(tuple(replace(row, **changes) if of else row for row, of in chosen.items()), "label")


def test_the_same_vocabularies_give_the_same_scores_at_once(base, transform):
    folder, old = base
    new = world.randomized(world.build_model(), seed=4)
    assert not np.allclose(scores(new, transform, ROWS), scores(old, transform, ROWS))
    outcome = warm_start(new, folder, world.TABLE, transform)
    assert (outcome.base_model, outcome.reason, outcome.left) == (folder, "", ())
    np.testing.assert_array_equal(scores(new, transform, ROWS), scores(old, transform, ROWS))
    assert outcome.tables["deep_city_xf/embeddings"] == RowCounts(kept=7, remapped=0, new=0, dropped=0)
    assert set(outcome.copied) == set(named_weights(new))


def test_every_old_term_keeps_its_vector_in_a_shuffled_and_grown_vocabulary(base, transform, grown):
    folder, old = base
    new = world.build_model()
    outcome = warm_start(new, folder, world.TABLE, grown)
    before, after = read_vocabularies(world.TABLE, transform), read_vocabularies(world.TABLE, grown)
    for layer, name in (("deep_city_xf", "city_xf"), ("wide_city_xf", "city_xf"), ("deep_colour_xf", "colour_xf")):
        was, became = vectors(old, layer, before[name]), vectors(new, layer, after[name])
        common = was.keys() & became.keys()
        assert len(common) >= 3
        assert any(before[name].terms.index(term) != after[name].terms.index(term) for term in common)
        for term in common:
            np.testing.assert_array_equal(became[term], was[term])
    assert outcome.tables["deep_city_xf/embeddings"] == RowCounts(kept=2, remapped=4, new=2, dropped=1)
    assert outcome.tables["deep_colour_xf/embeddings"] == RowCounts(kept=1, remapped=3, new=1, dropped=0)


def test_a_grown_vocabulary_changes_no_score_at_the_first_step(base, transform, grown):
    folder, old = base
    new = world.build_model()
    warm_start(new, folder, world.TABLE, grown)
    unseen = {**GROWN, "city": np.where(np.arange(400) % 3 == 0, "Nowhere", GROWN["city"])}
    # Oslo is gone, and served as any other city from now on.
    known = {**ROWS, "city": np.where(ROWS["city"] == "Oslo", "Lima", ROWS["city"])}
    for rows in (GROWN, known, unseen):
        np.testing.assert_allclose(scores(new, grown, rows), scores(old, transform, rows), rtol=1e-5, atol=1e-6)


def test_a_new_term_begins_with_the_row_that_served_it(base, transform, grown):
    folder, old = base
    new = world.build_model()
    warm_start(new, folder, world.TABLE, grown)
    served = world.batch_of(transform, {**ROWS, "city": np.full(400, "Turku")})[0]["city_xf"][0, 0]
    became = vectors(new, "deep_city_xf", read_vocabularies(world.TABLE, grown)["city_xf"])
    np.testing.assert_array_equal(became["Turku"], old.get_layer("deep_city_xf").embeddings.numpy()[served])


def test_adding_or_removing_a_feature_leaves_all_others_unchanged(base, transform, tmp_path):
    folder, old = base
    table = Table(tuple(feature for feature in world.TABLE.features if not isinstance(feature, Exact)), "label")
    smaller = world.build_model(table)
    outcome = warm_start(smaller, folder, table, transform)
    assert (outcome.reason, outcome.left) == ("", ())
    kernel, before = smaller.get_layer("deep_0").kernel.numpy(), old.get_layer("deep_0").kernel.numpy()
    np.testing.assert_array_equal(kernel, np.delete(before, range(2 * world.WIDTH, 3 * world.WIDTH), axis=0))

    export_warm_start(str(tmp_path), smaller, table, transform)
    larger = world.randomized(world.build_model(), seed=5)
    fresh = larger.get_layer("deep_0").kernel.numpy()
    again = warm_start(larger, str(tmp_path), world.TABLE, transform)
    assert again.left == ("deep_gain_value_xf/embeddings", "wide_gain_value_xf/embeddings")
    kernel = larger.get_layer("deep_0").kernel.numpy()
    np.testing.assert_array_equal(np.delete(kernel, range(8, 12), axis=0), np.delete(before, range(8, 12), axis=0))
    np.testing.assert_array_equal(kernel[8:12], fresh[8:12])


def test_another_number_of_buckets_is_not_matched(base, transform):
    table = changed(Bucketized, "age", buckets=3)
    model = world.build_model(table)
    fresh = model.get_layer("deep_age_bucket_xf").embeddings.numpy()
    outcome = warm_start(model, base[0], table, transform)
    assert outcome.tables["deep_age_bucket_xf/embeddings"] == RowCounts(kept=0, remapped=0, new=4, dropped=5)
    np.testing.assert_array_equal(model.get_layer("deep_age_bucket_xf").embeddings.numpy(), fresh)


def test_another_number_of_hash_buckets_is_not_matched(base, transform):
    table = Table((*world.TABLE.features[:-1], replace(world.TABLE.features[-1], hash_buckets=8)), "label")
    model = world.build_model(table)
    outcome = warm_start(model, base[0], table, transform)
    assert outcome.tables["wide_city_x_colour_xf/embeddings"] == RowCounts(kept=0, remapped=0, new=8, dropped=16)
    assert not model.get_layer("wide_city_x_colour_xf").embeddings.numpy().any()


class Inside(keras.layers.Layer):
    """A layer with a table inside."""

    def __init__(self, table) -> None:
        super().__init__(name="inside")
        self.table = table

    def call(self, ids):
        return self.table(ids)


def own_model(kind) -> keras.Model:
    """A model of a user with a table of cities, by a plain layer or one that knows its feature."""
    arguments = (world.TABLE.features[0].id_count, world.WIDTH)
    plain = kind == "plain" or kind == "inside"
    table = (
        keras.layers.Embedding(*arguments, name="own_city_xf")
        if plain
        else FeatureEmbedding("city_xf", *arguments, name="own_city_xf")
    )
    ids = keras.Input((1,), name="city_xf", dtype="int64")
    vector = keras.layers.Flatten(name="flat")((Inside(table) if kind == "inside" else table)(ids))
    return world.randomized(keras.Model(ids, keras.layers.Dense(1, name="last")(vector)))


@pytest.mark.parametrize(
    ("old", "new"), [("plain", "plain"), ("plain", "known"), ("known", "plain"), ("inside", "inside")]
)
def test_a_table_of_unknown_terms_is_not_copied_once_terms_have_moved(old, new, transform, grown, tmp_path, caplog):
    caplog.set_level("INFO", "mainline.progress")
    before, model = own_model(old), own_model(new)
    export_warm_start(str(tmp_path), before, world.TABLE, transform)
    fresh = world.randomized(model, seed=9).get_weights()
    outcome = warm_start(model, str(tmp_path), world.TABLE, grown)
    (name,) = outcome.left
    assert name.endswith("own_city_xf/embeddings")
    assert outcome.copied == ("last/kernel", "last/bias")
    np.testing.assert_array_equal(model.get_weights()[0], fresh[0])
    np.testing.assert_array_equal(model.get_weights()[1], before.get_weights()[1])
    (message,) = caplog.messages
    assert message.startswith(f"warm start leaves {name} at the initial weights")


@pytest.mark.parametrize("kind", ["plain", "known", "inside"])
def test_a_table_of_unknown_terms_is_copied_if_none_has_moved(kind, transform, tmp_path, caplog):
    caplog.set_level("INFO", "mainline.progress")
    before, model = own_model(kind), world.randomized(own_model(kind), seed=9)
    export_warm_start(str(tmp_path), before, world.TABLE, transform)
    assert warm_start(model, str(tmp_path), world.TABLE, transform).left == ()
    np.testing.assert_array_equal(model.get_weights()[0], before.get_weights()[0])
    assert not caplog.messages


@pytest.mark.parametrize("path", [None, ""])
def test_no_base_model_is_a_cold_start(path, transform):
    assert warm_start(world.build_model(), path, world.TABLE, transform).reason == "there is no blessed model yet"


def cold(folder, transform, model=None) -> str:
    """Return the reason of a cold start, which must leave the model unchanged."""
    model = model or world.build_model()
    before = model.get_weights()
    outcome = warm_start(model, str(folder), world.TABLE, transform)
    assert (outcome.base_model, outcome.tables, outcome.copied) == ("", {}, ())
    assert all(np.array_equal(*pair) for pair in zip(before, model.get_weights(), strict=True))
    return outcome.reason


def test_a_model_without_extra_files_is_a_cold_start(transform, tmp_path):
    assert cold(tmp_path, transform) == f"{tmp_path} was exported without assets.extra/warm_start.npz"


@pytest.mark.parametrize("name", ["warm_start.npz", "vocabularies.json"])
def test_broken_files_are_a_cold_start(name, base, transform, tmp_path):
    folder, _ = base
    tf.io.gfile.makedirs(f"{tmp_path}/assets.extra")
    for file in ("warm_start.npz", "vocabularies.json"):
        tf.io.gfile.copy(f"{folder}/assets.extra/{file}", f"{tmp_path}/assets.extra/{file}")
    (tmp_path / "assets.extra" / name).write_bytes(b"{}")
    assert cold(tmp_path, transform).startswith(f"{tmp_path}/assets.extra cannot be read: ")


def test_files_of_another_version_are_a_cold_start(base, transform, monkeypatch):
    monkeypatch.setattr(module, "VERSION", 2)
    assert cold(base[0], transform).endswith("assets.extra is of version 1, not 2")


def labelled(positive: str) -> Table:
    values = ("no", "yes") if positive == "yes" else ("yes", "no")
    return replace(world.TABLE, label=Label("label", positive=positive, values=values))


def test_a_score_that_means_something_else_is_a_cold_start(base, transform, tmp_path):
    """Of texts, which one counts as 1 may have changed."""
    export_warm_start(str(tmp_path), base[1], labelled("yes"), transform)
    assert warm_start(world.build_model(), str(tmp_path), labelled("yes"), transform).reason == ""
    reasons = [
        warm_start(world.build_model(), folder, table, transform).reason
        for folder, table in ((str(tmp_path), labelled("no")), (str(tmp_path), world.TABLE), (base[0], labelled("no")))
    ]
    assert reasons == [
        "another label: 'yes' and 'no', in the base model 'no' and 'yes'",
        "another label: 0 and 1, in the base model 'no' and 'yes'",
        "another label: 'yes' and 'no', in the base model 0 and 1",
    ]


@pytest.mark.parametrize("content", [b"{", b"{}"])
def test_a_label_that_cannot_be_read_is_a_cold_start(content, base, transform, tmp_path):
    export_warm_start(str(tmp_path), base[1], labelled("yes"), transform)
    (tmp_path / "assets.extra" / "label.json").write_bytes(content)
    assert "assets.extra cannot be read: " in cold(tmp_path, transform)


def test_another_width_is_a_cold_start(base, transform):
    reason = cold(base[0], transform, world.build_model(units=(16, 4)))
    assert reason == "another width: deep_1/bias has shape (4,), in the base model (8,)"


def test_another_architecture_is_a_cold_start(base, transform):
    reason = cold(base[0], transform, world.build_model(units=(16, 8, 8)))
    assert reason == "another architecture: the base model has no deep_2/bias"
    reason = cold(base[0], transform, world.build_model(units=(16,)))
    assert reason.startswith("another architecture: the base model has deep_1/bias")


def test_another_embedding_width_is_a_cold_start(base, transform):
    reason = cold(base[0], transform, world.build_model(changed(Categorical, "city", embedding=2)))
    assert reason == "another width: deep_city_xf/embeddings has shape (14, 2), in the base model (14, 4)"


def test_the_outcome_goes_into_a_record(base, transform):
    outcome = warm_start(world.build_model(), base[0], world.TABLE, transform)
    assert json.loads(json.dumps(outcome.as_record()))["tables"]["wide_colour_xf/embeddings"]["kept"] == 4


def test_two_weights_of_one_name_are_refused():
    first, second = (keras.layers.Dense(1, name="same") for _ in range(2))
    model = keras.Sequential([keras.Input((1,)), keras.Sequential([first]), keras.Sequential([second])])
    with pytest.raises(ValueError, match="two layers of the model have one name"):
        named_weights(model)


@pytest.mark.parametrize("strategy", [tf.distribute.MirroredStrategy, tf.distribute.MultiWorkerMirroredStrategy])
def test_under_a_strategy_every_copy_of_a_weight_is_set(strategy, base, transform, monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    folder, old = base
    scope = strategy()
    with scope.scope():
        new = world.build_model()
        warm_start(new, folder, world.TABLE, transform)
    np.testing.assert_allclose(scores(new, transform, ROWS), scores(old, transform, ROWS), rtol=1e-6)
    for mine, theirs in zip(new.weights, old.weights, strict=True):
        for copy in scope.experimental_local_results(mine):
            np.testing.assert_array_equal(copy.numpy(), theirs.numpy())


def test_a_training_continues_from_a_warm_start(base, transform):
    folder, _ = base
    model = world.compiled(world.build_model())
    warm_start(model, folder, world.TABLE, transform)
    features, labels = world.batch_of(transform, ROWS)
    first = model.evaluate(features, labels, verbose=0)[0]
    model.fit(features, labels, epochs=3, verbose=0)
    assert model.evaluate(features, labels, verbose=0)[0] < first
