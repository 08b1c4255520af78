"""Runs that start by themselves on one machine: at set times, when a new span of rows is whole, or both.

Each run is a process of its own, so that neither a crash nor its memory outlives it. How far the watch has come is in
``watch.json``; a run is dealt with there when it is over, so that one that was cut short starts again.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Protocol

from pydantic import ValidationError

from components.support.atomic_files import write_json
from components.support.child_processes import PR_SET_PDEATHSIG, why_ended
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
    """What starts runs, what becomes of times that passed while no watch was there, and how many runs are enough."""

    cron: str | None = None
    on_new_span: bool = False
    missed: Missed = "run"
    max_runs: int | None = None


class Clock(Protocol):
    """The time, which a test may set."""

    def now(self) -> datetime:
        """With its time zone."""

    def sleep(self, seconds: float) -> None:
        """Returns when they are over."""


class SystemClock:
    """The time of this machine."""

    def now(self) -> datetime:
        """In UTC."""
        return datetime.now(timezone.utc)

    def sleep(self, seconds: float) -> None:
        """Waits."""
        time.sleep(seconds)


def watch(request: Request, asked: WatchOptions, program: Sequence[str], clock: Clock | None = None) -> int:
    """Starts runs until Ctrl-C, SIGTERM or ``max_runs``; a run that is at work then is ended in order.

    ``program`` is the command of a run; it is given the request as options.

    Raises:
        InputError: the cron, the config or the root cannot be used.
        MainlineError: another watch holds the root.
    """
    cron = parse_cron(asked.cron) if asked.cron else None
    config = load_config(request.config, request.overrides, request.env)
    check(asked, config)
    pattern = config.data.path if asked.on_new_span else None
    root = resolve_folder(request.root) / config.name
    with watch_lock(root), signals_as_interrupt():
        try:
            keeper = Watch(root, request, program, cron, config.data.is_divided, clock or SystemClock())
            keeper.go(initial_state(read_state(root), cron, pattern, asked.missed, keeper.clock.now()), asked.max_runs)
        except KeyboardInterrupt:
            print_message("stopped")
    return 0


def check(asked: WatchOptions, config: Config) -> None:
    """Refuses what could never start a run."""
    if asked.on_new_span and not has_spans(config):
        raise ConfigError(
            "--on-new-span", "data.path names no spans", expected="a path such as rows/span-{SPAN}",
            received=str(config.data.path or f"data.dataset {config.data.dataset}"),
        )  # fmt: skip
    if asked.max_runs is not None and asked.max_runs < 1:
        raise InputError("--max-runs", "no run at all", expected="1 or more", received=str(asked.max_runs))


class Watch:
    """The loop: look what is due, run it, keep what came of it, wait."""

    def __init__(
        self, root: Path, request: Request, program: Sequence[str], cron: Cron | None, divided: bool, clock: Clock
    ) -> None:
        self.root, self.request, self.program, self.cron, self.clock = root, request, program, cron, clock
        self.divided = divided
        self.state = WatchState()
        self.said = ""
        self.remarks: tuple[str, ...] = ()

    def go(self, state: WatchState, max_runs: int | None) -> None:
        """Starts runs, from a state on."""
        self.keep(state)
        runs = 0
        while max_runs is None or runs < max_runs:
            trigger = due(self.state, self.cron, self.latest(), self.clock.now())
            if trigger is None:
                self.say_once("; ".join([describe_wait(self.state, self.cron, self.clock.now()), *self.remarks]))
                self.clock.sleep(wait_s(self.state, self.cron, self.clock.now(), POLL_S))
            elif self.is_free() and self.run(trigger):
                runs += 1
            else:
                self.clock.sleep(POLL_S)

    def latest(self) -> Span | None:
        """The latest whole span, where spans are watched; what is wrong with others is remarked, and may be mended."""
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
        """Whether no run that someone else started is at work here; where that cannot be seen, the next look may."""
        try:
            holder = current_run(self.root)
        except OSError as error:
            self.say_once(f"waits: {error}")
            return False
        if holder is not None:
            self.say_once(f"waits for the run at work here: {holder}")
        return holder is None

    def run(self, trigger: Trigger) -> bool:
        """Runs, and keeps what came of it; False if somebody else's run came first."""
        print_message(f"runs: {trigger}")
        try:
            code, out = run_process(command(self.program, self.request, trigger.span), self.request.as_json)
        except OSError as error:
            print_message(f"the run could not be started: {error}")
            code, out = 1, ""
        if code == 1 and not self.is_free():
            return False
        self.keep(state_after_run(self.state, trigger, code, self.clock.now()))
        print_message(f"the run {why_ended(code)}")
        if self.request.as_json:
            print(json_line(trigger, code, out), flush=True)
        return True

    def keep(self, state: WatchState) -> None:
        """Goes on from a state, and writes it down; on a full disk the watch goes on without."""
        self.state = state
        try:
            write_json(self.root / STATE, state.model_dump(mode="json"))
        except OSError as error:
            print_message(f"{STATE} could not be written: {error}")

    def say_once(self, text: str) -> None:
        """Says what has changed."""
        if text != self.said:
            print_message(text)
        self.said = text


def command(program: Sequence[str], request: Request, span: Span | None) -> list[str]:
    """The command line of a run as it was asked for, on the span that was seen."""
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
    """Runs a command to its end; gives its exit code, negative for the signal that killed it, and what it printed.

    It has a session of its own, so that Ctrl-C on a terminal reaches it once, from here.
    """
    process = subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE if captured else None, text=True,
        start_new_session=True, preexec_fn=terminate_with_parent(os.getpid()),
    )  # fmt: skip
    try:
        out, _ = process.communicate()
    except KeyboardInterrupt:
        print_message("ends the run at work; once more ends it at once")
        process.terminate()
        process.communicate()
        raise
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    return process.returncode, out or ""


def terminate_with_parent(parent: int) -> Callable[[], None]:
    """Makes the kernel send SIGTERM to a new process when its parent is killed, so that its run ends in order.

    https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html
    """
    prctl = ctypes.CDLL(None).prctl

    def before_it_begins() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)

    return before_it_begins


def json_line(trigger: Trigger, code: int, out: str) -> str:
    """What started a run, its exit code, and its summary if it came as far as one, in one line."""
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
    """What the last watch of a root left; a new state where there was none.

    Raises:
        InputError: the file is not one that a watch wrote.
        MachineError: it cannot be read.
    """
    path = root / STATE
    try:
        return WatchState.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return WatchState()
    except OSError as error:
        raise refused(error, InputError)(str(path), "cannot be read", received=error.strerror or str(error)) from error
    except ValidationError as error:
        raise InputError(str(path), "cannot be read", received=str(error).splitlines()[0],
                         next_step="Remove it: the watch then begins afresh.") from error  # fmt: skip


def print_message(text: str) -> None:
    """A line on standard error."""
    print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} watch {text}", file=sys.stderr, flush=True)
