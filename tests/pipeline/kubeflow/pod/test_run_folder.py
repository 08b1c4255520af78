import json
from pathlib import Path

import pytest

from components.support.retry import Backoff
from pipeline.config.load import load_config
from pipeline.config.root import Config
from pipeline.errors import ConfigError, InputError, MainlineError
from pipeline.kubeflow.pod.arguments import PodArguments, config_of
from pipeline.kubeflow.pod.run_folder import enter_run, find_run, name_file
from pipeline.kubeflow.volume_paths import pipeline_root, rows_folder

RUN = "0b0f3f7e-1111-4222-8333-444455556666"


@pytest.fixture
def config(tmp_path) -> Config:
    sets = (f"kubeflow.mount_path={tmp_path}", f"kubeflow.root={tmp_path}/runs", "kubeflow.image=image")
    return load_config("census", sets, env="kubeflow")


def arguments(config: Config, run: str = RUN, overrides: str = "{}", *parameters: tuple[str, str]) -> PodArguments:
    return PodArguments(run, json.dumps(config.model_dump(mode="json", exclude_defaults=True)), overrides, parameters)


def test_the_config_is_the_compiled_one(config):
    assert config_of(arguments(config)) == config


def test_parameters_override_the_config_and_overrides_override_both(config):
    given = arguments(config, RUN, "{training: {epochs: 9, batch_size: 64}}", ("training.epochs", "3"),
                  ("training.learning_rate", "0.01"), ("workload", "census"))  # fmt: skip
    training = config_of(given).training
    assert (training.epochs, training.batch_size, training.learning_rate) == (9, 64, 0.01)


def test_a_string_stays_a_string_whatever_it_looks_like(config):
    named = config.model_copy(update={"workload": "2024"})
    assert config_of(arguments(named, RUN, "{}", ("workload", "1999"))).workload == "1999"


@pytest.mark.parametrize("overrides", ["[1]", "a: [", "training: {epoch: 3}"])
def test_invalid_overrides_are_refused(config, overrides):
    with pytest.raises(ConfigError, match="parameter"):
        config_of(arguments(config, RUN, overrides))


def test_rows_of_a_data_set_are_below_the_root(config):
    assert rows_folder(config) == Path(config.kubeflow.root) / "data/prepared/census/given-0"


def test_all_pods_of_a_run_share_a_folder_and_a_config(config):
    first, place = enter_run(arguments(config))
    # Another pod of the run, with other parameters, as if a new span had appeared.
    second, other = enter_run(arguments(config, RUN, "{training: {epochs: 1}}"))
    assert (second, other) == (first, place)
    assert place.folder.is_relative_to(pipeline_root(config) / "history")
    assert place.run_id.endswith(RUN[:8])
    assert find_run(pipeline_root(config), RUN) == (first, place)


def test_the_first_pod_of_a_run_chooses_the_span(config, tmp_path):
    def span(number: int) -> Path:
        folder = tmp_path / f"span-{number}"
        for split in ("train", "eval", "test"):
            (folder / split).mkdir(parents=True)
            (folder / split / "rows.csv").write_text("a\n1\n")
        (folder / "_SUCCESS").touch()
        return folder

    data = config.data.model_copy(update={"dataset": None, "path": f"{tmp_path}/span-{{SPAN}}"})
    first = span(1)
    chosen, _ = enter_run(arguments(config.model_copy(update={"data": data})))
    assert chosen.data.path == str(first)
    # A later span appears and the first is moved away: this run ignores both.
    span(2)
    first.rename(tmp_path / "archive")
    again, _ = enter_run(arguments(config.model_copy(update={"data": data})))
    assert again == chosen


def test_a_file_that_another_pod_is_writing_is_waited_for(config, monkeypatch):
    monkeypatch.setattr("pipeline.kubeflow.pod.run_folder.HALF_WRITTEN", Backoff(0.1, 0.1, timeout_s=0.3))
    file = name_file(pipeline_root(config), RUN)
    file.parent.mkdir(parents=True)
    file.write_text('{"ru')
    with pytest.raises(MainlineError, match="incomplete"):
        enter_run(arguments(config))
    file.write_text('{"run": "20260101T000000-0b0f3f7e"}')
    assert enter_run(arguments(config))[1].run_id == "20260101T000000-0b0f3f7e"


def test_every_run_has_its_own_folder(config):
    _, one = enter_run(arguments(config))
    _, two = enter_run(arguments(config, "1" + RUN[1:]))
    assert one.folder != two.folder


def test_a_run_without_a_started_pod_has_no_folder(config):
    with pytest.raises(InputError, match="none of its nodes has started"):
        find_run(pipeline_root(config), RUN)
