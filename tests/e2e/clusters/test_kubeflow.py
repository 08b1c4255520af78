"""A compiled pipeline run pod by pod: the command of every container, with ML Metadata on a real server."""

import itertools
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import harness
import numpy as np
import pytest
from fakes.databases import PASSWORD, STARTERS, Server
from fakes.kubeflow.compiling import make_package
from fakes.kubeflow.pipeline_runs import LOST_STORE, NO_VOLUME, Cluster, Ran, bound, stop_group

from components.evaluation.predictions import read_predictions
from pipeline.config.load import load_config
from pipeline.kubeflow.compile.package import Package
from pipeline.kubeflow.pod.node_records import read_record
from pipeline.run.history import read_config
from pipeline.run.local.lease import acquire, holder, lease_file

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
ONE_RETRY = "kubeflow.pod.retries=1"
SECRETS = {"mainline-metadata": {"password": PASSWORD}}


class Installed:
    """A volume with rows, a database server, and packages for both."""

    def __init__(self, folder: Path, server: Server) -> None:
        self.folder = folder
        self.server = server
        self.mount = folder / "mnt"
        self.volume = folder / "volume"
        self.rows = harness.tiny_rows(self.volume / "rows")
        self.runs = self.volume / "runs" / "census"
        self._numbers = itertools.count()

    def package(self, *sets: str) -> Package:
        place = (f"kubeflow.mount_path={self.mount}", f"kubeflow.root={self.mount}/runs", "kubeflow.image=image")
        rows = harness.settings(self.mount / "rows")
        return make_package(load_config("census", (*rows, *place, *self.server.settings(), *sets), env="kubeflow"))

    def cluster(self, volume: str = "", **more) -> Cluster:
        shown = self.folder / f"shown-{next(self._numbers)}"
        return Cluster(shown, volume or bound(self.volume), **{"secrets": SECRETS, **more})

    def inside(self, path: str) -> Path:
        """A path inside a pod, as seen from outside."""
        return self.volume / Path(path).relative_to(self.mount)


@pytest.fixture(scope="module")
def mariadb(tmp_path_factory) -> Iterator[Server]:
    with STARTERS["mysql"](tmp_path_factory.mktemp("mariadb")) as server:
        yield server


@pytest.fixture(scope="module")
def installed(tmp_path_factory, mariadb) -> Installed:
    return Installed(tmp_path_factory.mktemp("kubeflow"), mariadb)


@pytest.fixture(scope="module")
def first(installed) -> Ran:
    """The first run of a pipeline."""
    return installed.cluster().run(installed.package().text)


def logs(ran: Ran) -> str:
    """The output of failed pods."""
    return "\n".join(one.log[-3000:] for tries in ran.tries.values() for one in tries if one.code)


def test_the_whole_graph_runs_pod_by_pod(first, installed):
    assert first.succeeded, logs(first)
    facts = first.summary()
    assert (facts["status"], facts["exit_code"]) == ("pushed", 0)
    assert {node["state"] for node in facts["nodes"]} == {"done"}
    assert set(first.tries) == {node["node"] for node in facts["nodes"]} | {"Finish"}
    assert first.ended[-1] == "Finish"
    rows = {node["node"]: node["rows_out"] for node in facts["nodes"]}
    assert (rows["ExampleGen"], rows["StatisticsGen"], rows["Evaluator"]) == (2200, 2200, 400)
    assert (installed.inside(facts["model"]) / "READY.json").is_file()


def test_the_model_is_that_of_the_local_runner(first, installed, finished):
    here = finished.outcome.facts
    ours = read_predictions(str(installed.inside(first.summary()["evaluation"])))
    theirs = read_predictions(here["evaluation"])
    for column in ("score", "label"):
        if column in theirs.column_names:
            np.testing.assert_allclose(ours.column(column).to_numpy(), theirs.column(column).to_numpy(), atol=1e-6)
    here_checks, there_checks = (facts["verdict"]["checks"] for facts in (here, first.summary()))
    assert [check["value"] for check in there_checks] == pytest.approx([check["value"] for check in here_checks])


def test_its_page_shows_verdict_slices_and_report(first, installed):
    facts = first.summary()
    text = (first.shown["Evaluator"] / "markdown").read_text(encoding="utf-8")
    assert "**Blessed** on 400 test rows" in text
    assert "| sex=Female |" in text
    metrics = json.loads((first.shown["Evaluator"] / "executor_output.json").read_text(encoding="utf-8"))
    value = metrics["artifacts"]["metrics"]["artifacts"][0]["metadata"]["auc"]
    assert value == pytest.approx(facts["verdict"]["checks"][0]["value"])
    report = installed.inside(facts["report"])
    assert (first.shown["Finish"] / "html").read_bytes() == report.read_bytes()
    assert facts["report"] in (first.shown["Finish"] / "markdown").read_text(encoding="utf-8")


def test_it_leaves_what_a_local_run_leaves(first, installed):
    facts = first.summary()
    history = installed.inside(facts["folder"])
    assert {path.name for path in history.iterdir()} == {"config.yaml", "summary.json", "nodes"}
    assert json.loads((history / "summary.json").read_text(encoding="utf-8"))["run"] == facts["run"]
    assert holder(installed.runs) is None


