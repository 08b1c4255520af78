"""Every internal part of TFDV and tfx_bsl that ``components.compat.tfdv`` exports, as BatchStatisticsGen uses it."""

import numpy as np
import pyarrow as pa
import tensorflow_data_validation as validation
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.compat import tfdv

BATCH = pa.record_batch([pa.array([[b"a"], [b"b", b"a"], None])], ["text"])


def test_the_options_have_generators_one_of_which_is_for_top_values():
    generators = tfdv.get_generators(validation.StatsOptions())
    kinds = [type(generator) for generator in generators]
    assert kinds.count(tfdv.TopKUniquesStatsGenerator) == 1, "components.compat.tfdv: TopKUniquesStatsGenerator"
    others = [one for one in generators if not isinstance(one, tfdv.TopKUniquesStatsGenerator)]
    assert all(isinstance(one, tfdv.CombinerStatsGenerator) for one in others), "CombinerStatsGenerator"


def test_the_generators_count_a_batch_and_their_statistics_are_merged():
    (basic, *_) = [one for one in tfdv.get_generators(validation.StatsOptions()) if hasattr(one, "add_input")]
    basic.setup()
    counted = basic.extract_output(basic.add_input(basic.create_accumulator(), BATCH))
    merged = tfdv.merge_util.merge_dataset_feature_statistics([counted])
    (dataset,) = merged.datasets
    assert dataset.num_examples == 3, "components.compat.tfdv: merge_util"


def test_the_override_of_weights_is_an_option():
    options = validation.StatsOptions()
    assert hasattr(options, tfdv.WEIGHT_OVERRIDE), "components.compat.tfdv: WEIGHT_OVERRIDE"
    assert not getattr(options, tfdv.WEIGHT_OVERRIDE)


def test_columns_are_enumerated_by_path_and_flattened():
    ((path, array, weights),) = tfdv.arrow_util.enumerate_arrays(
        BATCH, example_weight_map=None, enumerate_leaves_only=True
    )
    assert (path, weights) == (tfdv.FeaturePath(["text"]), None), "components.compat.tfdv: arrow_util"
    kind = tfdv.stats_util.get_feature_type_from_arrow_type(path, array.type)
    assert kind == statistics_pb2.FeatureNameStatistics.STRING, "components.compat.tfdv: stats_util"
    values, rows = tfdv.array_util.flatten_nested(array, True)
    assert (values.to_pylist(), rows.tolist()) == ([b"a", b"b", b"a"], [0, 1, 1]), "components.compat.tfdv: array_util"
    assert tfdv.arrow_util.get_column(BATCH, "none", missing_ok=True) is None
    assert tfdv.table_util.MergeRecordBatches([BATCH, BATCH]).num_rows == 6, "components.compat.tfdv: table_util"


def test_top_values_become_a_protocol_buffer():
    pairs = [tfdv.top_k_uniques.FeatureValueCount(b"a", 2), tfdv.top_k_uniques.FeatureValueCount(b"b", 1)]
    feature = tfdv.top_k_uniques.make_feature_stats_proto_topk_uniques(
        feature_path=tfdv.FeaturePath(["text"]), num_top_values=2, num_rank_histogram_buckets=2, num_unique=2,
        value_count_list=pairs, weighted_value_count_list=[], frequency_threshold=1, weighted_frequency_threshold=1.0,
    )  # fmt: skip
    assert feature.string_stats.unique == 2, "components.compat.tfdv: top_k_uniques"
    assert [top.value for top in feature.string_stats.top_values] == ["a", "b"]


def test_schemas_name_their_bytes_and_categories():
    from tensorflow_metadata.proto.v0 import schema_pb2

    number = schema_pb2.Feature(name="n", type=schema_pb2.INT)
    number.int_domain.is_categorical = True
    schema = schema_pb2.Schema(feature=[number])
    assert tfdv.FeaturePath(["n"]) in tfdv.schema_util.get_categorical_numeric_feature_types(schema)
    assert tfdv.schema_util.get_bytes_features(schema) == []


def test_sketches_estimate_counts():
    values = pa.array([b"a", b"b"])
    unique = tfdv.KmvSketch(16)
    unique.AddValues(values)
    top = tfdv.MisraGriesSketch(
        num_buckets=4, invalid_utf8_placeholder=tfdv.NON_UTF8_PLACEHOLDER, large_string_threshold=10,
        large_string_placeholder=tfdv.LARGE_BYTES_PLACEHOLDER,
    )  # fmt: skip
    top.AddValues(values, pa.array(np.array([3, 1], np.float32)))
    assert unique.Estimate() == 2, "components.compat.tfdv: KmvSketch"
    found = {pair["values"]: pair["counts"] for pair in top.Estimate().to_pylist()}
    assert found == {b"a": 3.0, b"b": 1.0}, "components.compat.tfdv: MisraGriesSketch"
