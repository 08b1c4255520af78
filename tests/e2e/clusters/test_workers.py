"""Training on two workers: it completes whatever is killed on the way, and leaves nothing behind."""

import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import harness
import psutil
import pytest
from fakes.fake_trials import processes
from fakes.stuck_workers import put_into

TWO = ("training.strategy=multi_worker", "training.workers=2")
LONG = (*TWO, "training.epochs=20", "training.early_stopping_patience=20", "training.checkpoint_every_steps=5",
        "training.max_restarts=6")  # fmt: skip

# Long enough for imports on a busy machine.
WAIT_S = 240.0


def workers_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The worker processes of a run, by their command line."""
    try:
        children = psutil.Process(process.pid).children(recursive=True)
        return [child for child in children if "components.distributed_trainer.worker" in child.cmdline()]
    except psutil.NoSuchProcess:
        return []


def said_by(task: Path) -> str:
    """The last progress message of a task."""
    heartbeat = task / "heartbeat.json"
    return str(json.loads(heartbeat.read_text())["progress"]) if heartbeat.is_file() else ""


class Watched:
    """A run in another process, whose output is read as it comes."""

    def __init__(self, rows: Path, root: Path, *sets: str, path: str = "") -> None:
        self.root = root
        self.process = harness.start(harness.command(rows, root, *sets), path)
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line.rstrip())

    def until(self, what: Callable[[], object]) -> None:
        """Wait until a condition is true."""
        end_s = time.monotonic() + WAIT_S
        while not what():
            # It may end between the two checks, and the end may be the condition.
            assert self.process.poll() is None or what(), "\n".join(self.lines[-20:])
            assert time.monotonic() < end_s, "\n".join(self.lines[-20:])
            time.sleep(0.02)

    def kill_one(self, index: int) -> float:
        """Kill a worker; return the seconds until a new attempt trains or the run ends."""
        killed_s, before = time.monotonic(), self.attempt()
        os.kill(workers_of(self.process)[index].pid, signal.SIGKILL)
        self.until(lambda: self.process.poll() is not None or (self.attempt() != before and self.trains()))
        return time.monotonic() - killed_s

    def attempt(self) -> Path:
        """The folder of the tasks of the latest attempt."""
        attempts = (self.root / "census" / "artifacts" / "Trainer" / "model").glob("*/cluster/[0-9]*")
        return max(attempts, key=lambda path: int(path.name), default=Path("none"))

    def said(self) -> str:
        """The last progress message of the latest attempt's chief."""
        return said_by(self.attempt() / "worker-0")

    def trains(self) -> bool:
        """Whether the latest attempt's chief has reported a step."""
        return "epoch" in self.said()

    def end(self) -> harness.Outcome:
        """Wait for the end; on a timeout, the failure says how far the run has got."""
        try:
            code = self.process.wait(300)
        except subprocess.TimeoutExpired:
            pulses = [path.read_text() for path in sorted(self.attempt().glob("*/heartbeat.json"))]
            pytest.fail("\n".join([f"at {time.time():.0f}:", *pulses, *self.lines[-20:]]))
        self._reader.join(10)
        return harness.Outcome(code, harness.latest_facts(self.root))


@pytest.fixture(scope="module")
def ingested(tmp_path_factory) -> tuple[Path, Path]:
    """Rows, and the root of a run over them that ended with Transform; a copy of it is beside it."""
    folder = tmp_path_factory.mktemp("ingested")
    rows, root = harness.tiny_rows(folder / "rows"), folder / "runs"
    assert harness.run_here(rows, root, to_node="Transform").code == 0
    shutil.copytree(root, folder / "left")
    return rows, root


@pytest.fixture
def start(ingested) -> Iterator[Callable[..., Watched]]:
    """Start runs that only have to train, in a root as Transform left it; what still runs in the end is killed."""
    rows, root = ingested
    shutil.rmtree(root)
    shutil.copytree(root.with_name("left"), root)
    started: list[Watched] = []

    def start_run(*sets: str, path: str = "") -> Watched:
        started.append(Watched(rows, root, *sets, path=path))
        return started[-1]

    yield start_run
    for run in started:
        run.process.kill()
        run.process.wait()


