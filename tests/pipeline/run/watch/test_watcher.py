"""The watch with a stand-in for runs: a real process that records its arguments and exits with a given code."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

import local_runner
from pipeline.errors import InputError, MachineError
from pipeline.run.local.lock import current_run, run_lock
from pipeline.run.request import Request
from pipeline.run.watch import watcher as watch_module
from pipeline.run.watch.cron import parse_cron
from pipeline.run.watch.triggers import WatchState
from pipeline.run.watch.watcher import POLL_S, STATE, WatchOptions, command, read_state, watch

ROOT = Path(local_runner.__file__).parent
TRY_TO_MOUNT = ["unshare", "-rm", "sh", "-c", "mount -t tmpfs -o size=8k none /tmp"]
CAN_MOUNT = bool(shutil.which("unshare")) and not subprocess.run(TRY_TO_MOUNT, capture_output=True).returncode
START = datetime(2026, 5, 1, 2, 59, tzinfo=timezone.utc)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
HOURLY = "0 0 * * * *"
# Exits with the first code in the file "codes" and removes it; "sleep" stands for a run that waits for a signal.
STAND_IN = """
import json, os, pathlib, signal, subprocess, sys, time
here = pathlib.Path(sys.argv[1])
with open(here / "runs", "a") as file:
    file.write(json.dumps(sys.argv[2:]) + chr(10))
codes = (here / "codes").read_text().split() if (here / "codes").exists() else []
(here / "codes").write_text(" ".join(codes[1:]))
code = codes[0] if codes else "0"
def sleep(on_signal):
    signal.signal(signal.SIGTERM, on_signal)
    (here / "sleeping").write_text(str(os.getpid()))
    os.rename(here / "sleeping", here / "sleeps")
    time.sleep(30)
    sys.exit("nobody ended it")
def end(*_):
    (here / "ended").touch()
    sys.exit(1)
if code == "sleep":
    sleep(end)
if code == "stubborn":
    sleep(lambda *_: (here / "asked").touch())
if code == "lost":
    words = [sys.executable, str(here / "hold.py"), str(here / "runs-root" / "census")]
    other = subprocess.Popen(words, stdout=subprocess.PIPE, start_new_session=True)
    other.stdout.readline()
    (here / "holder").write_text(str(other.pid))
    sys.exit(1)
if int(code) < 0:
    os.kill(os.getpid(), -int(code))
print(json.dumps({"status": "pushed", "exit_code": int(code)}, indent=1) if "--json" in sys.argv else "a summary")
sys.exit(int(code))
"""
# Holds the lock of a root for a minute or until it is killed.
HOLD = f"""
import sys; sys.path.insert(0, {str(ROOT)!r})
import time; from pathlib import Path; from pipeline.run.local.lock import run_lock
with run_lock(Path(sys.argv[1]), "theirs"):
    print("held", flush=True)
    time.sleep(60)
"""
WATCH = """
import sys; from pathlib import Path; from pipeline.run.request import Request
from pipeline.run.watch.watcher import WatchOptions, watch
from pipeline.errors import MainlineError
here = Path(sys.argv[1])
request = Request("census", ("data.dataset=null", f"data.path={here}/span-{{SPAN}}"), root=here / "runs-root")
try:
    asked = WatchOptions(cron=sys.argv[3]) if sys.argv[3:] else WatchOptions(on_new_span=True)
    sys.exit(watch(request, asked, (sys.executable, "-c", sys.argv[2], str(here))))
except MainlineError as error:
    sys.exit(f"{error.exit_code} {error}")
