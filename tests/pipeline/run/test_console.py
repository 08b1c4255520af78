import io
import logging
import re
import time

import pytest
from rich.console import Console

from pipeline.run.console import LineLog, LiveTable, ProgressHandler, observing, table
from pipeline.run.events import NodeStatus


class Recorder:
    """An observer that records its events."""

    def __init__(self):
        self.details = []

    def progressed(self, status):
        self.details.append((status.node, status.detail))


@pytest.fixture
def stream():
    return io.StringIO()


def lines(stream) -> list[str]:
    """The printed lines without the time."""
    said = stream.getvalue().splitlines()
    assert all(re.match(r"\d\d:\d\d:\d\d ", line) for line in said)
    return [line[9:] for line in said]


def plain(stream) -> str:
    """The drawn text without colors and cursor movements."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue())


def test_one_line_per_event(stream):
    view = LineLog(Console(file=stream))
    status = NodeStatus("Transform")
    view.note("loading")
    view.nodes([NodeStatus("ExampleGen"), status])
    status.start()
    view.changed(status)
    status.rows_in = status.rows_out = 15000
    status.end("done")
    status.elapsed_s = 2.04
    view.changed(status)
    first, second, third, fourth = lines(stream)
    assert (first, second, third) == ("loading", "2 nodes: ExampleGen, Transform", "Transform running")
    assert fourth == "Transform done 2.0 s 15,000 → 15,000"


def test_a_line_is_neither_wrapped_nor_read_as_markup(stream):
    view = LineLog(Console(file=stream, width=20))
    text = "[bold]prepared[/bold] 3 of 5: " + "x" * 100
    view.note(text)
    assert lines(stream) == [text]


def test_progress_is_printed_at_once_and_then_every_few_seconds(stream, monkeypatch):
    now_s = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now_s)
    view, status = LineLog(Console(file=stream), every_s=10.0), NodeStatus("Trainer")
    for second in range(25):
        now_s, status.detail = 1000.0 + second, f"step {second}"
        view.progressed(status)
    assert lines(stream) == ["Trainer step 0", "Trainer step 10", "Trainer step 20"]


def test_a_change_is_never_delayed(stream):
    view, status = LineLog(Console(file=stream), every_s=1e9), NodeStatus("Trainer", state="running")
    for _ in range(3):
        view.changed(status)
    assert lines(stream) == ["Trainer running"] * 3


def test_a_live_table_shows_the_nodes(stream):
    view = LiveTable(Console(file=stream, force_terminal=True, width=100))
    status = NodeStatus("Transform", rows_in=15000, rows_out=15000)
    with view.live:
        view.note("loading TensorFlow and TFX")
        view.live.refresh()
        view.nodes([status, NodeStatus("Trainer")])
        status.start()
        status.detail = "[3 of 5] buckets"
        view.changed(status)
        drawn = plain(stream)
        status.end("done")
        view.changed(status)
    assert "loading TensorFlow and TFX" in drawn
    assert re.search(r"Transform +running +0\.0 s +15,000 → 15,000 +\[3 of 5\] buckets", drawn)
    assert re.search(r"Trainer +waiting *\n", plain(stream))
    assert re.search(r"Transform +done", plain(stream).split("buckets", 1)[1])


def test_a_live_table_fits_on_a_narrow_terminal(stream):
    view = LiveTable(Console(file=stream, force_terminal=True, width=60))
    with view.live:
        view.nodes([NodeStatus("Transform", state="running", detail="x" * 500)])
        view.changed(view.statuses[0])
    assert max(len(line) for line in plain(stream).splitlines()) <= 60
    assert "…" in plain(stream)


def test_a_live_table_stops_drawing_at_the_end(stream):
    view = LiveTable(Console(file=stream, force_terminal=True, width=60))
    with view.live:
        view.nodes([NodeStatus("Transform")])
    said = stream.getvalue()
    time.sleep(0.4)
    assert stream.getvalue() == said


@pytest.mark.parametrize("state", ["waiting", "running", "done", "cached", "skipped", "failed"])
def test_every_state_has_a_color_and_time_only_where_there_is_some(stream, state):
    Console(file=stream, width=80).print(table([NodeStatus("Trainer", state=state, elapsed_s=3.0)]))
    row = stream.getvalue().splitlines()[1]
    assert row.split()[:2] == ["Trainer", state]
    assert ("3.0 s" in row) == (state not in ("waiting", "skipped"))


def test_progress_reaches_the_node_that_runs():
    recorder = Recorder()
    handler = ProgressHandler(recorder)
    logger = logging.Logger("progress", logging.INFO)
    logger.addHandler(handler)
    logger.info("nobody runs")
    handler.running = NodeStatus("Trainer", state="running")
    logger.info("step %d of %d", 3, 9)
    logger.debug("too fine")
    handler.running = None
    logger.info("over")
    assert recorder.details == [("Trainer", "step 3 of 9")]


def test_a_file_gets_lines(tmp_path):
    with open(tmp_path / "out.txt", "w", encoding="utf-8") as file, observing(file) as view:
        view.note("hello")
    assert (tmp_path / "out.txt").read_text(encoding="utf-8").endswith(" hello\n")
    assert isinstance(view, LineLog)


def test_a_terminal_gets_a_table(stream, monkeypatch):
    monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    with observing(stream) as view:
        view.nodes([NodeStatus("Trainer")])
    assert isinstance(view, LiveTable)
    assert "Trainer" in plain(stream)
