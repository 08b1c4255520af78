import pytest
from tensorflow_metadata.proto.v0 import schema_pb2

from components.arrow_example_gen.splitting.assignment import Splitting
from pipeline.config.data import SplitBy
from pipeline.errors import ConfigError
from pipeline.settings.split import make_splitting
from pipeline.splits import SPLITS

SCHEMA = schema_pb2.Schema()
for NAME, KIND in {"user_id": "BYTES", "at": "INT", "price_usd": "FLOAT"}.items():
    SCHEMA.feature.add(name=NAME, type=schema_pb2.FeatureType.Value(KIND))


def asked(**values) -> SplitBy:
    return SplitBy.model_validate(values, strict=False)


@pytest.mark.parametrize(
    ("split_by", "expected"),
    [
        (None, None),
        (asked(key="user_id"), Splitting("key", "user_id", SPLITS, (800_000, 900_000))),
        (
            asked(key="at", shares={"train": 0.5, "eval": 0.25, "test": 0.25}),
            Splitting("key", "at", SPLITS, (500_000, 750_000)),
        ),
        (asked(time="at", cuts=(10, 20)), Splitting("time", "at", SPLITS, (10, 20))),
        (
            asked(time="price_usd", cuts=(1.5, 2.0)),
            Splitting("time", "price_usd", SPLITS, (1.5, 2.0)),
        ),
    ],
)
def test_the_splitting_of_a_config(split_by, expected):
    assert make_splitting(split_by, SCHEMA) == expected


@pytest.mark.parametrize(
    ("split_by", "where", "problem", "fit"),
    [
        (asked(key="user"), "data.split_by.key", "no such column", "user_id, at"),
        (asked(key="price_usd"), "data.split_by.key", "unsuitable type", "user_id, at"),
        (asked(time="at", cuts=("2025-01", "2025-02")), "data.split_by.time", "unsuitable type", "BYTES: user_id"),
        (asked(time="user_id", cuts=(1, 2)), "data.split_by.time", "unsuitable type", "INT or FLOAT: at, price_usd"),
    ],
)
def test_an_unsuitable_column_is_named_with_suitable_ones(split_by, where, problem, fit):
    with pytest.raises(ConfigError, match=problem) as caught:
        make_splitting(split_by, SCHEMA)
    assert caught.value.where == where
    assert fit in caught.value.expected


@pytest.mark.parametrize(
    ("split_by", "where", "text"),
    [
        (asked(time="user_id", cuts=("1.10.2025", "15.11.2025")), "data.split_by.cuts", "time_format"),
        (asked(time="user_id", cuts=("2025-10-01", "2025-11-15T00:00Z")), "data.split_by.cuts", "zone"),
        (asked(time="user_id", cuts=("2025-10-1", "2025-9-30")), "data.split_by.cuts", "later"),
        (asked(time="user_id", cuts=("9.2.2025", "10.1.2025"), time_format="%d.%m.%Y"), "data.split_by.cuts", "later"),
        (
            asked(time="user_id", cuts=("1 May", "1 Jun"), time_format="%d %b %y"),
            "data.split_by.time_format",
            "%b",
        ),
        (asked(time="user_id", cuts=("1", "2"), time_format="%d"), "data.split_by.time_format", "%Y"),
        (asked(time="price_usd", cuts=(1735689600.0, 1738368000.0)), "data.split_by.cuts", "INT"),
    ],
)
def test_cuts_that_cannot_be_compared_are_refused(split_by, where, text):
    with pytest.raises(ConfigError) as caught:
        make_splitting(split_by, SCHEMA)
    assert caught.value.where == where
    assert text in str(caught.value)


def test_a_cut_is_a_whole_number_in_the_range_of_the_column():
    with pytest.raises(ConfigError, match="out of the range of 64-bit integers"):
        make_splitting(asked(time="at", cuts=(1, 2**63)), SCHEMA)


def test_text_cuts_are_ordered_as_times():
    asked_for = asked(time="user_id", cuts=("9.1.2025", "10.1.2025"), time_format="%d.%m.%Y")
    assert make_splitting(asked_for, SCHEMA) == Splitting("time", "user_id", SPLITS, asked_for.cuts, "%d.%m.%Y")