"""


class SetClock:
    """A clock that ``sleep`` sets forward, running scheduled actions on the way."""

    def __init__(self, now: datetime) -> None:
        self.time = now
        self.events: list[tuple[datetime, Callable[[], object]]] = []
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.time

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.slept.append(seconds)
        self.time += timedelta(seconds=seconds)
        happened = [event for event in self.events if event[0] <= self.time]
        self.events = [event for event in self.events if event[0] > self.time]
        for _, happen in happened:
            happen()


class WatchedFolder:
    """A folder with a stand-in for runs, spans and a root, and a watch on them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = SetClock(START)
        self.pattern = f"{folder}/span-{{SPAN}}"
        self.root = folder / "runs-root"
        self.started: list[subprocess.Popen[str]] = []
        (folder / "hold.py").write_text(HOLD)

    def watch(self, max_runs: int, cron: str | None = None, as_json=False, **asked) -> None:
        request = Request("census", ("data.dataset=null", f"data.path={self.pattern}"), root=self.root, as_json=as_json)
        program = (sys.executable, "-c", STAND_IN, str(self.folder))
        assert watch(request, WatchOptions(cron=cron, max_runs=max_runs, **asked), program, self.clock) == 0

    def codes(self, *codes: int | str) -> None:
        (self.folder / "codes").write_text(" ".join(map(str, codes)))

    def span(self, number: int) -> None:
        make_span(self.folder, number)

    def runs(self) -> list[list[str]]:
        """The arguments of each run."""
        noted = self.folder / "runs"
        return [json.loads(line) for line in noted.read_text().splitlines()] if noted.exists() else []

    def spans_run(self) -> list[str]:
        return [args[-1].rpartition("/")[2].strip('"') for args in self.runs()]

    def state(self) -> WatchState:
        return read_state(self.root / "census")


@pytest.fixture
def world(tmp_path):
    """A world whose watches are stopped after the test, however it ends."""
    made = WatchedFolder(tmp_path)
    yield made
    for process in made.started:
        process.kill()
        process.communicate()


def make_span(folder: Path, number: int) -> None:
    for split in ("train", "eval", "test"):
        (folder / f"span-{number}" / split).mkdir(parents=True)
        (folder / f"span-{number}" / split / "rows.csv").write_text("a\n1\n")
    (folder / f"span-{number}" / "_SUCCESS").touch()


def test_a_run_starts_at_each_time_and_not_before(world, capsys):
    started = []
    world.clock.events = [(START + MINUTE - timedelta(seconds=1), lambda: started.extend(world.runs()))]
    world.watch(2, HOURLY)
    assert started == []
    assert len(world.runs()) == 2
    assert world.clock.now() == START + MINUTE + HOUR
    assert world.state() == WatchState(cron=HOURLY, tick=START + MINUTE + HOUR)
    said = capsys.readouterr().err.splitlines()
    # Each wait is printed once, not at every poll.
    assert [line.split(" watch ")[1].split(" ")[0] for line in said] == ["waiting", "starting", "the"] * 2
    assert "2026-05-01 03:00:00 UTC" in said[0]
    assert max(world.clock.slept) == POLL_S


def test_a_run_gets_all_options_of_the_watch():
    request = Request("census", ("a=1", "b=[x, y]"), "Trainer", "Pusher", False, Path("r"), "beam", True, "flink")
    words = command(("python", "local_runner.py"), request, None)[2:]
    options = local_runner.parse(words)
    told = Request(
        options.config, tuple(options.set), options.from_node, options.to_node, not options.no_cache, options.root,
        options.orchestrator, options.json, options.env,
    )  # fmt: skip
    assert told == request


def test_times_missed_while_not_watching_start_one_run(world):
    world.watch(1, HOURLY)
    world.clock.time += 5 * HOUR
    before = world.clock.time
    world.watch(1, HOURLY)
    assert (len(world.runs()), world.clock.now()) == (2, before)
    world.watch(1, HOURLY)
    assert world.clock.now() == START + MINUTE + 6 * HOUR


def test_missed_times_may_be_skipped(world):
    world.watch(1, HOURLY)
    world.clock.time += 5 * HOUR + MINUTE
    world.watch(1, HOURLY, missed="skip")
    assert (len(world.runs()), world.clock.now()) == (2, START + MINUTE + 6 * HOUR)


def test_each_span_is_run_once_and_the_latest_first(world):
    for number in (1, 2):
        world.span(number)
    world.clock.events = [(START + 5 * MINUTE, lambda: world.span(3)), (START + 9 * MINUTE, lambda: world.span(10))]
    world.watch(3, on_new_span=True)
    assert world.spans_run() == ["span-2", "span-3", "span-10"]
    assert world.clock.now() - START < 10 * MINUTE
    assert world.state() == WatchState(pattern=world.pattern, span=10)


