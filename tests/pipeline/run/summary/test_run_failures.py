import errno
import os
import socket
import ssl

import ml_metadata as mlmd
import pytest

from pipeline.errors import DataError, MachineError
from pipeline.metadata.connection import sqlite
from pipeline.run.request import RunPaths
from pipeline.run.summary.failures import REFUSALS, find_refusal, to_mainline_error


@pytest.fixture
def place(tmp_path):
    return RunPaths(tmp_path, tmp_path / "history" / "1", "1")


def test_an_error_that_is_its_own_cause_is_handled(place):
    error = ValueError("CSV conversion error to float: invalid value 'far'")
    error.__cause__ = error
    assert find_refusal(error) is None
    assert "invalid value 'far'" in to_mainline_error(error, place).problem


def test_a_full_disk_is_found_behind_a_cycle_of_causes():
    outer, inner = ValueError("outer"), RuntimeError("inner")
    outer.__cause__, inner.__cause__ = inner, outer
    inner.__context__ = OSError(errno.ENOSPC, "No space left on device")
    assert find_refusal(outer).errno == errno.ENOSPC


def test_a_mainline_error_stays_as_it_is(place):
    error = DataError("rows.csv, line 3", "not a number")
    error.__cause__ = error
    assert to_mainline_error(error, place) is error


@pytest.mark.parametrize("number", sorted(REFUSALS))
def test_each_error_of_the_machine_has_our_explanation_and_the_system_s_message(place, number):
    system = OSError(number, os.strerror(number), "/data/rows")
    wrapped = RuntimeError(f"{system} [while running 'WriteSplit']")
    outer = ValueError("the node failed")
    outer.__cause__ = outer.__context__ = system
    for error in (system, wrapped, outer):
        ours = to_mainline_error(error, place)
        assert type(ours) is MachineError
        assert ours.exit_code == 1
        assert ours.problem.startswith(REFUSALS[number][0])
        assert os.strerror(number) in ours.received
        assert ours.next_step


def test_an_error_without_our_explanation_has_the_system_s_message(place):
    ours = to_mainline_error(OSError(errno.EBUSY, os.strerror(errno.EBUSY), "/data/rows"), place)
    assert (type(ours), ours.where) == (MachineError, "/data/rows")
    assert "busy" in ours.received


@pytest.mark.parametrize(
    "text",
    [
        "ResourceExhaustedError: /runs/x; No space left on device",
        "UNKNOWN: /runs/x; Disk quota exceeded",
        "/runs/x; File too large",
        "DataLossError: /runs/x; Input/output error",
        "FailedPrecondition: /runs/x; Read-only file system",
        "(sqlite3.OperationalError) database or disk is full",
        "Failed to establish connection to Metadata storage with error: disk I/O error query: COMMIT;",
        "Error when executing query: attempt to write a readonly database",
        "InternalError: Error when executing query: cannot commit - no transaction is active query: COMMIT;",
        "[Errno 122] Error writing bytes to file. Detail: [errno 122] Disk quota exceeded",
    ],
)
def test_messages_of_libraries_are_recognized(place, text):
    assert type(to_mainline_error(RuntimeError(text), place)) is MachineError


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(errno.ENOENT, "No such file or directory", "rows.csv"),
        ValueError("could not convert string to float: 'Permission denied'"),
        ssl.SSLError(1, "[SSL: CERTIFICATE_VERIFY_FAILED]"),
        socket.gaierror(-2, "Name or service not known"),
    ],
)
def test_messages_that_only_look_like_machine_errors_are_not(error):
    assert find_refusal(error) is None


def test_the_root_may_be_gone(place, tmp_path):
    gone = RunPaths(tmp_path / "gone", tmp_path / "gone" / "1", "1")
    assert to_mainline_error(OSError(errno.ENOTCONN, "Transport endpoint is not connected"), gone).problem.startswith(
        "the file"
    )


@pytest.mark.parametrize("content", [b"garbage" * 1000, b"SQLite format 3\0" + b"\0" * 5000])
def test_a_damaged_store_is_named(place, content):
    database = place.root / "metadata.db"
    database.write_bytes(content)
    with pytest.raises(RuntimeError) as caught:
        mlmd.MetadataStore(sqlite(database))
    ours = to_mainline_error(caught.value, place)
    assert (type(ours), ours.where) == (MachineError, str(database))
    assert ours.problem == "the ML Metadata store is damaged"
    assert "CREATE" not in str(ours)
