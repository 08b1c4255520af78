"""Preprocessing functions for the tests, referred to by dotted path."""

import tensorflow as tf
import tensorflow_transform as tft

from pipeline.features.kinds.bucketized import Bucketized
from pipeline.features.kinds.categorical import Categorical
from pipeline.features.kinds.crossed import Crossed
from pipeline.features.kinds.exact import Exact
from pipeline.features.kinds.multi_hot import MultiHot
from pipeline.features.kinds.numeric import Numeric
from pipeline.features.preprocess import transform
from pipeline.features.table import Table


def dense(column, default=0):
    """A column as (batch, 1)."""
    if not isinstance(column, tf.SparseTensor):
        return column
    default = "" if column.dtype == tf.string else default
    one_wide = tf.SparseTensor(column.indices, column.values, [column.dense_shape[0], 1])
    return tf.ensure_shape(tf.sparse.to_dense(one_wide, default), [None, 1])


def as_float(column):
    return tf.cast(dense(column), tf.float32)


def taxi(inputs):
    """The preprocessing of TFX's template, with all its features."""
    outputs = {}
    for name in ("trip_miles", "fare", "trip_seconds"):
        outputs[f"{name}_xf"] = tft.scale_to_z_score(as_float(inputs[name]))
    for name in ("payment_type", "company"):
        terms = tft.compute_and_apply_vocabulary(dense(inputs[name]), top_k=1000, num_oov_buckets=10)
        outputs[f"{name}_xf"] = terms
    for name in ("pickup_latitude", "pickup_longitude", "dropoff_latitude", "dropoff_longitude"):
        outputs[f"{name}_xf"] = tft.bucketize(tf.squeeze(dense(inputs[name], 0.0), 1), 10)
    for name in ("trip_start_hour", "trip_start_day", "trip_start_month", "pickup_census_tract"):
        outputs[f"{name}_xf"] = dense(inputs[name])
    outputs["tips_xf"] = tf.cast(inputs["tips"] > inputs["fare"] * 0.2, tf.int64)
    return outputs


def numbers(inputs):
    """All numeric analyzers, on dense columns, sparse columns and vectors."""
    fare, seconds = inputs["fare"], inputs["trip_seconds"]
    pair = tf.concat([inputs["trip_miles"], inputs["tips"]], 1)
    constants = {
        "mean": tft.mean(fare),
        "variance": tft.var(fare),
        "least": tft.min(inputs["trip_miles"]),
        "greatest": tft.max(seconds),
        "sum": tf.cast(tft.sum(inputs["trip_start_hour"]), tf.float32),
        "size": tf.cast(tft.size(seconds), tf.float32),
        "quantile": tft.quantiles(fare, 4, 0.01)[0, 1],
        "covariance": tft.covariance(pair, tf.float32)[0, 1],
        "sums": tft.sum(pair, reduce_instance_dims=False)[1],
    }
    outputs = {name: tf.fill(tf.shape(fare), value) for name, value in constants.items()}
    outputs["z"] = tft.scale_to_z_score(pair, elementwise=True)
    outputs["unit"] = tft.scale_to_0_1(as_float(seconds))
    outputs["range"] = tft.scale_by_min_max(fare, -1.0, 1.0)
    outputs["sparse_z"] = tft.scale_to_z_score(
        tf.SparseTensor(seconds.indices, tf.cast(seconds.values, tf.float32), seconds.dense_shape)
    )
    outputs["bucket"] = tft.bucketize(fare, 7)
    outputs["pca"] = tf.ensure_shape(tf.matmul(pair, tft.pca(pair, 1, tf.float32)), [None, 1])
    return outputs


def words(inputs):
    """All kinds of vocabularies that TensorFlow Transform counts."""
    company, hour = dense(inputs["company"]), inputs["trip_start_hour"]
    payment = inputs["payment_type"]
    tft.vocabulary(company, vocab_filename="all")
    tft.vocabulary(company, top_k=5, vocab_filename="five", store_frequency=True)
    tft.vocabulary(company, frequency_threshold=40, vocab_filename="frequent")
    tft.vocabulary(company, vocab_filename="shuffled", fingerprint_shuffle=True)
    tft.vocabulary(company, vocab_filename="reserved", reserved_tokens=["[PAD]", "Taxi Affiliation Services"])
    tft.vocabulary(payment, weights=inputs["fare"], vocab_filename="weighted")
    tft.vocabulary(payment, weights=hour, vocab_filename="weighted_by_hour", store_frequency=True)
    tft.vocabulary(company, frequency_threshold=10**9, vocab_filename="empty")
    tft.vocabulary(company, top_k=3, frequency_threshold=10**9, vocab_filename="empty_top")
    tft.vocabulary(hour, top_k=7, vocab_filename="hours", store_frequency=True)
    tft.vocabulary(company, file_format="tfrecord_gzip", vocab_filename="records")
    return {
        "company": tft.compute_and_apply_vocabulary(company, top_k=20, num_oov_buckets=3),
        "sparse": tft.compute_and_apply_vocabulary(inputs["company"], default_value=-7),
        "hour": tft.compute_and_apply_vocabulary(hour, vocab_filename="hour"),
        "text": payment,
        "sparse_text": inputs["company"],
    }