def record_of(outcome: harness.Outcome, root: Path) -> dict[str, object]:
    """The training record that Trainer wrote."""
    runs = (root / "census" / "artifacts" / "Trainer" / "model_run").glob("*/training.json")
    return dict(json.loads(max(runs, key=lambda path: int(path.parent.name)).read_text(encoding="utf-8")))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_five_kills_at_the_worst_moments_cost_seconds_and_no_step(start, capsys):
    run = start(*LONG)
    resume = run.root / "census" / "artifacts" / "Trainer" / "resume"
    run.until(lambda: len(workers_of(run.process)) == 2)
    lost_s = {"at start": run.kill_one(1)}
    lost_s["within an epoch"] = run.kill_one(1)
    checkpoints = set(resume.rglob("*.index"))
    run.until(lambda: set(resume.rglob("*.index")) - checkpoints)
    lost_s["at a checkpoint"] = run.kill_one(0)
    run.until(lambda: re.search(r"epoch 1\d/20", run.said()))
    lost_s["late"] = run.kill_one(1)
    models = run.root / "census" / "artifacts" / "Trainer" / "model"
    run.until(lambda: list(models.glob("*/Format-Serving")))
    lost_s["at export"] = run.kill_one(0)
    outcome = run.end()
    assert outcome.code == 0, outcome.facts["error"]
    record = record_of(outcome, run.root)
    assert record["workers"] == 2
    assert [len(values) for values in record["history"].values()] == [20] * len(record["history"])
    assert len(harness.versions(run.root)) == 1
    (model,) = models.iterdir()
    assert [path.name for path in model.iterdir()] == ["Format-Serving"]
    assert processes(str(run.root)) == []
    log = Path(outcome.facts["log"]).read_text(encoding="utf-8", errors="replace")
    assert len(set(re.findall(r"restart (\d) of 6", log))) == 5
    with capsys.disabled():
        print("\nseconds lost:", {moment: round(seconds, 1) for moment, seconds in lost_s.items()})
    assert max(lost_s.values()) < 120


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_worker_that_is_stuck_is_named_and_costs_a_restart_of_all(start, tmp_path):
    run = start(*LONG, "training.epochs=12", "training.hang_timeout_s=10", path=put_into(tmp_path / "site"))
    # In a callback, then in a function of the input pipeline, then the whole process stopped.
    run.until(lambda: run.attempt().name == "2" and run.trains())
    os.kill(workers_of(run.process)[1].pid, signal.SIGSTOP)
    outcome = run.end()
    assert outcome.code == 0, outcome.facts["error"]
    told = [line.partition("Trainer: ")[2] for line in run.lines if "Trainer: worker" in line and "restart" in line]
    assert [line.partition(" ")[0] for line in told] == ["worker-1"] * 3
    assert re.search(r"has made no progress for \d+ s while training \(.* in stuck\): restart 1 of 6", told[0])
    assert re.search(r"has made no progress for \d+ s while \w+ \(.* in stuck\): restart 2 of 6", told[1])
    assert re.search(r"sent no heartbeat for \d+ s: restart 3 of 6", told[2])
    assert record_of(outcome, run.root)["workers"] == 2
    assert processes(str(run.root)) == []


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_run_that_is_killed_leaves_no_worker_and_goes_on_when_run_again(start, ingested):
    few = (*LONG, "training.epochs=8")
    run = start(*few)
    run.until(lambda: len(workers_of(run.process)) == 2 and run.trains())
    workers = workers_of(run.process)
    run.process.kill()
    run.process.wait()
    _, alive = psutil.wait_procs(workers, timeout=10)
    assert alive == []
    outcome = harness.run_here(*ingested, *few)
    assert outcome.code == 0, outcome.facts["error"]


@pytest.mark.slow
def test_ctrl_c_stops_the_workers(start):
    run = start(*LONG)
    run.until(lambda: len(workers_of(run.process)) == 2)
    workers = workers_of(run.process)
    run.process.send_signal(signal.SIGINT)
    outcome = run.end()
    assert (outcome.code, outcome.facts["status"]) == (1, "failed")
    assert "interrupted" in outcome.facts["error"]
    _, alive = psutil.wait_procs(workers, timeout=10)
    assert alive == []


@pytest.mark.slow
def test_an_unavailable_backend_is_refused(finished, monkeypatch):
    monkeypatch.delenv("MAINLINE_POD_NAME", raising=False)
    outcome = harness.run_here(finished.rows, finished.root, *TWO, "training.backend=kubernetes", "training.epochs=3")
    assert (outcome.code, outcome.facts["status"]) == (2, "bad input")
    assert "this is not a pod of a cluster" in outcome.facts["error"]
    assert "training.backend=local" in outcome.facts["error"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_under_parameter_servers_a_killed_worker_is_replaced_and_the_job_ends(start):
    run = start("training.strategy=parameter_server", "training.workers=2", "training.parameter_servers=2",
                "training.epochs=12", "training.early_stopping_patience=12")  # fmt: skip
    run.until(lambda: len(workers_of(run.process)) == 5)
    run.until(lambda: re.search(r"epoch \d", said_by(run.attempt() / "chief-0")))
    victim = next(worker for worker in workers_of(run.process) if worker.cmdline()[-1] == "worker-1")
    os.kill(victim.pid, signal.SIGKILL)
    outcome = run.end()
    assert outcome.code == 0, outcome.facts["error"]
    log = Path(outcome.facts["log"]).read_text(encoding="utf-8", errors="replace")
    assert "worker-1 was killed by signal 9: restarted, the other tasks go on" in log
    assert log.count("restarted, the other tasks go on") == 1
    history = record_of(outcome, run.root)["history"]
    assert {len(values) for values in history.values()} == {12}
    assert outcome.facts["verdict"]["checks"][0]["value"] > 0.7


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_large_tables_are_spread_over_parameter_servers(tmp_path, capsys):
    rows = harness.tiny_rows(tmp_path / "rows", "recommender", "time")
    sets = (
        "training.strategy=parameter_server", "training.workers=1", "training.parameter_servers=2",
        "evaluation.bounds=[{metric: AUC, lower: 0.4}]",
    )  # fmt: skip
    outcome = harness.run_here(rows, tmp_path / "runs", *sets, config="recommender", to_node="Trainer")
    assert outcome.code == 0, outcome.facts["error"]
    # In a process of its own this would be in the log of the run; here pytest captures it.
    printed = capsys.readouterr().out
    found = re.search(r"\[chief-0\] (\d+) of (\d+) embedding tables are partitioned over 2 parameter servers", printed)
    assert found
    assert 1 <= int(found.group(1)) < int(found.group(2))
