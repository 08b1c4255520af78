"""A run on this machine: config, data, lock, graph, verdict, summary."""

import errno
import logging
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import yaml

from data.fetch import DEFAULT_CACHE
from data.prepare import prepare
from pipeline.config import SPLITS, Config, load_config
from pipeline.errors import DataError, InputError, MainlineError
from pipeline.run.console import ProgressHandler, observing
from pipeline.run.events import Observer
from pipeline.run.lock import exclusive
from pipeline.run.output import libraries_to
from pipeline.run.summary import Summary, end_status, failure_status, near, show

if TYPE_CHECKING:
    from pipeline.run.checks import Verdict
    from pipeline.run.graph import Graph

# As TFX says that a partial run has nothing to build on.
NO_EARLIER_RUN = ("not found in MLMD", "No previous run", "No previous successful executions")
# As the system says it, and as SQLite does.
DISK_FULL = ("No space left on device", "disk is full")


@dataclass(frozen=True)
class Request:
    """What the user typed."""

    config: str = "recommender"
    overrides: tuple[str, ...] = ()
    from_node: str | None = None
    to_node: str | None = None
    cache: bool = True
    root: Path = Path("runs")
    orchestrator: Literal["local", "beam"] = "local"
    as_json: bool = False


@dataclass(frozen=True)
class Place:
    """Where a run keeps its things: the root of its pipeline, and its own folder for log, config and summary."""

    root: Path
    folder: Path
    run_id: str

    @property
    def log(self) -> Path:
        """Everything that any library printed."""
        return self.folder / "run.log"


def run(request: Request) -> int:
    """Runs a pipeline and prints its summary; gives the exit code.

    Raises:
        InputError: before anything started, such as a config that cannot be used.
        MainlineError: another run holds the root.
    """
    config = load_config(request.config, request.overrides)
    run_id = datetime.now().strftime("%Y%m%dT%H%M%S.%f")
    root = request.root.resolve() / config.name
    with exclusive(root, run_id), terminating_as_interrupt():
        place = Place(root, root / "history" / run_id, run_id)
        place.folder.mkdir(parents=True)
        (place.folder / "config.yaml").write_text(yaml.safe_dump(config.model_dump(mode="json")), encoding="utf-8")
        summary = run_in(place, config, request)
        save(summary, place)
    show(summary, request.as_json)
    return summary.exit_code


def save(summary: Summary, place: Place) -> None:
    """Writes the summary beside the log; on a full disk, what is printed must do."""
    try:
        (place.folder / "summary.json").write_text(summary.as_json() + "\n", encoding="utf-8")
    except OSError as error:
        print(f"summary.json could not be written: {error}", file=sys.stderr)


