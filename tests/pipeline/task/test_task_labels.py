import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from pipeline.errors import ConfigError
from pipeline.label import Label
from pipeline.task.labels import gate_labels, resolve
from pipeline.workloads.contract import load_workload, read_schema

CHURNED = 'feature { name: "churned" type: BYTES string_domain { value: "yes" value: "no" } }'
SHARED = """
string_domain { name: "answer" value: "no" value: "yes" }
feature { name: "churned" type: BYTES domain: "answer" }
"""
YES = Label("churned", positive="yes")


def schema(**types) -> schema_pb2.Schema:
    return schema_pb2.Schema(feature=[schema_pb2.Feature(name=name, type=kind) for name, kind in types.items()])


def parsed(text: str) -> schema_pb2.Schema:
    return text_format.Parse(text, schema_pb2.Schema())


@pytest.mark.parametrize("kind", [schema_pb2.INT, schema_pb2.FLOAT])
def test_the_gate_gets_the_labels_of_the_task(kind):
    label = resolve(Label("late"), schema(late=kind))
    assert label.is_plain
    assert gate_labels(label) == {"column": "late", "task": "binary", "values": [0, 1]}


@pytest.mark.parametrize("text", [CHURNED, SHARED])
@pytest.mark.parametrize(("positive", "values"), [("yes", ("no", "yes")), ("no", ("yes", "no"))])
def test_a_label_of_texts_has_the_domain_of_its_column_the_positive_one_last(text, positive, values):
    label = resolve(Label("churned", positive=positive), parsed(text))
    assert (label.values, label.is_plain) == (values, False)
    assert gate_labels(label) == {"column": "churned", "task": "binary", "values": list(values)}


def test_text_is_no_label_without_the_text_that_counts_as_1():
    with pytest.raises(ConfigError, match="the label of a binary task has the wrong type") as caught:
        resolve(Label("churned"), parsed(CHURNED))
    assert (caught.value.received, caught.value.exit_code) == ("BYTES", 2)
    assert caught.value.next_step == "Write label=Label('churned', positive='no') in the feature table."


def test_a_number_needs_no_positive():
    with pytest.raises(ConfigError, match="positive is for a column of text") as caught:
        resolve(Label("late", positive="1"), schema(late=schema_pb2.INT))
    assert caught.value.received == "positive='1', and INT in the schema"


@pytest.mark.parametrize(
    ("text", "received"),
    [
        ('feature { name: "churned" type: BYTES }', "no string_domain"),
        ('feature { name: "churned" type: BYTES string_domain { value: "yes" } }', "'yes'"),
        (CHURNED.replace('value: "no"', 'value: "no" value: "?"'), "'yes', 'no', '?'"),
        (CHURNED.replace('"yes"', '"Yes"'), "'Yes', 'no'"),
    ],
)
def test_the_domain_of_a_binary_label_has_two_texts_one_of_them_the_positive_one(text, received):
    with pytest.raises(ConfigError, match="its domain is not that of a binary label") as caught:
        resolve(YES, parsed(text))
    assert (caught.value.received, caught.value.exit_code) == (received, 2)


def test_a_label_missing_from_the_schema_is_reported_with_the_nearest_name():
    with pytest.raises(ConfigError, match="no such column in the schema") as caught:
        resolve(Label("Late"), schema(late=schema_pb2.INT))
    assert caught.value.next_step == "Did you mean 'late'?"


@pytest.mark.parametrize("name", ["census", "impressions", "recommender"])
def test_the_labels_of_our_workloads_are_of_their_task(name):
    workload = load_workload(name)
    assert resolve(workload.table.target, read_schema(workload)) == workload.table.target
