"""Start runs on one machine on a schedule, for each new complete span of rows, or both.

Each run is a process of its own, so that it cannot crash the watch or leak memory into it. The state is in
``watch.json`` and is updated after each run, so that an interrupted run starts again.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from pydantic import ValidationError

from components.support.atomic_files import write_json
from components.support.child_processes import die_with, why_ended
from components.support.text import first_line
from data.span_patterns import Span
from pipeline.config.load import load_config
from pipeline.config.root import Config
from pipeline.errors import ConfigError, DataError, InputError, MachineError, refused
from pipeline.run.local.lock import current_run, resolve_folder, watch_lock
from pipeline.run.local.spans import find_latest, has_spans
from pipeline.run.request import Request
from pipeline.run.signals import signals_as_interrupt
from pipeline.run.streams import encoding_of, json_text
from pipeline.run.watch.cron import Cron, parse_cron
from pipeline.run.watch.triggers import (
    Missed,
    Trigger,
    WatchState,
    describe_wait,
    due,
    initial_state,
    state_after_run,
    wait_s,
)

STATE = "watch.json"
POLL_S = 10.0


@dataclass(frozen=True)
class WatchOptions:
    """The triggers of a watch, its policy for missed times, and the number of runs after which it stops."""

    cron: str | None = None
    on_new_span: bool = False
    missed: Missed = "run"
    max_runs: int | None = None


class Clock(Protocol):
    """A clock, which tests replace."""

    def now(self) -> datetime:
        """The current time with its time zone."""

    def sleep(self, seconds: float) -> None:
        """Wait for some seconds."""


class SystemClock:
    def now(self) -> datetime:
        """The current time in UTC."""
        return datetime.now(timezone.utc)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def watch(request: Request, options: WatchOptions, program: Sequence[str], clock: Clock | None = None) -> int:
    """Start runs until Ctrl-C, SIGTERM or ``max_runs``; a running run is then stopped cleanly.

    ``program`` is the command that runs a pipeline; it gets the request as options.

    Raises:
        InputError: the schedule, the config or the root cannot be used.
        MainlineError: another watch holds the root.
    """
    cron = parse_cron(options.cron) if options.cron else None
    config = load_config(request.config, request.overrides, request.env)
    check(options, config)
    pattern = config.data.path if options.on_new_span else None
    root = resolve_folder(request.root) / config.name
    with watch_lock(root), signals_as_interrupt():
        try:
            loop = Watch(root, request, program, cron, config.data.is_divided, clock or SystemClock())
            loop.run_loop(
                initial_state(read_state(root), cron, pattern, options.missed, loop.clock.now()), options.max_runs
            )
        except KeyboardInterrupt:
            print_message("stopped")
    return 0


def check(options: WatchOptions, config: Config) -> None:
    """Refuse options with which no run would ever start."""
    if options.on_new_span and not has_spans(config):
        raise ConfigError(
            "--on-new-span", "data.path has no span in it", expected="a path such as rows/span-{SPAN}",
            received=str(config.data.path or f"data.dataset {config.data.dataset}"),
        )  # fmt: skip
    if options.max_runs is not None and options.max_runs < 1:
        raise InputError("--max-runs", "too small", expected="1 or more", received=str(options.max_runs))


class Watch:
    """The loop: check what is due, run it, save the state, wait."""

    def __init__(
        self, root: Path, request: Request, program: Sequence[str], cron: Cron | None, divided: bool, clock: Clock
    ) -> None:
        self.root, self.request, self.program, self.cron, self.clock = root, request, program, cron, clock
        self.divided = divided
        self.state = WatchState()
        self.last_message = ""
        self.remarks: tuple[str, ...] = ()

    def run_loop(self, state: WatchState, max_runs: int | None) -> None:
        """Run the loop, starting from a state."""
        self.save_state(state)
        runs = 0
        while max_runs is None or runs < max_runs:
            trigger = due(self.state, self.cron, self.latest(), self.clock.now())
            if trigger is None:
                self.print_once("; ".join([describe_wait(self.state, self.cron, self.clock.now()), *self.remarks]))
                self.clock.sleep(wait_s(self.state, self.cron, self.clock.now(), POLL_S))
            elif self.is_free() and self.run(trigger):
                runs += 1
            else:
                self.clock.sleep(POLL_S)

    def latest(self) -> Span | None:
        """The latest complete span, if spans are watched; problems with other spans are kept as remarks."""
        if self.state.pattern is None:
            return None
        try:
            found = find_latest(self.state.pattern, self.divided)
        except (DataError, MachineError) as error:
            self.remarks = (str(error),)
            return None
        self.remarks = found.left_out
        return found.span

    def is_free(self) -> bool:
        """Whether no other process is running here; False if that cannot be determined now."""
        try:
            holder = current_run(self.root)
        except OSError as error:
            self.print_once(f"waiting: {error}")
            return False
        if holder is not None:
            self.print_once(f"waiting for another run: {holder}")
        return holder is None

    def run(self, trigger: Trigger) -> bool:
        """Start a run and save the state after it; False if another process started a run first."""
        print_message(f"starting a run: {trigger}")
        try:
            code, out = run_process(command(self.program, self.request, trigger.span), self.request.as_json)
        except OSError as error:
            print_message(f"the run could not be started: {error}")
            code, out = 1, ""
        if code == 1 and not self.is_free():
            return False
        self.save_state(state_after_run(self.state, trigger, code, self.clock.now()))
        print_message(f"the run {why_ended(code)}")
        if self.request.as_json:
            print(json_line(trigger, code, out), flush=True)
        return True

    def save_state(self, state: WatchState) -> None:
        """Set the state and write it to disk; if the disk is full, go on without."""
        self.state = state
        try:
            write_json(self.root / STATE, state.model_dump(mode="json"))
        except OSError as error:
            print_message(f"{STATE} could not be written: {error}")

    def print_once(self, text: str) -> None:
        """Print a message unless it was the last one."""
        if text != self.last_message:
            print_message(text)
        self.last_message = text


def command(program: Sequence[str], request: Request, span: Span | None) -> list[str]:
    """The command line of a run with the options of the request, on a given span."""
    sets = [*request.overrides, *([f"data.path={json.dumps(str(span.path))}"] if span else [])]
    nodes = {"--from": request.from_node, "--to": request.to_node}
    return [
        *program, f"--config={request.config}", f"--env={request.env}", f"--root={request.root}",
        f"--orchestrator={request.orchestrator}",
        *(f"--set={assignment}" for assignment in sets),
        *(f"{option}={node}" for option, node in nodes.items() if node is not None),
        *(["--no-cache"] if not request.cache else []), *(["--json"] if request.as_json else []),
    ]  # fmt: skip


def run_process(words: Sequence[str], captured: bool) -> tuple[int, str]:
    """Run a command; return its exit code, negative for the signal that killed it, and its captured output.

    The command has its own session, so that Ctrl-C on a terminal reaches it only once, through this process. If this
    process is killed, the command gets SIGTERM.
    """
    process = subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE if captured else None, text=True,
        start_new_session=True, preexec_fn=partial(die_with, os.getpid(), signal.SIGTERM),
    )  # fmt: skip
    try:
        out, _ = process.communicate()
    except KeyboardInterrupt:
        print_message("stopping the run; press Ctrl-C again to kill it")
        process.terminate()
        process.communicate()
        raise
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    return process.returncode, out or ""


def json_line(trigger: Trigger, code: int, out: str) -> str:
    """The trigger of a run, its exit code, and its summary if there is one, as one line of JSON."""
    try:
        summary: dict[str, Any] = json.loads(out)
    except ValueError:
        summary = {}
    tick, span = trigger.tick, trigger.span
    started = {"tick": tick.isoformat() if tick else None, "span": span.number if span else None}
    if span is not None and span.version is not None:
        started["version"] = span.version
    return json_text({"trigger": started, "exit_code": code, **summary}, encoding_of(sys.stdout))


def read_state(root: Path) -> WatchState:
    """The state that the last watch of a root saved; a new state if there was none.

    Raises:
        InputError: the file was not written by a watch.
        MachineError: the file cannot be read.
    """
    path = root / STATE
    try:
        return WatchState.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return WatchState()
    except OSError as error:
        raise refused(error, InputError)(str(path), "cannot be read", received=error.strerror or str(error)) from error
    except ValidationError as error:
        raise InputError(str(path), "cannot be read", received=first_line(error),
                         next_step="Remove it: the watch then starts afresh.") from error  # fmt: skip


def print_message(text: str) -> None:
    """Print a line with the time on standard error."""
    print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} watch {text}", file=sys.stderr, flush=True)
