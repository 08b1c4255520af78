"""The parts of a search without its processes: the journal, the order of trials, settings, merging."""

import json
import threading
from dataclasses import replace

import pytest
from fakes.fake_trials import make_settings

from components.tuner.journal import cut_to_whole_lines, open_journal
from components.tuner.overrides import trial_training, with_hyperparameters
from components.tuner.settings import from_json
from components.tuner.study import counted_trials, make_pruner, next_trial, open_study, records, started_trials
from pipeline.search_space import Range

RANGES = {
    "learning_rate": Range(1e-4, 1e-1, log=True),
    "batch_size": Range(8, 64),
    "optimizer": Range(choices=("adam", "adamw")),
    "model.dropout": Range(0.0, 0.5),
}


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        (b"", b""),
        (b"one\n", b"one\n"),
        (b"one\ntw", b"one\n"),
        (b"half", b""),
        (b"one\n" + b"x" * 10_000, b"one\n"),
        (b"x" * 10_000 + b"\n", b"x" * 10_000 + b"\n"),
    ],
)
def test_an_incomplete_line_is_removed(tmp_path, content, kept):
    path = tmp_path / "journal.log"
    path.write_bytes(content)
    cut_to_whole_lines(path)
    assert path.read_bytes() == kept


def test_a_journal_left_half_written_is_repaired(tmp_path):
    study = open_study(tmp_path, make_settings())
    next_trial(study, make_settings())
    with open(tmp_path / "journal.log", "ab") as file:
        file.write(b'{"op_code":6,"worker_')
    study.set_user_attr("after", 1)
    assert all(json.loads(line) for line in (tmp_path / "journal.log").read_text().splitlines())
    assert open_study(tmp_path, make_settings()).user_attrs["after"] == 1


def test_concurrent_writers_lose_nothing(tmp_path):
    studies = [open_study(tmp_path, make_settings()) for _ in range(4)]

    def write(index: int) -> None:
        for number in range(10):
            studies[index].set_user_attr(f"{index}-{number}", number)

    threads = [threading.Thread(target=write, args=(index,)) for index in range(len(studies))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(open_study(tmp_path, make_settings()).user_attrs) == 40
    assert open_journal(tmp_path).get_all_studies()


def test_values_are_in_range_and_have_the_right_type(tmp_path):
    settings = make_settings(ranges=RANGES, trials=20)
    study = open_study(tmp_path, settings)
    for _ in range(20):
        trial = next_trial(study, settings)
        assert trial.params.keys() == RANGES.keys()
        assert all(value in RANGES[key] for key, value in trial.params.items())
        assert [type(trial.params[key]) for key in RANGES] == [float, int, str, float]
        trial.report(0.5, 0)
        study.tell(trial, 0.5)
    assert len({record.params["optimizer"] for record in records(study)}) == 2


def test_the_seed_determines_a_search_beyond_its_random_trials(tmp_path):
    settings = make_settings(ranges=RANGES, trials=16)
    found = []
    for name, seed in (("one", 3), ("two", 3), ("other", 4)):
        (tmp_path / name).mkdir()
        for index in range(16):
            study = open_study(tmp_path / name, replace(settings, seed=seed))
            if index % 5 == 2 and name == "two":
                next_trial(study, replace(settings, seed=seed))
                study = open_study(tmp_path / name, replace(settings, seed=seed))
            trial = next_trial(study, replace(settings, seed=seed))
            trial.report(trial.params["learning_rate"] + trial.params["model.dropout"], 0)
            study.tell(trial, trial.params["learning_rate"] + trial.params["model.dropout"])
        found.append([(record.trial, record.params) for record in records(study)])
    assert found[0] == found[1]
    assert found[0] != found[2]


def test_an_interrupted_trial_is_queued_with_its_values_and_epochs(tmp_path):
    settings = make_settings()
    trial = next_trial(open_study(tmp_path, settings), settings)
    trial.report(0.7, 0)
    study = open_study(tmp_path, settings)
    assert (started_trials(study), records(study)) == (0, [])
    again = next_trial(study, settings)
    assert again.params == trial.params
    assert again.user_attrs["position"] == 1
    assert study.trials[again.number].intermediate_values == {0: 0.7}
    assert (started_trials(study), len(counted_trials(study))) == (1, 1)
    for _ in range(3):
        study = open_study(tmp_path, settings)
    assert len(counted_trials(study)) == 1
    assert next_trial(study, settings).params == trial.params


def test_a_trial_killed_before_it_had_values_is_sampled_again(tmp_path):
    settings = make_settings()
    open_study(tmp_path, settings).ask()
    study = open_study(tmp_path, settings)
    assert counted_trials(study) == []
    trial = next_trial(study, settings)
    (tmp_path / "other").mkdir()
    assert trial.params == next_trial(open_study(tmp_path / "other", settings), settings).params


def test_pruning_is_off_by_default():
    assert type(make_pruner(make_settings(prune_after_epochs=None))).__name__ == "NopPruner"


def test_settings_survive_json():
    settings = make_settings(ranges=RANGES, start={"learning_rate": 0.1}, epochs=3)
    assert from_json(settings.as_json()) == settings


@pytest.mark.parametrize(
    ("entry", "value", "inside"),
    [
        (Range(0.1, 0.2), 0.2, True),
        (Range(0.1, 0.2), 0.3, False),
        (Range(0.1, 0.2), None, False),
        (Range(1, 4), 4, True),
        (Range(choices=("adam",)), "adam", True),
        (Range(choices=("adam",)), "adamw", False),
    ],
)
def test_membership_in_a_range(entry, value, inside):
    assert (value in entry) is inside


def test_hyperparameters_override_the_settings_of_the_training():
    training = {"epochs": 3, "batch_size": 32, "model": {"units": 8}}
    merged = with_hyperparameters(training, {"batch_size": 64, "model.dropout": 0.2})
    assert merged == {"epochs": 3, "batch_size": 64, "model": {"units": 8, "dropout": 0.2}}
    assert training == {"epochs": 3, "batch_size": 32, "model": {"units": 8}}
    assert with_hyperparameters(training, None) == training


def test_a_trial_trains_alone_and_for_its_own_number_of_epochs():
    training = {"epochs": 30, "strategy": "multi_worker", "workers": 4, "batch_size": 64, "histogram_every_epochs": 1}
    alone = {"strategy": "none", "workers": 1, "histogram_every_epochs": 0}
    assert trial_training(training, {"batch_size": 128}, 5, alone) == {
        "epochs": 5, "strategy": "none", "workers": 1, "batch_size": 128, "histogram_every_epochs": 0,
    }  # fmt: skip
    assert trial_training(training, {"epochs": 7}, None, alone)["epochs"] == 7
