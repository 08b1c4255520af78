"""Snapshots of real threads, of TensorFlow, and of Python functions that it calls back."""

import contextlib
import threading
import time

import pytest
import tensorflow as tf

from components.support import heartbeat


@pytest.fixture(autouse=True)
def afresh():
    heartbeat.beat("starting")
    yield
    heartbeat.beat("starting")


def snapshots(work, seconds=0.4) -> list[heartbeat.Snapshot]:
    """Take snapshots from another thread while this one works."""
    seen: list[heartbeat.Snapshot] = []
    over = threading.Event()

    def look():
        while not over.wait(0.02):
            seen.append(heartbeat.snapshot())

    thread = threading.Thread(target=look)
    thread.start()
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        work()
    over.set()
    thread.join()
    return seen


def sleep_here():
    time.sleep(0.4)


def test_a_main_thread_in_python_does_not_wait_and_its_line_is_told():
    last = snapshots(sleep_here)[-1]
    assert not last.waits
    assert last.at.startswith("test_heartbeat.py:")
    assert last.at.endswith("in sleep_here")
    assert last.still_s > 0.3


def test_a_main_thread_in_the_runtime_waits():
    matrix = tf.random.normal((1200, 1200))
    assert any(look.waits for look in snapshots(lambda: tf.linalg.matmul(matrix, matrix).numpy()))


def test_a_function_that_tensorflow_calls_back_does_not_wait():
    slow = tf.data.Dataset.range(1).map(lambda one: tf.py_function(lambda _: sleep_here() or 1, [one], tf.int32))
    seen = snapshots(lambda: next(iter(slow)))
    assert any(not look.waits and look.at.endswith("in sleep_here") for look in seen)


def test_a_stretch_has_a_name_of_its_own_and_what_was_before_goes_on():
    heartbeat.beat("training")
    with contextlib.suppress(ValueError), heartbeat.phase("writing"):
        assert heartbeat.snapshot().phase == "writing"
        raise ValueError("full")
    assert heartbeat.snapshot().phase == "training"
    assert heartbeat.snapshot().still_s < 0.1


def test_under_a_chief_to_wait_is_to_go_on():
    matrix = tf.random.normal((1200, 1200))
    heartbeat.beat("leading")
    assert min(look.still_s for look in snapshots(lambda: tf.linalg.matmul(matrix, matrix).numpy())[3:]) < 0.1
