"""Nodes on Beam's portable job server with workers of their own, as on Flink or Spark, against the same in process.

The workers know the project only from the source distribution that ``--setup_file`` makes: they run in another folder,
and the checkout is not on their path.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tarfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import harness
import pytest
import tensorflow as tf
import tensorflow_model_analysis as tfma
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.evaluation.predictions import read_predictions

pytestmark = pytest.mark.slow
START_S = 60


@dataclass(frozen=True)
class Portable:
    """The artifacts of nodes that ran in process and then on portable workers, and the output of the workers."""

    artifacts: Path
    outcomes: tuple[harness.Outcome, ...]
    workers: str

    def outputs(self, node: str, key: str) -> tuple[Path, Path]:
        """The first and the latest output of a node."""
        first, *_, last = sorted((self.artifacts / node / key).iterdir(), key=lambda path: int(path.name))
        return first, last


@pytest.fixture(scope="module")
def portable(finished, tmp_path_factory) -> Portable:
    folder = tmp_path_factory.mktemp("portable")
    rows, root = finished.rows, finished.root
    with cluster(folder) as arguments:
        given = f"beam_pipeline_args={json.dumps(arguments)}"
        alone = harness.run_here(rows, root, given, from_node="Evaluator", to_node="Evaluator", cache=False)
        before = harness.run_here(rows, root, given, to_node="Transform", cache=False)
    said = (folder / "workers.log").read_text(encoding="utf-8")
    return Portable(root / "census" / "artifacts", (finished.outcome, alone, before), said)


@contextmanager
def cluster(folder: Path) -> Iterator[list[str]]:
    """A job server and a worker pool on loopback; yields the Beam options for them."""
    jobs, workers = free_port(), free_port()
    modules = {
        "apache_beam.runners.portability.local_job_service_main": (f"--port={jobs}", f"--staging_dir={folder}/staged"),
        "apache_beam.runners.worker.worker_pool_main": (f"--service_port={workers}",),
    }
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    # The pool starts the first "python" on the PATH.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(packaged(folder))}
    with ExitStack() as stack:
        log = stack.enter_context(open(folder / "workers.log", "w", encoding="utf-8"))
        for module, options in modules.items():
            process = subprocess.Popen(
                [sys.executable, "-m", module, *options], env=environment, cwd=elsewhere,
                stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
            stack.callback(process.wait)
            stack.callback(os.killpg, process.pid, signal.SIGKILL)
        for port in (jobs, workers):
            wait_for(port)
        yield [
            "--runner=PortableRunner",
            f"--job_endpoint=127.0.0.1:{jobs}",
            "--environment_type=EXTERNAL",
            f"--environment_config=127.0.0.1:{workers}",
            f"--setup_file={harness.ROOT}/setup.py",
        ]


def packaged(folder: Path) -> Path:
    """The modules that a worker image would install from the source distribution."""
    setup = [sys.executable, "setup.py", "-q"]
    subprocess.run([*setup, "sdist", f"--dist-dir={folder}/dist"], cwd=harness.ROOT, check=True)
    (archive,) = (folder / "dist").iterdir()
    with tarfile.open(archive) as packed:
        packed.extractall(folder / "source")
    (source,) = (folder / "source").iterdir()
    subprocess.run([*setup, "build_py", f"--build-lib={folder}/installed"], cwd=source, check=True)
    return folder / "installed"


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def wait_for(port: int) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        with socket.socket() as asking:
            if asking.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise TimeoutError(f"nothing listens at port {port}")


def records(folder: Path) -> Counter[bytes]:
    """The tf.Examples of a split, as a multiset."""
    files = [str(path) for path in folder.glob("*.gz")]
    found = tf.data.TFRecordDataset(files, compression_type="GZIP").as_numpy_iterator()
    return Counter(tf.train.Example.FromString(record).SerializeToString(deterministic=True) for record in found)


def test_every_node_ran_in_the_workers(portable):
    for outcome in portable.outcomes:
        assert outcome.code == 0, outcome.facts["error"]
    _, alone, before = (outcome.states() for outcome in portable.outcomes)
    assert alone["Evaluator"] == "done"
    assert {before[node] for node in ("ExampleGen", "StatisticsGen", "Transform")} == {"done"}
    assert portable.workers.count("Starting worker with command") >= 4


def test_rows_are_the_same(portable):
    here, there = portable.outputs("ExampleGen", "examples")
    for split in harness.SPLITS:
        found = records(there / f"Split-{split}")
        assert found == records(here / f"Split-{split}")
        assert found.total() == harness.TINY[split]


def test_statistics_are_the_same(portable):
    here, there = portable.outputs("StatisticsGen", "statistics")
    for split in harness.SPLITS:
        wanted, found = (
            statistics_pb2.DatasetFeatureStatisticsList.FromString(
                (folder / f"Split-{split}" / "FeatureStats.pb").read_bytes()
            )
            for folder in (here, there)
        )
        assert found == wanted
        assert found.datasets[0].num_examples == harness.TINY[split]


def test_transformed_rows_are_the_same(portable):
    here, there = portable.outputs("Transform", "transformed_examples")
    for split in ("train", "eval"):
        found = records(there / f"Split-{split}")
        assert found == records(here / f"Split-{split}")
        assert found.total() == harness.TINY[split]


def test_predictions_and_metrics_are_the_same(portable):
    here, there = portable.outputs("Evaluator", "evaluation")
    columns = ["over_50k", "score"]
    wanted, found = (read_predictions(str(folder), columns) for folder in (here, there))
    assert found.num_rows == harness.TINY["test"]
    assert found["over_50k"] == wanted["over_50k"]
    assert found["score"].to_numpy() == pytest.approx(wanted["score"].to_numpy(), abs=1e-6)
    metrics = [tfma.load_eval_result(str(folder)).slicing_metrics for folder in (here, there)]
    assert len(metrics[1]) > 1
    assert metrics[1] == metrics[0]
