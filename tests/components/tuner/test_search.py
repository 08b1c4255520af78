"""Complete searches whose trials are processes that train nothing."""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import fake_trials
from fakes.fake_trials import TRIAL, calls, make_spec, processes

from components.tuner.report import is_trial, listening, report
from components.tuner.search import Search, winner
from components.tuner.study import Record
from pipeline.errors import MainlineError

ROOT = Path(__file__).resolve().parents[3]


def run(job, folder) -> list[Record]:
    over = Search(job, folder, TRIAL).run()
    assert processes(str(folder)) == []
    return over


def facts(over: list[Record]) -> list[tuple]:
    return [(record.trial, record.state, dict(record.params), record.epochs) for record in over]


def wait_for(condition: Callable[[], object], timeout_s: float = 60.0) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, "it never came"
        time.sleep(0.02)


def start_search(job, folder: Path) -> "subprocess.Popen[bytes]":
    """A search in another process, which can be killed."""
    fake_trials.save_spec(job, folder.with_suffix(".json"))
    command = [sys.executable, "-m", "fakes.fake_trials", "search", str(folder), str(folder.with_suffix(".json"))]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
    return subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def test_a_search_runs_its_trials_and_finds_the_best(tmp_path, caplog):
    caplog.set_level(logging.INFO, logger="mainline.progress")
    over = run(make_spec(tmp_path / "calls"), tmp_path / "search")
    assert [record.trial for record in over] == [1, 2, 3, 4]
    for record in over:
        assert record.epochs == tuple(fake_trials.value(record.params["learning_rate"], epoch) for epoch in range(3))
        assert record.value == min(record.epochs)
        assert record.seconds > 0
    best = winner(over)
    assert best.value == min(record.value for record in over)
    assert caplog.messages[0] == "trial 1/4"
    assert caplog.messages[-1] == f"trial 4/4, best {best.value:.4f}"


def test_the_same_seed_gives_the_same_search_and_another_seed_another(tmp_path):
    first, second, other = (
        run(make_spec(tmp_path / "calls", trials=3, seed=seed), tmp_path / str(index))
        for index, seed in enumerate((1, 1, 2))
    )
    assert facts(first) == facts(second)
    assert facts(first) != facts(other)


def test_trials_run_side_by_side_in_processes_of_their_own(tmp_path):
    job = make_spec(tmp_path / "calls", {"epoch_s": 0.3}, parallel=3, trials=6)
    search = Search(job, tmp_path / "search", TRIAL)
    seen = []
    collect = search._collect
    search._collect = lambda study: (seen.append(len(search.running)), collect(study))[1]
    over = search.run()
    assert max(seen) == 3
    assert [record.state for record in over] == ["complete"] * 6
    assert len({call["pid"] for call in calls(tmp_path / "calls")} - {os.getpid()}) == 6


def test_output_of_trials_is_prefixed_with_their_name(tmp_path, capfd):
    run(make_spec(tmp_path / "calls", {"nan_above": 1e-3}, trials=3), tmp_path / "search")
    lines = [line for line in capfd.readouterr().out.splitlines() if "MainlineError" in line]
    assert lines
    assert all(line.startswith("[trial-00") for line in lines)


def test_the_first_trial_has_the_values_of_the_config(tmp_path):
    over = run(make_spec(tmp_path / "calls", start={"learning_rate": 0.02}, trials=2), tmp_path / "search")
    assert over[0].params == {"learning_rate": 0.02}
    assert over[1].params != {"learning_rate": 0.02}


def test_a_trial_that_is_worse_than_the_others_is_pruned(tmp_path):
    job = make_spec(tmp_path / "calls", epochs=6, trials=12, prune_after_epochs=2, start={"learning_rate": 0.01})
    over = run(job, tmp_path / "search")
    pruned = [record for record in over if record.state == "pruned"]
    assert pruned
    assert {len(record.epochs) for record in pruned} <= {2, 3, 4, 5, 6}
    assert {len(record.epochs) for record in over if record.state == "complete"} == {6}
    assert winner(over).state == "complete"


