import os
import signal

import pytest

from pipeline.run.request import Place
from pipeline.run.signals import ENDING, handled, is_ending, terminating_as_interrupt, undisturbed
from pipeline.run.summary.failures import as_ours


@pytest.fixture(autouse=True)
def restored():
    before = {number: signal.signal(number, signal.SIG_DFL) for number in ENDING}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", ENDING)
def test_each_ends_a_run_as_ctrl_c_does(number):
    with terminating_as_interrupt():
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
        assert is_ending()
    assert not is_ending()


def test_ctrl_c_ends_a_run_that_a_script_started_in_the_background():
    with handled(signal.SIG_IGN, ENDING):
        with terminating_as_interrupt(), pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_a_run_under_nohup_outlives_its_terminal():
    with handled(signal.SIG_IGN, [signal.SIGHUP]), terminating_as_interrupt():
        os.kill(os.getpid(), signal.SIGHUP)
        assert not is_ending()


@pytest.mark.parametrize("number", ENDING)
def test_a_second_signal_does_not_disturb_what_is_put_in_order(number):
    done = []
    with terminating_as_interrupt():
        with undisturbed():
            os.kill(os.getpid(), number)
            done.append(number)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
    assert done == [number]


def test_an_interrupt_that_a_library_wraps_is_still_one(tmp_path):
    place = Place(tmp_path, tmp_path, "1")
    wrapped = RuntimeError("KeyboardInterrupt [while running 'ParDo(AnalyzeFile)']")
    with terminating_as_interrupt():
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
        assert as_ours(wrapped, place).problem == "interrupted"
    assert "RuntimeError" in as_ours(wrapped, place).problem
