"""The columns of a schema are checked against the features that read them before any node runs."""

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from pipeline.config.load import load_config
from pipeline.errors import ConfigError
from pipeline.features.column_fit import check_columns
from pipeline.features.kinds.bucketized import Bucketized
from pipeline.features.kinds.categorical import Categorical
from pipeline.features.kinds.crossed import Crossed
from pipeline.features.kinds.exact import Exact
from pipeline.features.kinds.multi_hot import MultiHot
from pipeline.features.kinds.numeric import Numeric
from pipeline.features.layers import wide_and_deep
from pipeline.features.table import Table
from pipeline.pipeline import create_pipeline
from pipeline.settings.graph import domains
from pipeline.workloads import contract, location

COLUMNS = """
feature { name: "whole" type: INT }
feature { name: "real" type: FLOAT }
feature { name: "text" type: BYTES }
feature { name: "kind" type: BYTES string_domain { value: "a" value: "b" value: "c" } }
feature { name: "y" type: INT }
"""


def check(*features, more="", weight=None) -> None:
    schema = text_format.Parse(COLUMNS + more, schema_pb2.Schema())
    check_columns(Table(features, label="y", weight=weight), schema, "schemas/x.pbtxt")


@pytest.mark.parametrize(
    "feature",
    [Numeric("whole"), Numeric("real"), Bucketized("whole", 3), Bucketized("real", 3), Exact("whole", 9),
     Categorical("text", 9), Categorical("kind", 3, closed=True), MultiHot("text", 3, domain_of="kind")],
)  # fmt: skip
def test_a_column_that_is_fit_passes(feature):
    check(feature, weight="real" if feature.name != "real" else "whole")


@pytest.mark.parametrize(
    ("feature", "received"),
    [(Numeric("text"), "BYTES"), (Bucketized("text", 3), "BYTES"), (Categorical("whole", 9), "INT"),
     (Categorical("real", 9), "FLOAT"), (Exact("real", 9), "FLOAT"), (Exact("text", 9), "BYTES"),
     (MultiHot("whole", 3, domain_of="kind"), "INT"), (MultiHot("text", 3, domain_of="whole"), "INT")],
)  # fmt: skip
def test_a_column_of_another_type_is_named_with_its_use(feature, received):
    with pytest.raises(ConfigError, match="wrong type") as caught:
        check(feature)
    assert (caught.value.received, caught.value.exit_code) == (received, 2)


def test_a_weight_is_a_number():
    with pytest.raises(ConfigError, match="wrong type for the weight"):
        check(Numeric("real"), weight="text")


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("kind", ["closed", "several"])
def test_a_vocabulary_smaller_than_the_domain_is_refused(kind, size):
    closed = kind == "closed"
    feature = Categorical("kind", size, closed=True) if closed else MultiHot("text", size, domain_of="kind")
    with pytest.raises(ConfigError, match="smaller than the domain"):
        check(feature)


@pytest.mark.parametrize("feature", [Categorical("z", 2, closed=True), MultiHot("text", 2, domain_of="z")])
def test_a_domain_by_reference_is_a_domain(feature):
    domain = 'string_domain { name: "zs" value: "a" value: "b" value: "c" }'
    with pytest.raises(ConfigError, match="smaller than the domain"):
        check(feature, more=f'feature {{ name: "z" type: BYTES domain: "zs" }} {domain}')


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ('string_domain { value: "b" value: "a" }', ["b", "a"]),
        ('domain: "zs"', ["c", "b"]),
        ('bool_domain { true_value: "yes" false_value: "no" }', ["yes", "no"]),
    ],
)
def test_the_values_of_a_closed_column_come_from_every_kind_of_domain(column, values):
    text = f'feature {{ name: "z" type: BYTES {column} }} string_domain {{ name: "zs" value: "c" value: "b" }}'
    assert domains(text_format.Parse(text, schema_pb2.Schema()), ("z",)) == {"z": values}


@pytest.mark.parametrize("column", ["", 'domain: "absent"', "string_domain { }", "bool_domain { }"])
def test_a_closed_column_without_values_is_named(column):
    schema = text_format.Parse(f'feature {{ name: "z" type: BYTES {column} }}', schema_pb2.Schema())
    with pytest.raises(ConfigError, match="feature z: no values in a domain"):
        domains(schema, ("z",))


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ("", "no type"),
        ("type: STRUCT", "no type"),
        ("type: FLOAT shape { dim { size: 1 } }", "rows may lack it"),
        ("type: FLOAT presence { min_fraction: 1.0 } shape { dim { size: 2 } }", "one value a row"),
        ("type: FLOAT presence { min_fraction: 1.0 } shape { }", "one value a row"),
        ("type: FLOAT lifecycle_stage: DEPRECATED", "not in use"),
        ("type: FLOAT deprecated: true", "not in use"),
    ],
)
def test_a_column_that_transform_cannot_read_is_refused(column, said):
    with pytest.raises(ConfigError, match=said):
        check(Numeric("z"), more=f'feature {{ name: "z" {column} }}')


def test_a_value_that_is_twice_in_a_domain_is_reported():
    more = 'feature { name: "z" type: BYTES string_domain { value: "a" value: "a" } }'
    with pytest.raises(ConfigError, match="twice in the domain"):
        check(Categorical("z", 3, closed=True), more=more)


@pytest.mark.parametrize("feature", [Exact("y", 2), Bucketized("y", 2)])
def test_the_label_is_no_feature(feature):
    with pytest.raises(ConfigError, match="also a feature"):
        Table((Numeric("whole"), feature), label="y")


@pytest.mark.parametrize(
    "make",
    [lambda: Categorical("text", 3, oov=0), lambda: MultiHot("text", 3, domain_of="kind", separator=""),
     lambda: Crossed((), 9)],
)  # fmt: skip
def test_the_table_refuses_features_that_cannot_be_transformed(make):
    with pytest.raises(ConfigError):
        Table((make(),), label="y")


@pytest.mark.parametrize("content", [b"feature { nam: 1 }", b"\xff", b"\x00"])
def test_an_unreadable_schema_is_refused(content, tmp_path, monkeypatch):
    monkeypatch.setattr(location, "SCHEMAS", tmp_path)
    (tmp_path / "census.pbtxt").write_bytes(content)
    config = load_config("census", ("data.dataset=null", "data.path=rows"))
    with pytest.raises(ConfigError, match=r"schemas/census\.pbtxt: cannot be read as a schema"):
        create_pipeline(config, tmp_path, tmp_path / "root")


@pytest.mark.parametrize("name", ["a" * 300, "./census", "..", ".", "", "a\x00b"])
def test_a_workload_is_one_of_those_there_are(name):
    with pytest.raises(ConfigError, match="no such workload"):
        contract.load_workload(name)


@pytest.mark.parametrize(
    "features",
    [(Categorical("a", 9, embedding=2),), (Categorical("a", 9),),
     (Exact("a", 9, embedding=2, wide=False), Numeric("b")),
     (Categorical("a", 9), Categorical("b", 9, wide=False), Crossed(("a", "b"), 5)), (Numeric("b"),)],
)  # fmt: skip
def test_a_model_is_made_of_whatever_features_are_left(features):
    model = wide_and_deep(features, units=(4,), dropout=0.0, seed=0, embedding_l2=0.0, wide_l2=0.0, cross_l2=0.0)
    assert model.output_shape == (None, 1)
