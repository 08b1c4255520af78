import os
import signal

import pytest

from pipeline.run.request import RunPaths
from pipeline.run.signals import STOP_SIGNALS, handle_signals, signals_as_interrupt, signals_ignored, stop_requested
from pipeline.run.summary.failures import to_mainline_error


@pytest.fixture(autouse=True)
def restored():
    before = {number: signal.signal(number, signal.SIG_DFL) for number in STOP_SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_each_signal_stops_a_run_as_ctrl_c_does(number):
    with signals_as_interrupt():
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
        assert stop_requested()
    assert not stop_requested()


def test_ctrl_c_stops_a_run_that_a_script_started_in_the_background():
    with handle_signals(signal.SIG_IGN, STOP_SIGNALS):
        with signals_as_interrupt(), pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_a_run_under_nohup_outlives_its_terminal():
    with handle_signals(signal.SIG_IGN, [signal.SIGHUP]), signals_as_interrupt():
        os.kill(os.getpid(), signal.SIGHUP)
        assert not stop_requested()


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_a_second_signal_does_not_interrupt_the_cleanup(number):
    done = []
    with signals_as_interrupt():
        with signals_ignored():
            os.kill(os.getpid(), number)
            done.append(number)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
    assert done == [number]


def test_an_interrupt_wrapped_by_a_library_is_still_an_interrupt(tmp_path):
    place = RunPaths(tmp_path, tmp_path, "1")
    wrapped = RuntimeError("KeyboardInterrupt [while running 'ParDo(AnalyzeFile)']")
    with signals_as_interrupt():
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
        assert to_mainline_error(wrapped, place).problem == "interrupted"
    assert "RuntimeError" in to_mainline_error(wrapped, place).problem