def phases(inputs):
    """Analyzers on the outputs of analyzers, three deep, one through a vocabulary's table."""
    centred = inputs["fare"] - tft.mean(inputs["fare"])
    scaled = centred / tft.max(centred)
    ids = tft.compute_and_apply_vocabulary(dense(inputs["company"]), vocab_filename="company")
    high = tf.strings.as_string(tft.bucketize(scaled, 3))
    joined = tf.strings.join([high, tf.strings.as_string(ids)], "-")
    return {
        "scaled": scaled,
        "id_z": tft.scale_to_z_score(tf.cast(ids, tf.float32)),
        "joined": tft.compute_and_apply_vocabulary(joined, top_k=12, vocab_filename="joined"),
    }


def keys(inputs):
    """Analyzers for each key."""
    payment = tf.squeeze(inputs["payment_type"], 1)
    found, counts = tft.count_per_key(payment)
    return {
        "z": tft.scale_to_z_score_per_key(tf.squeeze(inputs["fare"], 1), payment),
        "unit": tft.scale_to_0_1_per_key(tf.squeeze(inputs["trip_miles"], 1), payment),
        "most": tf.fill(tf.shape(payment), tf.gather(found, tf.argmax(counts))),
        "count": tf.fill(tf.shape(payment), tf.reduce_max(counts)),
    }


def plain(inputs):
    """No analyzer."""
    return {"double": inputs["fare"] * 2.0, "companies": inputs["company"]}


def counted(inputs):
    """Analyzers that do not depend on batches: counts, extremes and vocabularies."""
    return {
        "company": tft.compute_and_apply_vocabulary(dense(inputs["company"]), vocab_filename="company"),
        "unit": tft.scale_to_0_1(inputs["fare"]),
    }


def by_label(inputs):
    """A vocabulary by mutual information, which only stock Transform supports."""
    label = tf.cast(inputs["tips"] > 0, tf.int64)
    return {"company": tft.compute_and_apply_vocabulary(dense(inputs["company"]), labels=label, top_k=10)}


def ragged(inputs):
    """A ragged column, which only stock Transform supports."""
    return {"letters": tf.strings.bytes_split(tf.squeeze(inputs["payment_type"], 1)), "fare": inputs["fare"]}


def first_half(inputs):
    """Half of the rows of a batch."""
    return {"fare": inputs["fare"][::2]}


def configured(inputs, custom_config):
    """A function with settings."""
    return {"fare": inputs["fare"] * custom_config["factor"]}


def by_table(inputs):
    """Features from a table, one of them a logarithm."""
    table = Table((Numeric("x", log=True), Numeric("z"), Numeric("z_opt", optional=True)), label="y")
    return transform(table, inputs, {})


def quotient(inputs):
    """A function of a user's own that divides by what may be 0."""
    return {"share_xf": inputs["x"] / inputs["z"]}


EVERY_KIND = Table(
    (
        Numeric("whole"),
        Exact("whole", vocabulary=40, oov=3, min_count=1, embedding=2),
        Bucketized("whole", buckets=4, embedding=2),
        Numeric("whole_opt", optional=True),
        Exact("whole_opt", vocabulary=40, oov=3, min_count=1, embedding=2),
        Bucketized("whole_opt", buckets=4, embedding=2),
        Numeric("real"),
        Numeric("amount", log=True),
        Numeric("real_opt", optional=True),
        Bucketized("real_opt", buckets=4, embedding=2),
        Categorical("text", vocabulary=40, oov=3, embedding=2),
        Categorical("text_opt", vocabulary=40, oov=3, embedding=2),
        Categorical("kind", vocabulary=3, oov=2, closed=True, embedding=2),
        MultiHot("kinds", vocabulary=3, domain_of="kind"),
        Crossed(("text", "whole_bucket"), hash_buckets=50),
        Crossed(("text_opt", "real_opt_bucket"), hash_buckets=50),
    ),
    label="y",
)


def every_kind(inputs):
    """Features of every kind, of required columns and of optional ones."""
    return transform(EVERY_KIND, inputs, {"kind": ["é", "\U0001f680", "plain"]})
