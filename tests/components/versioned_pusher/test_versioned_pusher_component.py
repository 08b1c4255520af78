import json
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from fakes.reviews import NOW, make_report
from tfx.dsl.components.common.importer import Importer
from tfx.dsl.components.common.resolver import Resolver
from tfx.orchestration import metadata
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import pusher_pb2
from tfx.types import standard_artifacts
from tfx.types.channel import Channel

from components.artifacts.model_digest import content_digest
from components.artifacts.record.reports import reports
from components.artifacts.record.withdrawals import withdrawals
from components.artifacts.report_files import digest
from components.artifacts.served_versions import latest_version, served, versions, withdrawn_versions
from components.artifacts.types import ReviewDecision, SliceReport
from components.review.strategy import ApprovedReport
from components.slice_report.facts.encoding import to_json
from components.versioned_pusher.component import VersionedPusher
from pipeline.errors import InputError, MainlineError
from pipeline.review import ledger
from pipeline.review.rollback import roll_back
from pipeline.run.console import ProgressHandler
from pipeline.run.local.graph import Graph, compile_pipeline

NAME = "tiny"


ROOT = Path(__file__).resolve().parents[3]
KILLED = """
import os, signal, sys
from pathlib import Path
import ml_metadata as mlmd
from fakes.reviews import NOW
from tfx.orchestration import metadata
from components.artifacts.record.reports import reports
from components.versioned_pusher import versions
from pipeline.review.rollback import roll_back
root = Path(sys.argv[1])
versions.os.rename = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
store = mlmd.MetadataStore(metadata.sqlite_metadata_connection_config(str(root / "metadata.db")))
report = next(found for found in reports(store, "tiny") if found.digest == sys.argv[2])
roll_back(store, report, root, "Ada", "worse", NOW)
"""


class Quiet:
    """An observer that does not care."""

    def note(self, text): ...

    def nodes(self, statuses): ...

    def changed(self, status): ...

    def progressed(self, status): ...


class Tiny:
    """Model, blessing and report as they are, then the review and the push, launched as a run launches them."""

    def __init__(self, folder, blessed=True):
        self.root, self.serving, self.blessed = folder, folder / "serving", blessed
        (folder / "blessing").mkdir()
        self.runs = 0
        # Reports of earlier releases do not name their model by its digest.
        self.names_model = False
        self.train("weights")

    def train(self, weights):
        """Another model, with a report of its own; the same one again if there was one with these weights."""
        self.model = self.root / f"model-{weights}" / "Format-Serving"
        self.model.mkdir(parents=True, exist_ok=True)
        (self.model / "saved_model.pb").write_text(weights, encoding="utf-8")
        self.judged = content_digest(self.model)
        self.write_report()

    def write_report(self):
        content = to_json(make_report("r1", self.blessed, content_digest(self.model), NAME))
        self.report = self.root / f"report-{self.model.parent.name}"
        self.report.mkdir(exist_ok=True)
        (self.report / "report.json").write_bytes(content)
        self.digest = digest(content)

    def pipeline(self, review) -> Pipeline:
        model = Importer(str(self.model.parent), standard_artifacts.Model, custom_properties={"tfx_version": "1.16.0"})
        model = model.with_id("Model")
        blessing = Importer(
            str(self.root / "blessing"), standard_artifacts.ModelBlessing,
            custom_properties={"blessed": int(self.blessed), "current_model_id": 1, "model_digest": self.judged},
        ).with_id("Blessing")  # fmt: skip
        report = Importer(
            str(self.report), SliceReport,
            custom_properties={
                "report_digest": self.digest, "pipeline": NAME, "run": "r1", "blessed": int(self.blessed),
                "model_id": 1, **({"model_digest": self.judged} if self.names_model else {}),
            },
        ).with_id("Report")  # fmt: skip
        resolver = Resolver(
            strategy_class=ApprovedReport, report=report.outputs["result"], decision=Channel(type=ReviewDecision)
        ).with_id("Approval")
        pusher = VersionedPusher(
            model=model.outputs["result"],
            model_blessing=blessing.outputs["result"],
            push_destination=pusher_pb2.PushDestination(
                filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=str(self.serving))
            ),
            review=review,
            report=resolver.outputs["report"],
            decision=resolver.outputs["decision"],
        ).with_id("Pusher")
        return Pipeline(
            NAME, str(self.root / "artifacts"), components=[model, blessing, report, resolver, pusher],
            metadata_connection_config=metadata.sqlite_metadata_connection_config(str(self.root / "metadata.db")),
            enable_cache=True,
        )  # fmt: skip

    def run(self, review="required") -> dict:
        """State of the pusher and what it says of the model."""
        self.runs += 1
        graph = Graph(compile_pipeline(self.pipeline(review), f"run{self.runs}", None, None), Quiet(), HANDLER)
        for node in graph.to_run():
            graph.launch(node)
        (pushed,) = graph.outputs["Pusher"]
        facts = {name: pushed.properties.get(name) for name in ("pushed", "review")}
        return {"state": graph.statuses["Pusher"].state, **facts}

    def decide(self, decision):
        with metadata.Metadata(metadata.sqlite_metadata_connection_config(str(self.root / "metadata.db"))) as handle:
            report = next(found for found in reports(handle.store, NAME) if found.digest == self.digest)
            assert ledger.decide(handle.store, report, decision, "Ada", "looked at it", NOW).new

    def roll_back_killed(self):
        """Start a rollback in another process, which is killed after its record and before it renames a folder."""
        killed = subprocess.run([sys.executable, "-c", KILLED, str(self.root), self.digest], cwd=ROOT)
        assert killed.returncode == -signal.SIGKILL

    def roll_back(self):
        with metadata.Metadata(metadata.sqlite_metadata_connection_config(str(self.root / "metadata.db"))) as handle:
            report = next(found for found in reports(handle.store, NAME) if found.digest == self.digest)
            assert roll_back(handle.store, report, self.root, "Ada", "worse", NOW)


