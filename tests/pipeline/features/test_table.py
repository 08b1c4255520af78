import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

import pipeline
from pipeline.errors import ConfigError
from pipeline.features.feature import Transformed
from pipeline.features.kinds.bucketized import Bucketized
from pipeline.features.kinds.categorical import Categorical
from pipeline.features.kinds.crossed import Crossed
from pipeline.features.kinds.multi_hot import MultiHot
from pipeline.features.kinds.numeric import Numeric
from pipeline.features.table import Table, closed_columns, raw_columns, transformed_features

ROOT = Path(pipeline.__file__).parents[1]
FEATURES = (
    Numeric("age"),
    Numeric("income", log=True, optional=True),
    Bucketized("age", buckets=5),
    Categorical("city", vocabulary=500, oov=4),
    Categorical("sex", vocabulary=2, closed=True),
    MultiHot("genres", vocabulary=19, domain_of="genre"),
    Crossed(("age_bucket", "city"), hash_buckets=50),
)


@pytest.mark.parametrize(
    ("feature", "name"),
    [
        (Numeric("age"), "age_xf"),
        (Numeric("age", optional=True), "age_xf"),
        (Bucketized("age", buckets=5), "age_bucket_xf"),
        (Categorical("city", vocabulary=3), "city_xf"),
        (MultiHot("genres", vocabulary=3, domain_of="genre"), "genres_xf"),
        (Crossed(("a", "b", "c"), hash_buckets=9), "a_x_b_x_c_xf"),
    ],
)
def test_a_feature_is_named_after_its_columns(feature, name):
    assert feature.transformed_name == name


def test_the_flag_of_a_missing_number_has_a_name_of_its_own():
    assert Numeric("age", optional=True).missing_name == "age_missing_xf"


@pytest.mark.parametrize(
    ("feature", "ids"),
    [
        (Categorical("city", vocabulary=500), 501),
        (Categorical("city", vocabulary=500, oov=4), 504),
        (Bucketized("age", buckets=5), 6),
        (Crossed(("a", "b"), hash_buckets=9), 9),
    ],
)
def test_ids_leave_room_for_the_unknown_and_the_missing(feature, ids):
    assert feature.id_count == ids


def test_a_table_lists_the_columns_after_preprocessing():
    assert transformed_features(FEATURES) == (
        Transformed("age_xf", "float32"),
        Transformed("income_xf", "float32"),
        Transformed("income_missing_xf", "float32"),
        Transformed("age_bucket_xf", "int64"),
        Transformed("city_xf", "int64"),
        Transformed("sex_xf", "int64"),
        Transformed("genres_xf", "float32", 19),
        Transformed("age_bucket_x_city_xf", "int64"),
    )


def test_an_empty_table_gives_nothing():
    assert (transformed_features(()), raw_columns(()), closed_columns(())) == ((), (), ())


def test_each_raw_column_stands_once_in_the_order_of_the_table():
    assert raw_columns(FEATURES) == ("age", "income", "city", "sex", "genres")


def test_a_cross_asks_for_no_column_that_no_other_row_has():
    assert raw_columns((Categorical("a", vocabulary=2), Crossed(("a", "b_bucket"), hash_buckets=9))) == ("a",)


def test_a_crossed_column_keeps_its_place_before_its_own_row():
    features = (Crossed(("b", "a"), hash_buckets=9), Categorical("a", vocabulary=2), Categorical("b", vocabulary=2))
    assert raw_columns(features) == ("b", "a")


def test_closed_columns_are_those_whose_domain_is_read():
    assert closed_columns(FEATURES) == ("sex", "genre")


def test_a_closed_column_that_others_point_at_stands_once():
    features = (
        Categorical("genre", vocabulary=19, closed=True),
        MultiHot("genres", vocabulary=19, domain_of="genre"),
        MultiHot("tags", vocabulary=19, domain_of="genre"),
    )
    assert closed_columns(features) == ("genre",)


def test_rows_of_a_table_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        FEATURES[0].name = "other"
    with pytest.raises(dataclasses.FrozenInstanceError):
        Table(FEATURES, label="y").label = "z"


def test_the_table_is_read_without_tensorflow():
    code = (
        "import sys, pipeline.features.table, pipeline.workloads.census.features as f; "
        "assert f.TABLE.label and 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.mark.parametrize(
    "feature",
    [
        Bucketized("age", buckets=0), Bucketized("age", buckets=True), Bucketized("age", buckets=5, embedding=-1),
        Categorical("city", vocabulary=10**9), Categorical("city", vocabulary=5, oov=-1),
        Categorical("city", vocabulary=5.0), Crossed(("a", "b"), hash_buckets=0),
        MultiHot("genres", vocabulary=-3, domain_of="genre"),
    ],
)  # fmt: skip
def test_a_size_out_of_its_limits_is_refused(feature):
    with pytest.raises(ConfigError, match="is not usable"):
        Table((feature,), "label")