def test_the_watch_waits_for_an_incomplete_span_and_names_it(world, capsys):
    world.span(1)
    (world.folder / "span-1" / "_SUCCESS").unlink()
    (world.folder / "span-1" / "test" / "rows.csv").rename(world.folder / "late.csv")

    def complete() -> None:
        (world.folder / "late.csv").rename(world.folder / "span-1" / "test" / "rows.csv")
        (world.folder / "span-1" / "_SUCCESS").touch()

    world.clock.events = [(START + MINUTE, complete)]
    world.watch(1, on_new_span=True)
    assert world.clock.now() == START + MINUTE
    assert f"{world.folder}/span-1: no rows for test" in capsys.readouterr().err.splitlines()[0]


def test_a_time_and_a_span_are_one_run_on_that_span(world):
    world.clock.events = [(START + MINUTE, lambda: world.span(4))]
    world.watch(2, HOURLY, on_new_span=True)
    assert world.spans_run() == ["span-4", "span-4"]
    assert world.clock.now() == START + MINUTE + HOUR


def test_two_folders_with_one_number_do_not_stop_a_schedule(world, capsys):
    world.span(4)
    (world.folder / "span-4").rename(world.folder / "span-04")
    world.span(4)
    world.watch(1, HOURLY, on_new_span=True)
    assert "more than one folder is span 4" in capsys.readouterr().err
    assert world.runs()[0][-1] == f"--set=data.path={world.pattern}"


def test_a_failed_run_is_retried_with_backoff_until_it_succeeds(world):
    world.span(1)
    world.codes(1, -9, 1, 5)
    world.watch(4, on_new_span=True)
    assert world.spans_run() == ["span-1"] * 4
    assert world.clock.now() - START == timedelta(seconds=60 + 120 + 240)
    assert world.state() == WatchState(pattern=world.pattern, span=1)


def test_the_wait_after_a_failure_outlasts_the_watch(world):
    world.span(1)
    world.codes(1, 1)
    world.watch(1, on_new_span=True)
    world.watch(1, on_new_span=True)
    assert world.clock.now() - START == MINUTE
    assert (world.state().failures, world.state().span) == (2, None)


@pytest.mark.parametrize("code", [2, 3, 4])
def test_an_outcome_that_a_retry_would_repeat_waits_for_the_next_trigger(world, code):
    world.span(1)
    world.codes(code)
    world.clock.events = [(START + HOUR, lambda: world.span(2))]
    world.watch(2, on_new_span=True)
    assert world.spans_run() == ["span-1", "span-2"]


@pytest.fixture
def other(world):
    """A run that another process started on the same root."""
    words = [sys.executable, str(world.folder / "hold.py"), str(world.root / "census")]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    end(process)


def end(process: subprocess.Popen[str], number: int = signal.SIGKILL) -> tuple[str, str]:
    """Send a signal, wait for the end, and return what the process printed."""
    process.send_signal(number)
    return process.communicate(timeout=30)


def test_the_watch_waits_for_a_run_that_someone_else_started(world, other, capsys):
    world.span(1)
    world.clock.events = [(START + 5 * MINUTE, lambda: end(other))]
    world.watch(1, on_new_span=True)
    assert world.clock.now() == START + 5 * MINUTE
    assert len(world.runs()) == 1
    said = [line for line in capsys.readouterr().err.splitlines() if "waiting for another run" in line]
    assert len(said) == 1
    assert f'"pid": {other.pid}' in said[0]


def test_a_run_that_lost_the_race_for_the_root_has_not_failed(world):
    world.span(1)
    world.codes("lost", 0)

    def free() -> None:
        os.kill(int((world.folder / "holder").read_text()), signal.SIGKILL)
        while current_run(world.root / "census"):
            time.sleep(0.01)

    world.clock.events = [(START + 0.5 * MINUTE, free)]
    world.watch(1, on_new_span=True)
    assert len(world.runs()) == 2
    assert world.state() == WatchState(pattern=world.pattern, span=1)
    assert world.clock.now() == START + 0.5 * MINUTE