HANDLER = ProgressHandler(Quiet())


@pytest.fixture
def tiny(tmp_path):
    return Tiny(tmp_path)


def serves(tiny) -> bool:
    """Whether the largest version with a marker, and the largest of all, is the model of the latest run."""
    latest = latest_version(tiny.serving)
    return content_digest(latest) == content_digest(tiny.model) and int(latest.name) == versions(tiny.serving)[-1]


def said(state, pushed, review) -> dict:
    return {"state": state, "pushed": pushed, "review": review}


def test_a_blessed_model_waits_and_is_pushed_once_its_report_is_approved(tiny):
    assert tiny.run() == said("done", 0, "awaiting")
    assert tiny.run() == said("cached", 0, "awaiting")
    assert versions(tiny.serving) == []
    tiny.decide("approved")
    assert tiny.run() == said("done", 1, "approved")
    assert tiny.run() == said("cached", 1, "approved")
    (version,) = versions(tiny.serving)
    marker = json.loads((tiny.serving / str(version) / "READY.json").read_text(encoding="utf-8"))
    assert marker["model_digest"] == content_digest(tiny.model)


def test_a_rejected_model_is_never_pushed(tiny):
    tiny.run()
    tiny.decide("rejected")
    assert tiny.run() == said("done", 0, "rejected")
    assert tiny.run() == said("cached", 0, "rejected")
    assert versions(tiny.serving) == []


def test_without_a_review_a_rejected_model_is_not_pushed_either(tiny):
    tiny.run("none")
    other = tiny.model
    tiny.train("other")
    assert tiny.run("none")["pushed"] == 1
    tiny.decide("rejected")
    assert tiny.run("none") == said("done", 0, "rejected")
    assert tiny.run("none") == said("cached", 0, "rejected")
    assert len(versions(tiny.serving)) == 2
    assert other != tiny.model


def test_a_model_that_was_taken_out_of_serving_is_not_pushed_again(tiny):
    tiny.run("none")
    tiny.train("worse")
    tiny.run("none")
    first, second = versions(tiny.serving)
    tiny.roll_back()
    assert versions(tiny.serving) == [first]
    assert tiny.run("none") == said("done", 0, "rejected")
    assert versions(tiny.serving) == [first]
    tiny.train("weights")
    assert tiny.run("none")["pushed"] == 1
    assert versions(tiny.serving) == [first]
    assert (tiny.serving / f".{second}.withdrawn").is_dir()


def test_an_altered_decision_stops_the_push(tiny):
    tiny.run("none")
    tiny.train("other")
    tiny.run("none")
    tiny.decide("rejected")
    with sqlite3.connect(tiny.root / "metadata.db") as database:
        database.execute("UPDATE ArtifactProperty SET string_value = 'approved' WHERE name = 'decision'")
    shutil.rmtree(tiny.serving)
    with pytest.raises(MainlineError, match="the decision on this model was altered; nothing was pushed"):
        tiny.run("none")
    assert versions(tiny.serving) == []


def test_without_a_review_a_blessed_model_is_pushed_at_once(tiny):
    assert tiny.run("none") == said("done", 1, None)
    assert len(versions(tiny.serving)) == 1


def test_a_model_that_is_not_blessed_is_never_pushed(tmp_path):
    tiny = Tiny(tmp_path, blessed=False)
    assert tiny.run() == said("done", 0, None)
    assert tiny.run("none") == said("done", 0, None)
    assert versions(tiny.serving) == []


def test_a_new_report_waits_for_its_own_approval(tiny):
    tiny.run()
    tiny.decide("approved")
    (tiny.model / "saved_model.pb").write_text("other weights", encoding="utf-8")
    tiny.write_report()
    assert tiny.run() == said("done", 0, "awaiting")
    assert versions(tiny.serving) == []


def test_a_report_edited_after_the_approval_stops_the_push(tiny):
    tiny.run()
    tiny.decide("approved")
    path = tiny.report / "report.json"
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(MainlineError, match="not the approved report; nothing was pushed") as caught:
        tiny.run()
    assert (caught.value.expected, caught.value.received) == (tiny.digest, digest(path.read_bytes()))
    assert versions(tiny.serving) == []


