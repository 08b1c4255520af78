import os
from datetime import datetime, timedelta, timezone

import pytest

from components.artifacts.run_order import sort_by_start, time_in
from pipeline.run.history import find_run
from pipeline.run.local.run_ids import new_run_id

NOON = datetime(2026, 3, 29, 12, tzinfo=timezone.utc)


def begin(history, run, written_s=None):
    """A past run with only a folder and an empty config."""
    folder = history / run
    folder.mkdir(parents=True)
    config = folder / "config.yaml"
    config.write_text("")
    if written_s is not None:
        os.utime(config, (written_s, written_s))
    return folder


@pytest.mark.parametrize("hours", [-11, -1, 0, 1, 14])
def test_the_id_of_a_run_is_in_utc_in_any_time_zone(tmp_path, hours):
    now = NOON.astimezone(timezone(timedelta(hours=hours)))
    assert new_run_id(tmp_path, now) == "20260329T120000.000000Z"


def test_ids_increase_for_simultaneous_runs_and_when_the_clock_goes_back(tmp_path):
    ids = []
    for now in (NOON, NOON, NOON - timedelta(days=1), NOON + timedelta(hours=1), NOON):
        ids.append(new_run_id(tmp_path, now))
        begin(tmp_path, ids[-1])
    assert ids == sorted(set(ids))
    assert [folder.name for folder in sort_by_start(tmp_path.iterdir())] == ids


def test_runs_with_ids_in_local_time_are_ordered_by_the_time_of_their_config(tmp_path):
    # One from a zone 13 hours ahead that started an hour before; and one from a cluster, two hours before.
    local = begin(tmp_path, "20260330T000000.000000", (NOON - timedelta(hours=1)).timestamp())
    cluster = begin(tmp_path, "20260329T100000-0b0f3f7e")
    ours = begin(tmp_path, new_run_id(tmp_path, NOON))
    assert sort_by_start(tmp_path.iterdir()) == [cluster, local, ours]


@pytest.mark.parametrize(
    "name", ["", "r1", "20261301T000000.000000Z", "20260101T000000.000000", "\u0661" * 8 + "T000000Z"]
)
def test_other_names_have_no_time(name):
    assert time_in(name) is None


def test_the_latest_run_of_a_root_is_the_one_that_started_last(tmp_path, monkeypatch):
    for run in ("20260329T130000.000000Z", "20260329T120000.000000Z"):
        begin(tmp_path / "census" / "history", run)
    monkeypatch.setattr("pipeline.run.history.read_config_or_warn", lambda folder: folder)
    monkeypatch.setattr("pipeline.run.history.run_record", lambda root, run: run)
    begin(tmp_path / "other" / "history", "20260401T000000.000000", NOON.timestamp())
    assert find_run(tmp_path) == "20260329T130000.000000Z"