def test_a_second_watch_is_refused_and_told_which_one_is_active(world):
    first = start(world)
    wait_for(world.root / "census" / STATE)
    out, err = start(world).communicate(timeout=30)
    assert out == ""
    assert err.startswith(f"1 {world.root / 'census'}: another watch is active here")
    assert f'"pid": {first.pid}' in err
    # The lock of the watch does not keep runs out.
    with run_lock(world.root / "census", "by hand"):
        pass
    end(first, signal.SIGTERM)
    assert first.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopping_the_watch_stops_its_run_cleanly_and_the_next_watch_restarts_it(world, number):
    world.span(1)
    world.codes("sleep")
    process = start(world)
    wait_for(world.folder / "sleeps")
    _, err = end(process, number)
    assert process.returncode == 0, err
    assert (world.folder / "ended").exists()
    assert err.splitlines()[-1].endswith("watch stopped")
    assert world.state() == WatchState(pattern=world.pattern)
    world.watch(1, on_new_span=True)
    assert world.spans_run() == ["span-1", "span-1"]


def test_a_second_signal_kills_a_run_that_does_not_stop(world):
    world.span(1)
    world.codes("stubborn")
    process = start(world)
    wait_for(world.folder / "sleeps")
    process.send_signal(signal.SIGTERM)
    wait_for(world.folder / "asked")
    end(process, signal.SIGTERM)
    assert process.returncode == 0
    with pytest.raises(ProcessLookupError):
        os.kill(int((world.folder / "sleeps").read_text()), 0)


def test_a_killed_watch_leaves_no_run_behind_and_nothing_to_clean_up(world):
    world.span(1)
    world.codes("sleep")
    process = start(world)
    wait_for(world.folder / "sleeps")
    end(process)
    wait_for(world.folder / "ended")
    world.watch(1, on_new_span=True)
    assert world.spans_run() == ["span-1", "span-1"]


def test_a_time_that_passed_after_a_kill_is_run_once_by_the_next_watch(world):
    monthly, path = "0 0 0 1 * *", world.root / "census" / STATE
    killed = start(world, monthly)
    wait_for(path)
    end(killed)
    left = world.state()
    path.write_text(left.model_copy(update={"tick": left.tick - timedelta(days=100)}).model_dump_json())
    process = start(world, monthly)
    for line in process.stderr:
        if "waiting for" in line:
            break
    end(process, signal.SIGTERM)
    assert len(world.runs()) == 1
    assert world.state().tick == parse_cron(monthly).previous_before(datetime.now(timezone.utc))


def start(world: WatchedFolder, cron: str = "") -> subprocess.Popen[str]:
    """A watch on the world's spans or on a schedule, in another process."""
    words = [sys.executable, "-c", WATCH, str(world.folder), STAND_IN, *filter(None, [cron])]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    world.started.append(process)
    return process


def wait_for(path: Path) -> None:
    """Wait until a file exists."""
    until_s = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < until_s, path
        time.sleep(0.01)


def test_each_run_is_a_line_of_json(world, capfd):
    world.span(1)
    world.codes(3, -9)
    world.clock.events = [(START + MINUTE, lambda: world.span(2))]
    world.watch(2, HOURLY, on_new_span=True, as_json=True)
    blessed, killed = map(json.loads, capfd.readouterr().out.splitlines())
    assert blessed == {"trigger": {"tick": None, "span": 1}, "exit_code": 3, "status": "pushed"}
    assert killed["trigger"] == {"tick": "2026-05-01T03:00:00+00:00", "span": 2}
    assert killed["exit_code"] == -9


def test_without_json_a_run_prints_as_usual(world, capfd):
    world.span(1)
    world.watch(1, on_new_span=True)
    assert capfd.readouterr().out == "a summary\n"


def test_a_state_that_is_broken_is_refused(world):
    path = world.root / "census" / STATE
    path.parent.mkdir(parents=True)
    for content in ("{", '{"span": "7"}', '{"tick": "2026-05-01T03:00:00"}', '{"more": 1}'):
        path.write_text(content)
        with pytest.raises(InputError, match="Remove it"):
            world.watch(1, HOURLY)
    assert world.runs() == []