def test_a_second_run_takes_all_from_the_cache_but_the_resolver(first, installed):
    assert first.succeeded
    again = installed.cluster().run(installed.package().text)
    assert again.succeeded, logs(again)
    assert again.summary()["status"] == "up to date"
    # Other nodes are compared with the rows of ExampleGen, even if it was cached.
    record = read_record(installed.inside(again.summary()["folder"]), "ExampleGen")
    assert record is not None
    assert record.rows == {"train": 1500, "eval": 300, "test": 400}
    done = [node for node, state in again.states().items() if state != "cached"]
    assert done == ["Baseline"]
    assert len(list((installed.runs / "serving").glob("[0-9]*"))) == 1


def killing(node: str, when: Callable[[], bool], once: "set[str]") -> Callable[..., None]:
    """Kill the first pod of a node once a condition is true."""

    def started(name, process):
        if name != node or name in once:
            return
        once.add(name)

        def watch():
            while process.poll() is None and not when():
                threading.Event().wait(0.05)
            stop_group(process)

        threading.Thread(target=watch, daemon=True).start()

    return started


@pytest.fixture(scope="module")
def third(first, installed) -> Ran:
    """A run with overrides whose Trainer is killed midway and whose model is not blessed."""
    resume = installed.runs / "artifacts" / "Trainer" / "resume"
    cluster = installed.cluster(started=killing("Trainer", lambda: any(resume.rglob("*.index")), set()))
    overrides = "{training: {checkpoint_every_steps: 2}, evaluation: {bounds: [{metric: AUC, lower: 0.9999}]}}"
    return cluster.run(installed.package().text, training_epochs=8, overrides=overrides)


def test_a_killed_pod_is_retried_and_the_run_completes(third, installed):
    assert [one.code for one in third.tries["Trainer"]] == [-9, 0], logs(third)
    assert third.states()["Trainer"] == "done"
    records = (installed.runs / "artifacts" / "Trainer" / "model_run").glob("*/training.json")
    record = json.loads(max(records, key=lambda path: int(path.parent.name)).read_text(encoding="utf-8"))
    assert {len(values) for values in record["history"].values()} == {8}


def test_parameters_and_overrides_of_a_run_change_only_what_they_affect(third, installed):
    states = third.states()
    assert (states["Transform"], states["Trainer"], states["Evaluator"]) == ("cached", "done", "done")
    config = read_config(installed.inside(third.summary()["folder"]))
    assert (config.training.epochs, config.training.checkpoint_every_steps) == (8, 2)


def test_a_model_that_is_not_blessed_fails_the_run_and_is_not_pushed(third, installed):
    assert [name for name, tries in third.tries.items() if tries[-1].code] == ["Finish"]
    assert (third.tries["Finish"][0].code, len(third.tries["Finish"])) == (3, 1)
    facts = third.summary()
    assert (facts["status"], facts["exit_code"], facts["model"]) == ("not blessed", 3, None)
    assert len(list((installed.runs / "serving").glob("[0-9]*"))) == 1


def test_a_wrong_password_is_reported_by_every_pod(installed):
    secrets = {"mainline-metadata": {"password": "wrong"}}
    ran = installed.cluster(secrets=secrets).run(installed.package().text)
    assert {node for node, tries in ran.tries.items() if tries[-1].code} == {"ExampleGen", "ImportSchemaGen", "Finish"}
    # A failure that no retry can fix is reported again at once, without TFX.
    assert [one.code for one in ran.tries["ExampleGen"]] == [2, 2, 2]
    assert "the server refuses the user or the database" in ran.tries["ExampleGen"][-1].last_line
    assert "wrong" not in logs(ran).replace("wrong password", "")
    assert holder(installed.runs) is None


def test_a_full_volume_is_reported(installed):
    # Full, except for space for the few small files with which a run starts.
    volume = (
        f'mount -t tmpfs -o size=2m tmpfs "$1"; cp -r "{installed.rows}" "$1/rows"; '
        'head -c 9999999 /dev/zero > "$1/old" 2>/dev/null || true; truncate -s -40960 "$1/old"'
    )
    ran = installed.cluster(volume).run(installed.package(ONE_RETRY).text)
    last = ran.tries["ExampleGen"][-1]
    assert (last.code, len(ran.tries["ExampleGen"])) == (1, 2)
    assert "the disk is full; nothing was pushed" in last.last_line, last.log[-3000:]


def test_an_unreachable_object_store_is_reported(installed):
    ran = installed.cluster(LOST_STORE).run(installed.package(ONE_RETRY).text)
    last = ran.tries["ExampleGen"][-1]
    assert last.code == 1
    assert "the object store behind it, does not respond" in last.last_line
    assert len(ran.tries["ExampleGen"]) == 2


def test_a_pod_without_its_volume_writes_nothing(installed):
    ran = installed.cluster(NO_VOLUME).run(installed.package().text)
    assert "no volume is mounted" in ran.tries["ExampleGen"][-1].last_line
    assert list(installed.mount.iterdir()) == []


def test_a_concurrent_run_is_refused(installed):
    acquire(installed.runs, "another", 3600.0)
    try:
        ran = installed.cluster().run(installed.package().text)
        assert "in use by another" in ran.tries["ExampleGen"][-1].last_line
        assert holder(installed.runs) == "another"
    finally:
        lease_file(installed.runs).unlink()