@contextmanager
def terminating_as_interrupt() -> Iterator[None]:
    """Makes SIGTERM end a run as Ctrl-C does, so that the lock, the log and ML Metadata are left in order."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def run_in(place: Place, config: Config, request: Request) -> Summary:
    """Runs with all third-party output in the log."""
    started_s = time.monotonic()
    with libraries_to(place.log) as terminal, observing(terminal) as observer, progress_to(observer) as handler:
        graph, verdict, error = None, None, None
        try:
            observer.note("preparing rows")
            rows = input_rows(config)
            observer.note("loading TensorFlow and TFX")
            graph = make_graph(place, config, request, rows, observer, handler)
            walk(graph, request.orchestrator)
            verdict = judge(graph, config)
        except (Exception, KeyboardInterrupt) as raised:
            logging.getLogger(__name__).error("the run failed", exc_info=True)
            error = as_ours(graph.failure or raised if graph else raised, place)
    return summarize(place, config, request, graph, verdict, error, time.monotonic() - started_s)


@contextmanager
def progress_to(observer: Observer) -> Iterator[ProgressHandler]:
    """Everything logged goes to the log file; what executors say of their progress goes to the observer too."""
    handler = ProgressHandler(observer)
    progress = logging.getLogger("mainline.progress")
    progress.setLevel(logging.INFO)
    progress.addHandler(handler)
    try:
        yield handler
    finally:
        progress.removeHandler(handler)


def input_rows(config: Config) -> Path:
    """The folder of the rows: a data set that is prepared if need be, or the user's own.

    Raises:
        DataError: the folder or one of its splits is not there.
    """
    data = config.data
    if data.dataset is not None:
        return prepare(data.dataset, data.split, data.seed, DEFAULT_CACHE).path
    folder = Path(data.path or "").resolve()
    missing = [split for split in SPLITS if not any(folder.glob(f"{split}/*.csv"))]
    if missing:
        raise DataError(
            str(folder), "there are no rows", expected="train/*.csv, eval/*.csv and test/*.csv",
            received=f"none for {', '.join(missing)}", next_step="Correct data.path.",
        )  # fmt: skip
    return folder


def make_graph(
    place: Place, config: Config, request: Request, rows: Path, observer: Observer, handler: ProgressHandler
) -> "Graph":
    """Imports TFX, builds the pipeline, clears what a killed run left, and compiles."""
    from tfx.orchestration import metadata

    from pipeline.pipeline import create_pipeline
    from pipeline.run.graph import Graph, compile_pipeline
    from pipeline.run.stale import clear_stale

    pipeline = create_pipeline(config, rows, place.root, enable_cache=request.cache)
    if config.metadata.backend == "sqlite":
        # A store on a server may hold the live executions of others, whom our lock does not stop.
        with metadata.Metadata(pipeline.metadata_connection_config) as handle:
            clear_stale(handle.store, place.root / "artifacts")
    ir = compile_pipeline(pipeline, place.run_id, request.from_node, request.to_node)
    return Graph(ir, observer, handler)


def walk(graph: "Graph", orchestrator: str) -> None:
    """Runs every node."""
    from pipeline.run.orchestrators import run_local, run_on_beam

    (run_on_beam if orchestrator == "beam" else run_local)(graph)


def judge(graph: "Graph", config: Config) -> "Verdict | None":
    """The verdict on the model, if the run came as far as one."""
    from pipeline.run.verdict import read_verdict
    from pipeline.workloads.contract import load_workload, with_bounds

    outputs = {output.key: output for output in graph.outputs.get("Evaluator", [])}
    if not outputs:
        return None
    blessed = outputs["blessing"].properties.get("blessed") == 1
    evaluation = with_bounds(load_workload(config.workload).evaluation, config.evaluation)
    return read_verdict(outputs["evaluation"].uri, blessed, evaluation)


def as_ours(error: BaseException, place: Place) -> MainlineError:
    """Any failure in our words; what a library said stays in the log."""
    if isinstance(error, MainlineError):
        return error
    log = f"The log says more: {near(place.log)}"
    if isinstance(error, KeyboardInterrupt):
        return MainlineError("run", "interrupted", next_step="Run again: what is done is cached, training resumes.")
    if is_disk_full(error):
        free = os.statvfs(place.root)
        received = f"{free.f_bavail * free.f_frsize / 1e6:.0f} MB free"
        return MainlineError(str(place.root), "the disk is full; nothing was pushed", received=received,
                             next_step="Free some space, or give another --root, and run again.")  # fmt: skip
    if isinstance(error, LookupError) and any(text in str(error) for text in NO_EARLIER_RUN):
        return InputError(
            "--from", "there is no earlier run that came so far", received=first_line(error),
            next_step="Run without --from once; what is done is cached.",
        )  # fmt: skip
    return MainlineError("run", f"{type(error).__name__}: {first_line(error)}", next_step=log)


def is_disk_full(error: BaseException | None) -> bool:
    """Whether the cause, however wrapped, is a full disk."""
    while error is not None:
        if getattr(error, "errno", None) == errno.ENOSPC or any(text in str(error) for text in DISK_FULL):
            return True
        error = error.__cause__ or error.__context__
    return False


def first_line(error: BaseException) -> str:
    """The first line of a message, cut to a sensible length."""
    return (str(error).strip().splitlines() or [""])[0][:300]


def summarize(
    place: Place,
    config: Config,
    request: Request,
    graph: "Graph | None",
    verdict: "Verdict | None",
    error: MainlineError | None,
    elapsed_s: float,
) -> Summary:
    """The facts of a run that is over."""
    nodes = list(graph.statuses.values()) if graph else []
    outputs: dict[str, Any] = {}
    for written in graph.outputs.values() if graph else ():
        outputs |= {output.key: output for output in written}
    pushed = outputs["pushed_model"].properties if "pushed_model" in outputs else {}
    model = pushed.get("pushed_destination") if pushed.get("pushed") == 1 else None
    status, code = failure_status(error) if error else end_status(nodes, verdict, model is not None)
    evaluation = outputs["evaluation"].uri if "evaluation" in outputs else None
    summary = Summary(
        pipeline=config.name,
        run=place.run_id,
        status=status,
        exit_code=code,
        elapsed_s=round(elapsed_s, 1),
        nodes=tuple(nodes),
        verdict=verdict,
        error=str(error) if error else None,
        model=near(model),
        evaluation=near(evaluation),
        folder=str(near(place.folder)),
        log=str(near(place.log)),
        next_command="",
    )
    return replace(summary, next_command=next_command(summary, request, outputs))


def tool(name: str) -> str:
    """A program of the environment that this run used."""
    return str(near(Path(sys.executable).parent / name))


def next_command(summary: Summary, request: Request, outputs: dict[str, Any]) -> str:
    """What a user most likely wants to type now."""
    root = "" if request.root == Request.root else f" --root {request.root}"
    if summary.status in ("pushed", "up to date"):
        return f"{tool('saved_model_cli')} show --dir {summary.model} --tag_set serve"
    if summary.status == "not blessed" and "model_run" in outputs:
        return f"{tool('tensorboard')} --logdir {near(outputs['model_run'].uri)}"
    if summary.status == "stopped as asked":
        return f"{near(sys.executable)} local_runner.py --config {request.config}{root}"
    return f"less {summary.log}"
