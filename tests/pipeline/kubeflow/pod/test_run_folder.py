import json
from pathlib import Path

import pytest

from pipeline.config.load import load_config
from pipeline.config.root import Config
from pipeline.errors import ConfigError, InputError, MainlineError
from pipeline.kubeflow.pod.run_folder import Asked, asked_config, begin, begun, pipeline_root, record_of, rows_folder

RUN = "0b0f3f7e-1111-4222-8333-444455556666"


@pytest.fixture
def config(tmp_path) -> Config:
    sets = (f"kubeflow.mount_path={tmp_path}", f"kubeflow.root={tmp_path}/runs", "kubeflow.image=image")
    return load_config("census", sets, env="kubeflow")


def asked(config: Config, run: str = RUN, overrides: str = "{}", *parameters: tuple[str, str]) -> Asked:
    return Asked(run, json.dumps(config.model_dump(mode="json", exclude_defaults=True)), overrides, parameters)


def test_the_config_is_the_compiled_one(config):
    assert asked_config(asked(config)) == config


def test_parameters_are_laid_over_it_and_overrides_over_both(config):
    given = asked(config, RUN, "{training: {epochs: 9, batch_size: 64}}", ("training.epochs", "3"),
                  ("training.learning_rate", "0.01"), ("workload", "census"))  # fmt: skip
    training = asked_config(given).training
    assert (training.epochs, training.batch_size, training.learning_rate) == (9, 64, 0.01)


def test_a_text_stays_a_text_whatever_it_looks_like(config):
    named = config.model_copy(update={"workload": "2024"})
    assert asked_config(asked(named, RUN, "{}", ("workload", "1999"))).workload == "1999"


@pytest.mark.parametrize("overrides", ["[1]", "a: [", "training: {epoch: 3}"])
def test_overrides_that_make_no_sense_are_refused(config, overrides):
    with pytest.raises(ConfigError, match="parameter"):
        asked_config(asked(config, RUN, overrides))


def test_rows_of_a_data_set_are_below_the_root(config):
    assert rows_folder(config) == Path(config.kubeflow.root) / "data/prepared/census/given-0"


def test_all_pods_of_a_run_have_one_place_and_one_config(config):
    first, place = begin(asked(config))
    # Another pod of the run, which sees other parameters, as it would a span that came meanwhile.
    second, other = begin(asked(config, RUN, "{training: {epochs: 1}}"))
    assert (second, other) == (first, place)
    assert place.folder.is_relative_to(pipeline_root(config) / "history")
    assert place.run_id.endswith(RUN[:8])
    assert begun(pipeline_root(config), RUN) == (first, place)


def test_the_span_of_a_run_is_settled_by_its_first_pod(config, tmp_path):
    def span(number: int) -> Path:
        folder = tmp_path / f"span-{number}"
        for split in ("train", "eval", "test"):
            (folder / split).mkdir(parents=True)
            (folder / split / "rows.csv").write_text("a\n1\n")
        (folder / "_SUCCESS").touch()
        return folder

    data = config.data.model_copy(update={"dataset": None, "path": f"{tmp_path}/span-{{SPAN}}"})
    first = span(1)
    settled, _ = begin(asked(config.model_copy(update={"data": data})))
    assert settled.data.path == str(first)
    # A later one appears, and the folder of the first is put away: neither is a matter of this run.
    span(2)
    first.rename(tmp_path / "archive")
    again, _ = begin(asked(config.model_copy(update={"data": data})))
    assert again == settled


def test_a_record_that_another_pod_is_writing_is_waited_for(config, monkeypatch):
    monkeypatch.setattr("pipeline.kubeflow.pod.run_folder.RECORD_TIMEOUT_S", 0.3)
    record = record_of(pipeline_root(config), RUN)
    record.parent.mkdir(parents=True)
    record.write_text('{"ru')
    with pytest.raises(MainlineError, match="half written"):
        begin(asked(config))
    record.write_text('{"run": "20260101T000000-0b0f3f7e"}')
    assert begin(asked(config))[1].run_id == "20260101T000000-0b0f3f7e"


def test_runs_have_places_of_their_own(config):
    _, one = begin(asked(config))
    _, two = begin(asked(config, "1" + RUN[1:]))
    assert one.folder != two.folder


def test_a_run_of_which_no_pod_began_has_no_place(config):
    with pytest.raises(InputError, match="no node of it has begun"):
        begun(pipeline_root(config), RUN)