def test_a_disk_that_is_full_does_not_end_the_watch(world, capsys):
    world.span(1)
    (world.root / "census" / STATE).mkdir(parents=True)
    with pytest.raises(InputError, match="cannot be read"):
        world.watch(1, on_new_span=True)
    (world.root / "census" / STATE).rmdir()
    world.clock.events = [(START + MINUTE, lambda: (world.span(2), block(world.root / "census" / STATE)))]
    world.watch(2, on_new_span=True)
    assert f"{STATE} could not be written" in capsys.readouterr().err
    assert world.spans_run() == ["span-1", "span-2"]


def block(path: Path) -> None:
    """Create a folder where a file is to be written."""
    path.unlink()
    (path / "in-the-way").mkdir(parents=True)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--watch", "--cron", "0 3 * * *"], "Write '0 0 3 * * *'"),
        (["--watch", "--on-new-span"], "data.path has no span in it"),
        (["--watch", "--cron", "@daily", "--max-runs", "0"], "too small"),
        (["--watch", "--cron", "@daily", "--config", "nowhere"], "no such config"),
        (["--watch", "--cron", "@daily", "--root", "README.md"], "cannot be written"),
    ],
)
def test_options_with_which_no_run_would_start_are_refused(options, said, capsys):
    assert local_runner.main(["--config", "census", *options]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""


@pytest.mark.parametrize(
    "options",
    [
        ["--watch"], ["--cron", "@daily"], ["--on-new-span"], ["--max-runs", "0"],
        ["--watch", "--on-new-span", "--missed", "skip"], ["--watch", "--cron", "@daily", "--missed", "all"],
    ],
)  # fmt: skip
def test_options_of_the_watch_go_together(options):
    with pytest.raises(SystemExit, match="2"):
        local_runner.parse(options)


@pytest.mark.parametrize("code", [1, -9, -15, 120, 137, 101])
def test_a_span_is_retried_when_the_machine_failed_its_run(world, code):
    world.span(1)
    world.codes(code, code, 0)
    world.watch(3, on_new_span=True)
    assert world.spans_run() == ["span-1"] * 3
    assert sum(world.clock.slept) == pytest.approx(60 + 120)
    assert (world.state().span, world.state().failures) == (1, 0)


@pytest.mark.skipif(not CAN_MOUNT, reason="this machine allows no private mounts")
def test_a_span_that_found_a_full_disk_is_run_when_there_is_space(tmp_path):
    make_span(tmp_path, 1)
    root = tmp_path / "runs"
    root.mkdir()
    runner = f"{sys.executable} local_runner.py --config census --root {root}"
    run = f"{runner} --set data.dataset=null --set data.path={tmp_path}"
    script = f"""
        mount -t tmpfs -o size=64k tmpfs {root}
        head -c 200000 /dev/zero > {root}/fill 2>/dev/null
        {run}/span-1; echo code $?; rm {root}/fill
        {run}/none; echo code $?"""
    done = subprocess.run(["unshare", "-rm", "sh", "-c", script], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert [line for line in done.stdout.splitlines() if line.startswith("code")] == ["code 1", "code 2"], done.stderr
    assert "No space left on device" in done.stderr


def test_a_run_that_cannot_be_started_is_retried(world, monkeypatch, capsys):
    world.span(1)
    real, refusals = subprocess.Popen, [OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))]

    def start(*words, **options):
        if refusals:
            raise refusals.pop()
        return real(*words, **options)

    monkeypatch.setattr(subprocess, "Popen", start)
    world.watch(2, on_new_span=True)
    assert world.spans_run() == ["span-1"]
    assert "could not be started" in capsys.readouterr().err
    assert world.state().span == 1


def test_an_unreadable_folder_of_spans_is_read_again(world, monkeypatch, capsys):
    world.span(1)
    denied = MachineError("rows", "spans cannot be listed", received="Permission denied")
    real, refusals = watch_module.find_latest, [denied]

    def find_latest(*given):
        if refusals:
            raise refusals.pop()
        return real(*given)

    monkeypatch.setattr(watch_module, "find_latest", find_latest)
    world.watch(1, on_new_span=True)
    assert world.spans_run() == ["span-1"]
    assert "Permission denied" in capsys.readouterr().err


def test_the_user_is_not_told_to_remove_a_state_that_the_machine_cannot_read(world, monkeypatch):
    def refuse(self):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(MachineError, match="Permission denied") as caught:
        read_state(world.root / "census")
    assert "Remove" not in caught.value.next_step
