import pytest
from tensorflow_metadata.proto.v0 import schema_pb2

from pipeline.errors import ConfigError
from pipeline.label import Label
from pipeline.task.labels import gate_labels
from pipeline.workloads.contract import load_workload


def schema(**types) -> schema_pb2.Schema:
    return schema_pb2.Schema(feature=[schema_pb2.Feature(name=name, type=kind) for name, kind in types.items()])


@pytest.mark.parametrize("kind", [schema_pb2.INT, schema_pb2.FLOAT])
def test_the_gate_gets_the_labels_of_the_task(kind):
    assert gate_labels(Label("late"), schema(late=kind)) == {"column": "late", "task": "binary", "values": [0, 1]}


def test_text_is_no_label():
    with pytest.raises(ConfigError, match="the label of a binary task has the wrong type") as caught:
        gate_labels(Label("late"), schema(late=schema_pb2.BYTES))
    assert (caught.value.received, caught.value.exit_code) == ("BYTES", 2)


def test_a_label_missing_from_the_schema_is_reported_with_the_nearest_name():
    with pytest.raises(ConfigError, match="no such column in the schema") as caught:
        gate_labels(Label("Late"), schema(late=schema_pb2.INT))
    assert caught.value.next_step == "Did you mean 'late'?"


@pytest.mark.parametrize("name", ["census", "impressions", "recommender"])
def test_the_labels_of_our_workloads_are_of_their_task(name):
    from tfx.utils import io_utils

    workload = load_workload(name)
    assert gate_labels(workload.table.target, io_utils.SchemaReader().read(str(workload.schema)))