def test_a_model_changed_after_the_approval_is_not_pushed(tiny):
    tiny.run()
    tiny.decide("approved")
    approved = content_digest(tiny.model)
    (tiny.model / "saved_model.pb").write_text("other weights", encoding="utf-8")
    with pytest.raises(MainlineError, match="not the model of the approved report") as caught:
        tiny.run()
    assert (caught.value.expected, caught.value.received) == (approved, content_digest(tiny.model))
    assert versions(tiny.serving) == []


def test_a_model_damaged_after_it_was_judged_is_not_pushed(tiny):
    assert tiny.run("none") == said("done", 1, None)
    (tiny.model / "saved_model.pb").write_text("damaged", encoding="utf-8")
    # What is served is what was judged.
    assert tiny.run("none") == said("cached", 1, None)
    shutil.rmtree(tiny.serving)
    with pytest.raises(MainlineError, match="not the evaluated model; nothing was pushed"):
        tiny.run("none")
    assert versions(tiny.serving) == []


@pytest.mark.parametrize("review", ["none", "required"])
def test_the_model_of_the_latest_run_is_served_even_if_settings_change_back(tiny, review):
    for turn, weights in enumerate("abab"):
        tiny.train(weights)
        if review == "required" and turn < 2:
            assert tiny.run(review)["pushed"] == 0
            tiny.decide("approved")
        outcome = tiny.run(review)
        assert (outcome["state"], outcome["pushed"]) == ("done", 1)
        assert serves(tiny)
        assert len(versions(tiny.serving)) == turn + 1
        assert tiny.run(review)["state"] == "cached"
    tiny.train("c")
    assert tiny.run("required") == said("done", 0, "awaiting")
    tiny.train("b")
    assert tiny.run(review)["state"] == "cached"


def remove_all(serving):
    shutil.rmtree(serving)


def remove_latest(serving):
    shutil.rmtree(latest_version(serving))


def spoil_marker(serving):
    (latest_version(serving) / "READY.json").write_text("{", encoding="utf-8")


def edit_model(serving):
    (latest_version(serving) / "saved_model.pb").write_text("edited", encoding="utf-8")


def put_another_above(serving):
    shutil.copytree(latest_version(serving), serving / "9999999999")
    edit_model(serving)


@pytest.mark.parametrize("change", [remove_all, remove_latest, spoil_marker, edit_model, put_another_above])
def test_an_outdated_push_is_not_answered_from_the_cache(tiny, change):
    assert tiny.run("none")["state"] == "done"
    change(tiny.serving)
    assert tiny.run("none") == said("done", 1, None)
    assert serves(tiny)
    assert tiny.run("none")["state"] == "cached"


def test_repeated_execution_ids_do_not_write_into_existing_folders(tiny):
    tiny.run("none")
    before = {path: path.read_bytes() for path in (tiny.root / "artifacts").glob("Pusher/pushed_model/*/*")}
    (tiny.root / "metadata.db").unlink()
    with pytest.raises(InputError, match="written by another execution with the same id"):
        tiny.run("none")
    assert before
    assert {path: path.read_bytes() for path in before} == before


def made(**arguments) -> VersionedPusher:
    channels = {"model": Channel(standard_artifacts.Model), "model_blessing": Channel(standard_artifacts.ModelBlessing)}
    return VersionedPusher(**channels, push_destination=pusher_pb2.PushDestination(), **arguments)


def test_an_unknown_review_is_refused():
    with pytest.raises(InputError, match="no such review"):
        made(review="maybe")


@pytest.mark.parametrize("given", [{}, {"report": Channel(SliceReport)}, {"decision": Channel(ReviewDecision)}])
def test_a_review_needs_report_and_decision(given):
    with pytest.raises(InputError, match="needs the channels report and decision"):
        made(review="required", **given)


def test_report_and_decision_may_be_left_out_without_a_review():
    assert set(made().inputs) == {"model", "model_blessing"}


def test_a_push_between_a_killed_rollback_and_its_retry_stays_served(tiny, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{ROOT / 'tests'}")
    tiny.names_model = True
    for weights in ("good", "worse"):
        tiny.train(weights)
        assert tiny.run("none")["pushed"] == 1
    good, worse = versions(tiny.serving)
    tiny.roll_back_killed()
    assert versions(tiny.serving) == [good, worse]
    tiny.train("new")
    assert tiny.run("none")["pushed"] == 1
    new = versions(tiny.serving)[-1]
    tiny.train("worse")
    tiny.roll_back()
    assert versions(tiny.serving) == [good, new]
    assert served(tiny.serving).number == new
    (kept,) = withdrawn_versions(tiny.serving)
    assert (kept.number, kept.digest) == (worse, content_digest(kept.folder))
    assert {path.name for path in tiny.serving.iterdir()} == {str(good), str(new), f".{worse}.withdrawn"}
    with metadata.Metadata(metadata.sqlite_metadata_connection_config(str(tiny.root / "metadata.db"))) as handle:
        made = withdrawals(handle.store, NAME)
    assert [(found.version, found.serves) for found in made] == [(worse, good), (worse, new)]
    with pytest.raises(InputError, match="not what is served"):
        tiny.roll_back()
