"""Statistics of real rows: our executor against that of stock StatisticsGen."""

import inspect
import itertools
import json

import numpy as np
import pyarrow as pa
import pytest
import tensorflow_data_validation as tfdv
from fakes.stock import statistics_runs
from fakes.stock.statistics_runs import EPSILON, by_path, count, exact_part, load, quantile_errors
from harness import write_text
from tensorflow_metadata.proto.v0 import schema_pb2

from components.batch_statistics import counting
from components.examples.parsing import declare
from pipeline.errors import ConfigError, DataError, MainlineError

# TFDV reads its histograms off a thousand quantiles.
READING = 0.001
SPLITS = ("train", "eval", "none")


@pytest.fixture(scope="module", params=["taxi", "census"])
def both(request, written, tmp_path_factory):
    out = tmp_path_factory.mktemp("statistics")
    made = {name: count(name, written[request.param], out) for name in statistics_runs.EXECUTORS}
    return request.param, made


def test_counts_equal_tfdv_in_every_feature(both, tables):
    name, made = both
    for split in SPLITS:
        stock, ours = load(made["stock"], split), load(made["ours"], split)
        assert ours.num_examples == stock.num_examples == tables[name][split].num_rows
        wanted, found = by_path(stock), by_path(ours)
        assert found.keys() == wanted.keys()
        assert {path: exact_part(feature) for path, feature in found.items()} == {
            path: exact_part(feature) for path, feature in wanted.items()
        }
    assert len(found) == 0
    assert len(by_path(load(made["ours"], "train"))) == tables[name]["train"].num_columns


def test_numbers_are_equal_up_to_the_rounding_of_sums(both):
    _, made = both
    for split in ("train", "eval"):
        wanted, found = by_path(load(made["stock"], split)), by_path(load(made["ours"], split))
        for path, feature in wanted.items():
            numbers, ours = feature.num_stats, found[path].num_stats
            assert (ours.mean, ours.std_dev) == pytest.approx((numbers.mean, numbers.std_dev), rel=1e-9), path
            assert [(bucket.low_value, bucket.high_value) for bucket in standard(ours)] == [
                (bucket.low_value, bucket.high_value) for bucket in standard(numbers)
            ]


def standard(numbers):
    return numbers.histograms[0].buckets if numbers.histograms else []


def test_quantiles_and_histograms_are_within_the_error_that_tfdv_promises(both, tables):
    name, made = both
    checked = 0
    for split in ("train", "eval"):
        for path, feature in by_path(load(made["ours"], split)).items():
            if not feature.num_stats.histograms:
                continue
            values = tables[name][split][path[0]].combine_chunks().drop_null().to_numpy()
            assert max(quantile_errors(feature.num_stats, values)) <= EPSILON + READING, path
            checked += 1
    assert checked > 10


def test_declared_columns_do_not_change_the_statistics(both, tables, tmp_path):
    name, made = both
    examples = statistics_runs.write_examples(tmp_path / "rows", tables[name], files=3)
    names = {pa.string(): "BYTES", pa.int64(): "INT", pa.float32(): "FLOAT"}
    declare(examples, {field.name: names[field.type] for field in tables[name]["train"].schema})
    declared = count("ours", examples, tmp_path)
    for split in SPLITS:
        assert by_path(load(declared, split)) == by_path(load(made["ours"], split))


def test_the_artifact_has_the_properties_of_stock(both):
    _, made = both
    ours, stock = made["ours"], made["stock"]
    assert (ours.split_names, ours.span) == (stock.split_names, stock.span)
    found, wanted = (dict(artifact.mlmd_artifact.custom_properties) for artifact in (ours, stock))
    assert found == wanted


def test_a_schema_an_option_and_an_excluded_split_are_as_in_stock(written, tmp_path):
    schema = """
      feature { name: "trip_start_hour" type: INT int_domain { is_categorical: true } }
      feature { name: "company" type: BYTES image_domain {} }
    """
    write_text(tmp_path / "schema" / "schema.pbtxt", schema)
    options = tfdv.StatsOptions(num_top_values=3, num_rank_histogram_buckets=7, feature_allowlist=[
        "trip_start_hour", "company", "payment_type", "absent"])  # fmt: skip
    given = {"stats_options_json": options.to_json(), "exclude_splits": json.dumps(["none", "eval"])}
    made = {
        name: count(name, written["taxi"], tmp_path, tmp_path / "schema", **given) for name in statistics_runs.EXECUTORS
    }
    assert made["ours"].split_names == made["stock"].split_names == '["train"]'
    stock, ours = by_path(load(made["stock"], "train")), by_path(load(made["ours"], "train"))
    assert ours == stock
    assert set(ours) == {("trip_start_hour",), ("company",), ("payment_type",)}
    assert len(ours["trip_start_hour",].string_stats.rank_histogram.buckets) == 7
    assert ours["company",].HasField("bytes_stats")