def test_a_failed_trial_is_recorded_and_the_search_goes_on(tmp_path):
    over = run(make_spec(tmp_path / "calls", {"nan_above": 1e-2}, trials=8), tmp_path / "search")
    failed = [record for record in over if record.params["learning_rate"] > 1e-2]
    assert 0 < len(failed) < 8
    assert {record.state for record in failed} == {"failed"}
    assert {record.error for record in failed} == {"Tuner: val_log_loss became nan in epoch 1"}
    assert {record.value for record in failed} == {None}
    assert winner(over).params["learning_rate"] <= 1e-2


def test_a_killed_trial_has_failed(tmp_path):
    over = run(make_spec(tmp_path / "calls", {"dies_above": 1e-2}, trials=6, parallel=2), tmp_path / "search")
    died = [record.error for record in over if record.state == "failed"]
    assert set(died) == {"the process was killed by signal 9 without reporting an error"}
    assert len(died) < 6


def test_if_all_trials_fail_the_first_error_is_raised(tmp_path):
    over = run(make_spec(tmp_path / "calls", {"nan_above": 0.0}, trials=3, parallel=2), tmp_path / "search")
    assert [record.state for record in over] == ["failed"] * 3
    with pytest.raises(MainlineError, match="all 3 trials failed") as caught:
        winner(over)
    assert "val_log_loss became nan in epoch 1" in str(caught.value)


def test_a_training_that_reports_nothing_has_failed(tmp_path):
    over = run(make_spec(tmp_path / "calls", {"silent": True}, trials=1), tmp_path / "search")
    assert [record.state for record in over] == ["failed"]
    assert "reported no epoch" in over[0].error


@pytest.mark.parametrize("parallel", [1, 2])
def test_a_killed_search_leaves_no_process_and_resumes(tmp_path, parallel):
    folder, said = tmp_path / "search", tmp_path / "calls"
    job = make_spec(said, {"epoch_s": 0.25}, trials=6, parallel=parallel, start={"learning_rate": 0.02})
    for starts in (1, 2, 4):
        process = start_search(job, folder)
        wait_for(lambda starts=starts: len(calls(said)) >= starts)
        time.sleep(0.3)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        wait_for(lambda: processes(str(folder)) == [])
    before = len(calls(said))
    over = run(job, folder)
    assert [(record.trial, record.state) for record in over] == [(trial, "complete") for trial in range(1, 7)]
    assert before < len(calls(said)) <= 6 + 3 * parallel
    assert over[0].params == {"learning_rate": 0.02}
    if parallel == 1:
        whole = run(replace(job, training=make_spec(tmp_path / "others").training), tmp_path / "whole")
        assert facts(over) == facts(whole)


def test_finished_trials_are_kept_when_more_are_requested(tmp_path):
    said = tmp_path / "calls"
    first = run(make_spec(said, trials=3), tmp_path / "search")
    more = run(make_spec(said, trials=5), tmp_path / "search")
    assert facts(more)[:3] == facts(first)
    assert len(calls(said)) == 5


def test_an_interrupted_search_kills_its_trials(tmp_path):
    folder, said = tmp_path / "search", tmp_path / "calls"
    process = start_search(make_spec(said, {"epoch_s": 30.0}, trials=4, parallel=2), folder)
    wait_for(lambda: len(calls(said)) == 2)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) != 0
    assert processes(str(folder)) == []


def test_the_report_module_imports_only_the_standard_library():
    code = "import sys, components.tuner.report, components.tuner.overrides; print('optuna' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == "False\n"


def test_a_report_outside_a_trial_has_no_effect():
    assert not is_trial()
    report(0, 0.5)
    with listening(lambda epoch, value: None):
        assert is_trial()


def test_the_key_of_a_search_ignores_the_number_of_trials(tmp_path):
    job = make_spec(tmp_path)
    more = replace(job, settings=replace(job.settings, trials=40, parallel=8))
    assert job.key() == more.key()
    others = [replace(job, source="x"), replace(job, inputs={}), replace(job, training={}), replace(job, run_fn="x.y"),
              replace(job, settings=replace(job.settings, seed=8))]  # fmt: skip
    assert len({job.key(), *(other.key() for other in others)}) == 6


def test_trials_get_the_recorded_rows_which_are_no_part_of_the_key(tmp_path):
    job = make_spec(tmp_path / "calls")
    told = replace(job, rows={"train/a.gz": 3})
    assert told.key() == job.key()
    assert told.fn_args({}, tmp_path)["custom_config"]["file_rows"] == {"train/a.gz": 3}
