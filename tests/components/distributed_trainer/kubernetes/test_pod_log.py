"""Every line of a log is copied once, even if the connection breaks."""

import pytest
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import ProtocolError

from components.distributed_trainer.kubernetes import pod_log
from components.distributed_trainer.kubernetes.pod_log import LineDeduplicator, LogFollower

LOG = ["1 a", "2 b", "2 b", "2 c", "3 d"]


@pytest.mark.parametrize("cut", range(len(LOG) + 1))
def test_a_log_read_again_yields_only_new_lines(cut):
    replay = LineDeduplicator()
    replay.rewind()
    first = [line for line in LOG[:cut] if replay.is_new(line.split()[0])]
    replay.rewind()
    again = [line for line in LOG if replay.is_new(line.split()[0])]
    assert first + again == LOG


def test_a_clock_set_back_loses_no_lines():
    replay = LineDeduplicator()
    replay.rewind()
    assert [replay.is_new(stamp) for stamp in ("5", "4", "5")] == [True, True, True]


def test_a_follower_reconnects_until_the_pod_ends(capsys, monkeypatch):
    monkeypatch.setattr(pod_log, "RECONNECT_S", 0.0)
    lines = [f"{line} \u00e9\n".encode() for line in LOG]

    def cut():
        yield from lines[:2]
        yield lines[2][:4]
        raise ProtocolError("connection broken")

    def waiting():
        raise ApiException(status=400)

    ways = iter([waiting, cut, lambda: iter(lines[:3]), lambda: iter(lines)])
    left = iter([False, False, False, True])
    assert LogFollower("worker-1", lambda: next(ways)(), lambda: next(left)).wait(5.0)
    assert capsys.readouterr().out.splitlines() == [f"[worker-1] {line.split()[1]} \u00e9" for line in LOG]


def test_a_deleted_pod_ends_the_follower(capsys):
    def gone():
        raise ApiException(status=404)

    assert LogFollower("worker-1", gone, lambda: True).wait(5.0)
    assert capsys.readouterr().out == ""


def test_a_closed_follower_reads_the_rest_including_an_incomplete_line(capsys):
    follower = LogFollower("worker-1", lambda: iter([b"1 a\n", b"2 b"]), lambda: False)
    follower.close()
    assert follower.wait(5.0)
    assert capsys.readouterr().out == "[worker-1] a\n[worker-1] b\n"