def test_weighted_statistics_are_those_of_stock(written, tmp_path):
    given = {"stats_options_json": tfdv.StatsOptions(weight_feature="hours_per_week").to_json()}
    made = {name: load(count(name, written["census"], tmp_path, **given), "train")
            for name in statistics_runs.EXECUTORS}  # fmt: skip
    assert made["ours"].weighted_num_examples == made["stock"].weighted_num_examples
    stock, ours = by_path(made["stock"]), by_path(made["ours"])
    assert {path: exact_part(feature) for path, feature in ours.items()} == {
        path: exact_part(feature) for path, feature in stock.items()
    }
    top = ours["education",].string_stats.weighted_string_stats.top_values
    assert top[0].frequency > ours["education",].string_stats.top_values[0].frequency
    for path, feature in stock.items():
        wanted, found = feature.num_stats.weighted_numeric_stats, ours[path].num_stats.weighted_numeric_stats
        assert (found.mean, found.std_dev) == pytest.approx((wanted.mean, wanted.std_dev), rel=1e-9), path


@pytest.mark.parametrize(
    "options",
    [
        {"sample_rate": 0.5},
        {"label_feature": "tips"},
        {"experimental_slice_sqls": ["SELECT STRUCT(company) FROM example.company"]},
        {"experimental_result_partitions": 2},
    ],
)
def test_an_unsupported_option_is_refused(written, tmp_path, options):
    if not options.keys() <= inspect.signature(tfdv.StatsOptions).parameters.keys():
        pytest.skip("TFDV itself does not know it any more")
    options = tfdv.StatsOptions(**options)
    with pytest.raises(ConfigError, match="not supported"):
        count("ours", written["taxi"], tmp_path, stats_options_json=options.to_json())


def test_two_schemas_and_a_sample_rate_are_refused(written, tmp_path):
    write_text(tmp_path / "schema" / "schema.pbtxt", 'feature { name: "tips" type: FLOAT }')
    schema = tfdv.load_schema_text(str(tmp_path / "schema" / "schema.pbtxt"))
    options = tfdv.StatsOptions(schema=schema).to_json()
    with pytest.raises(ConfigError, match="two schemas"):
        count("ours", written["taxi"], tmp_path / "a", tmp_path / "schema", stats_options_json=options)
    with pytest.raises(ConfigError, match="sample_rate_by_split"):
        count("ours", written["taxi"], tmp_path / "b", sample_rate_by_split='{"train": 0.5}')


def test_a_split_without_files_is_refused(tables, tmp_path):
    examples = statistics_runs.write_examples(tmp_path / "examples", {"train": tables["taxi"]["eval"]})
    examples.split_names = '["train", "eval"]'
    with pytest.raises(DataError, match="no examples"):
        count("ours", examples, tmp_path)


def test_a_file_counted_twice_or_not_at_all_fails_the_run(written, tmp_path, monkeypatch):
    monkeypatch.setattr(counting.MergeFiles, "add_input", lambda self, whole, part: part)
    with pytest.raises(MainlineError, match="not every row was counted once"):
        count("ours", written["taxi"], tmp_path)
    assert not list(tmp_path.glob("ours/*/FeatureStats.pb"))


def test_rows_missed_by_a_generator_fail_the_run(tmp_path):
    statistics = statistics_runs.statistics_pb2.DatasetFeatureStatisticsList()
    statistics.datasets.add(num_examples=9)
    with pytest.raises(MainlineError) as error:
        counting.write_statistics(
            counting.SplitStatistics(2, 10, statistics.SerializeToString()), str(tmp_path / "stats.pb"), 2
        )
    assert (error.value.expected, error.value.received) == ("10 rows of 2 files", "9 rows of 2 files")
    assert not list(tmp_path.iterdir())


def test_batches_keep_their_size_limit_and_lose_no_rows(written, tables):
    (path, *_) = sorted(map(str, statistics_runs.Path(written["taxi"].uri, "Split-train").iterdir()))
    columns = schema_pb2.Schema(feature=[schema_pb2.Feature(name="company", type="BYTES")])
    for known, rows in itertools.product((None, columns), (300, 1024, 2500, 16384)):
        sizes = [batch.num_rows for batch in counting.counted_batches(path, known, None, rows)]
        assert sum(sizes) == -(-tables["taxi"]["train"].num_rows // 3)
        assert max(sizes) <= rows
    assert np.unique(sizes).size == 1
