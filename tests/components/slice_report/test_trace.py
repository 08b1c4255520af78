import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd_pb2
from tfx.orchestration import metadata

from components.slice_report import trace as module
from components.slice_report.trace import from_json, trace

EVENT = mlmd_pb2.Event
COMPLETE, CACHED = mlmd_pb2.Execution.COMPLETE, mlmd_pb2.Execution.CACHED


class Store:
    """A real store with a few words for putting executions into it."""

    def __init__(self, store):
        self.store = store
        self.types = {}
        self.node_type = store.put_context_type(mlmd_pb2.ContextType(name="node"))

    def type_id(self, name):
        if name not in self.types:
            self.types[name] = self.store.put_artifact_type(mlmd_pb2.ArtifactType(name=name))
        return self.types[name]

    def artifact(self, kind, **properties):
        made = mlmd_pb2.Artifact(type_id=self.type_id(kind), uri=f"/{kind}", state=mlmd_pb2.Artifact.LIVE)
        for name, value in properties.items():
            kind_of = "int_value" if isinstance(value, int) else "string_value"
            setattr(made.custom_properties[name], kind_of, value)
        (made.id,) = self.store.put_artifacts([made])
        made.uri += f"/{made.id}"
        self.store.put_artifacts([made])
        return made.id

    def execute(self, node, read, written, state=COMPLETE):
        execution_type = self.store.put_execution_type(mlmd_pb2.ExecutionType(name=node))
        context = mlmd_pb2.Context(type_id=self.node_type, name=f"census.{node}")
        events = [self.event(EVENT.INPUT, artifact, "x") for artifact in read]
        events += [self.event(EVENT.OUTPUT, artifact, key) for key, artifact in written.items()]
        pairs = [(self.store.get_artifacts_by_id([event.artifact_id])[0], event) for event in events]
        made = mlmd_pb2.Execution(type_id=execution_type, last_known_state=state)
        return self.store.put_execution(made, pairs, [context], reuse_context_if_already_exist=True)[0]

    def event(self, kind, artifact, key):
        made = EVENT(type=kind, artifact_id=artifact)
        made.path.steps.add().key = key
        made.path.steps.add().index = 0
        return made


@pytest.fixture
def store(tmp_path):
    with metadata.Metadata(metadata.sqlite_metadata_connection_config(str(tmp_path / "metadata.db"))) as handle:
        yield Store(handle.store)


def run(store, seen=()):
    """Rows to a model and its evaluation; ``seen`` are models that Evaluator compares with."""
    ids = {
        "examples": store.artifact("Examples", input_fingerprint="split:train,xor_checksum:1", span=0),
        "statistics": store.artifact("ExampleStatistics"),
        "schema": store.artifact("Schema"),
        "model": store.artifact("Model"),
        "evaluation": store.artifact("ModelEvaluation"),
    }
    store.execute("ExampleGen", [], {"examples": ids["examples"]})
    store.execute("StatisticsGen", [ids["examples"]], {"statistics": ids["statistics"]})
    store.execute("ImportSchemaGen", [], {"schema": ids["schema"]})
    store.execute("Trainer", [ids["examples"], ids["schema"]], {"model": ids["model"]})
    store.execute("Evaluator", [ids["examples"], ids["model"], *seen], {"evaluation": ids["evaluation"]})
    return ids


def test_exactly_the_ancestors_of_an_artifact_are_found(store):
    ids = run(store)
    found = trace(store.store, [ids["evaluation"]], None)
    names = [(fact.type, fact.producer, fact.output) for fact in found.artifacts]
    assert names == [
        ("Examples", "ExampleGen", "examples"),
        ("Schema", "ImportSchemaGen", "schema"),
        ("Model", "Trainer", "model"),
        ("ModelEvaluation", "Evaluator", "evaluation"),
    ]
    assert set(found.edges) == {
        (ids["examples"], "Evaluator"), (ids["examples"], "Trainer"),
        (ids["schema"], "Trainer"), (ids["model"], "Evaluator"),
    }  # fmt: skip
    assert found.data == (("input_fingerprint", "split:train,xor_checksum:1"), ("span", "0"))
    assert found.baseline is None


def test_a_cached_execution_gives_the_same_trace(store):
    ids = run(store)
    before = trace(store.store, [ids["evaluation"]], None)
    store.execute("Trainer", [ids["examples"], ids["schema"]], {"model": ids["model"]}, CACHED)
    assert trace(store.store, [ids["evaluation"]], None) == before


def test_the_baseline_is_named_without_its_ancestors(store):
    earlier = run(store)
    ids = run(store, seen=[earlier["model"]])
    found = trace(store.store, [ids["evaluation"]], earlier["model"])
    assert {fact.id for fact in found.artifacts} == {
        ids["examples"], ids["schema"], ids["model"], ids["evaluation"], earlier["model"],
    }  # fmt: skip
    assert (earlier["model"], "Evaluator") in found.edges
    assert found.baseline is not None
    assert found.baseline.model_id == earlier["model"]
    assert found.baseline.statistics == f"/ExampleStatistics/{earlier['statistics']}"
    assert found.baseline.schema == f"/Schema/{earlier['schema']}"
    assert found.baseline.report is None


def test_the_ancestors_of_a_warm_start_model_are_left_out(store):
    earlier = run(store)
    examples, model = store.artifact("Examples"), store.artifact("Model")
    store.execute("Trainer", [examples, earlier["model"]], {"model": model})
    found = trace(store.store, [model], None)
    assert {fact.id for fact in found.artifacts} == {examples, model, earlier["model"]}


def test_the_latest_complete_report_on_the_baseline_is_found(store):
    earlier = run(store)
    for _ in range(2):
        latest = store.artifact("SliceReport", model_id=earlier["model"])
    store.artifact("SliceReport", model_id=earlier["model"] + 1)
    (broken,) = store.store.get_artifacts_by_id([store.artifact("SliceReport", model_id=earlier["model"])])
    broken.state = mlmd_pb2.Artifact.ABANDONED
    store.store.put_artifacts([broken])
    assert module.report_of(store.store, earlier["model"]) == f"/SliceReport/{latest}"


def test_a_baseline_may_lack_statistics(store):
    model = store.artifact("Model")
    store.execute("Importer", [], {"model": model})
    found = module.find(store.store, model)
    assert (found.statistics, found.schema, found.report) == (None, None, None)


def test_an_artifact_without_a_producer_is_listed(store):
    found = trace(store.store, [store.artifact("Model")], None)
    assert [(fact.type, fact.producer) for fact in found.artifacts] == [("Model", "")]


def test_a_trace_survives_a_round_trip(store):
    earlier = run(store)
    found = trace(store.store, [run(store, [earlier["model"]])["evaluation"]], earlier["model"])
    assert from_json(found.as_json()) == found
