"""Names that a model could not be exported with, or that two features share, are refused when the table is read."""

import pytest

from pipeline.errors import ConfigError, did_you_mean
from pipeline.features.kinds.bucketized import Bucketized
from pipeline.features.kinds.categorical import Categorical
from pipeline.features.kinds.crossed import Crossed
from pipeline.features.kinds.exact import Exact
from pipeline.features.kinds.multi_hot import MultiHot
from pipeline.features.kinds.numeric import Numeric
from pipeline.features.names import LONGEST
from pipeline.features.table import Table

CITY = Categorical("city", vocabulary=9, embedding=2)


@pytest.mark.parametrize(
    ("name", "instead"),
    [("home.city", "home_city"), ("distance km", "distance_km"), ("a/b", "a_b"), ("1st", "x_1st"), ("größe", "gr_e"),
     ("", "column"), ("_lead", "lead"), ("a-b", "a_b"), ("a:0", "a_0"), ("日本", "column"), ("a\n", "a"),
     ("a'b", "a_b"), ("self", "x_self"),
     ("x" * (LONGEST + 1), "x" * (LONGEST - 2))],
)  # fmt: skip
@pytest.mark.parametrize(
    "make",
    [Numeric, lambda name: Bucketized(name, buckets=3), lambda name: Categorical(name, vocabulary=3),
     lambda name: Exact(name, vocabulary=3), lambda name: MultiHot(name, vocabulary=3, domain_of="city")],
)  # fmt: skip
def test_a_column_that_cannot_be_an_input_is_refused_with_a_name_that_can(name, instead, make):
    with pytest.raises(ConfigError) as caught:
        Table((CITY, make(name)), label="y")
    assert repr(name[:LONGEST]) in caught.value.where
    assert f"to {instead!r}" in caught.value.next_step
    Table((CITY, make(instead)), label="y")


@pytest.mark.parametrize("name", ["a", "A1_b", "class", "name", "function", "x" * LONGEST, "price_xf"])
def test_other_names_pass(name):
    Table((CITY, Numeric(name)), label="y")


CLASHES = {
    "a number twice": (Numeric("price"), Numeric("price", log=True)),
    "a number and an id": (Numeric("age"), Categorical("age", vocabulary=3)),
    "a feature twice": (Numeric("age"), Numeric("age")),
    "a column called as buckets": (Bucketized("age", buckets=3), Numeric("age_bucket")),
    "a column called as a value": (Exact("age", vocabulary=3), Numeric("age_value")),
    "a column called as a flag": (Numeric("age", optional=True), Numeric("age_missing")),
    "a column called as a cross": (Crossed(("city", "city"), 9), Numeric("city_x_city")),
    "crosses of other names": (
        Categorical("a", 3), Categorical("a_x_b", 3), Categorical("b", 3), Categorical("b_x_a", 3),
        Crossed(("a_x_b", "a"), 9), Crossed(("a", "b_x_a"), 9),
    ),
    "the label": (Numeric("y"),),
    "a column called as a linear weight": (Categorical("n", 3), Numeric("wide_n")),
    "a column called as an embedding": (Categorical("n", 3, embedding=2), Numeric("deep_n")),
}  # fmt: skip


@pytest.mark.parametrize("case", CLASHES)
def test_features_that_come_to_one_name_are_refused_with_both(case):
    with pytest.raises(ConfigError, match="come to one name") as caught:
        Table((CITY, *CLASHES[case]), label="y")
    assert caught.value.received
    assert type(CLASHES[case][-1]).__name__ in caught.value.problem


def test_names_that_differ_only_by_case_are_refused():
    with pytest.raises(ConfigError, match=r"Categorical\('city'\) and Numeric\('City'\) .* differ only by case"):
        Table((CITY, Numeric("City")), label="y")


def test_the_same_column_may_stand_in_rows_of_other_kinds():
    features = (Numeric("age", optional=True), Bucketized("age", 3), Exact("age", 9), CITY, Numeric("age_xf"))
    assert len(Table((*features, Crossed(("age_bucket", "city"), 9)), label="y").features) == 6


def test_a_cross_names_features_that_there_are():
    with pytest.raises(ConfigError) as caught:
        Table((CITY, Numeric("age"), Crossed(("City", "age_bucket"), 9)), label="y")
    assert (caught.value.received, caught.value.next_step) == ("City", "Did you mean 'city'?")
    with pytest.raises(ConfigError, match="age_bucket"):
        Table((CITY, Numeric("age"), Crossed(("city", "age_bucket"), 9)), label="y")
    with pytest.raises(ConfigError, match="no such categorical feature, and no such buckets") as caught:
        Table((CITY, Exact("age", vocabulary=3), Crossed(("city", "age"), 9)), label="y")
    assert caught.value.exit_code == 2


def test_a_column_that_is_left_out_takes_the_crosses_of_its_buckets_with_it():
    table = Table((CITY, Bucketized("age", 3), Crossed(("city", "age_bucket"), 9), Numeric("n")), label="y")
    assert table.without(["age"]).features == (CITY, Numeric("n"))
    assert table.without(["city"]).features == (Bucketized("age", 3), Numeric("n"))
    assert table.without(["n"]).features == table.features[:3]


def test_the_nearest_name_is_found_whatever_the_case():
    assert did_you_mean("SEX", ["age", "sex"]) == "Did you mean 'sex'?"
    assert did_you_mean("merital_status", ["marital_status", "age"]) == "Did you mean 'marital_status'?"
    assert did_you_mean("zzz", ["age"]) == ""
