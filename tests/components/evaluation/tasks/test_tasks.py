"""The two sides of a task, and the metrics of all tasks."""

import importlib
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from fakes.report.report_settings import SETTINGS
from sklearn.metrics import log_loss

from components.batch_evaluator.component import BatchEvaluator
from components.batch_evaluator.inputs import read_label
from components.batch_evaluator.scoring import Scorer, as_column, checked_scores
from components.evaluation.tasks.registry import BY_KIND, EVALUATION, KINDS, METRICS, SIDES, evaluation_of, scale_of
from components.evaluation.verdict import Measurement, without_value
from components.slice_report.settings import from_json
from pipeline.errors import DataError, MainlineError
from pipeline.features.feature import Transformed
from pipeline.features.table import Table, targets
from pipeline.label import TASKS, Label, label_of
from pipeline.task.registry import TRAINING

LABEL = Label("y")
TEXT = Label("y", positive="yes", values=("no", "yes"))
ROWS = pa.table({"y": [0, 1, 1, 0], "score": [0.2, 0.9, 0.4, 0.4]})


def test_each_task_has_both_sides_in_modules_of_one_name():
    assert set(TRAINING) == set(EVALUATION) == set(TASKS.values())
    for task in TRAINING:
        training, evaluation = TRAINING[task], EVALUATION[task]
        assert training.__module__ == f"pipeline.task.{task.name}"
        assert evaluation.__module__ == f"components.evaluation.tasks.{task.name}"
        assert {type(side(Label("y", task())).label.task) for side in (training, evaluation)} == {task}


def test_kinds_and_names_of_metrics_are_unique_over_all_tasks():
    assert len(KINDS) == len(BY_KIND) == len(set(METRICS.values()))
    assert all(set(task.kinds) <= set(KINDS) for task in EVALUATION.values())


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.module])
def test_a_metric_that_tfma_lacks_is_a_class_of_its_module(kind):
    assert getattr(importlib.import_module(kind.module), kind.kind)(group_by=["user"]).get_config()["name"] == kind.name


def test_what_is_said_of_a_metric_is_said_once():
    assert (SIDES["auc"], SIDES["binary_crossentropy"], SIDES["mean_prediction"]) == ("higher", "lower", "")
    assert "example_count" not in SIDES
    assert (scale_of("binary_crossentropy"), scale_of("recall"), scale_of("of no task")) == (
        "positive",
        "share",
        "share",
    )
    assert without_value("Recall", {"recall": Measurement(float("nan"))}) == "undefined: no row has label 1"
    assert without_value("MeanLabel", {"mean_label": Measurement(float("nan"))}) == "undefined"


def test_a_plain_label_is_the_name_of_its_column():
    assert (LABEL.as_data(), LABEL.is_plain, label_of("y")) == ("y", True, LABEL)
    table, same = Table((), "y"), Table((), LABEL)
    assert table.target == same.target == LABEL
    assert targets(table) == targets(same) == (Transformed("y_xf", "int64"),)


def test_a_plain_label_adds_no_property_to_the_evaluator():
    properties = [BatchEvaluator(**wired(), label=label).spec.exec_properties for label in (None, LABEL)]
    assert properties[0] == properties[1]
    assert properties[0]["label"] is None


def test_labels_predictions_and_losses_of_a_binary_task():
    task = evaluation_of(LABEL)
    label, prediction = task.labels(ROWS), task.predictions(ROWS, "score")
    assert task.losses(label, prediction).mean() == pytest.approx(log_loss(label, prediction))
    with pytest.raises(DataError, match="neither 0 nor 1"):
        task.labels(pa.table({"y": [0, 2]}))
    with pytest.raises(MainlineError, match="outside of"):
        task.predictions(pa.table({"score": [0.5, 1.5]}), "score")


def test_labels_of_text_are_their_place_among_the_values():
    task = evaluation_of(TEXT)
    rows = pa.table({"y": ["no", "yes", "yes"]})
    assert task.labels(rows).tolist() == [0, 1, 1]
    assert str(task.labels_or_nan(pa.table({"y": ["yes", None, "no"]})).tolist()) == "[1.0, nan, 0.0]"
    with pytest.raises(DataError, match="none of the label's values") as caught:
        task.labels(pa.table({"y": ["no", "maybe"]}))
    assert caught.value.expected == "'no' or 'yes'"


def test_a_label_of_text_goes_to_the_evaluator_and_the_report():
    properties = BatchEvaluator(**wired(), label=TEXT).spec.exec_properties
    assert read_label(properties, None) == TEXT
    settings = replace(SETTINGS, label=TEXT)
    assert from_json(settings.as_json()) == settings
    assert from_json(SETTINGS.as_json()) == SETTINGS
    assert '"label": "label"' in SETTINGS.as_json()


def test_outputs_have_the_width_of_the_task():
    scorer = Scorer("score", "model", "serving_default", "score", LABEL)
    assert checked_scores(np.ones((3, 1), np.float32), 3, scorer).shape == (3,)
    with pytest.raises(MainlineError, match="not one score per row"):
        checked_scores(np.ones((3, 2), np.float32), 3, scorer)
    with pytest.raises(DataError, match="not finite"):
        checked_scores(np.array([[np.nan]]), 1, scorer)


def test_several_outputs_are_a_column_of_lists_of_equal_length():
    assert as_column(np.ones(2, np.float32)).type == pa.float32()
    column = as_column(np.arange(6, dtype=np.float32).reshape(3, 2))
    assert (column.type, column.to_pylist()[2]) == (pa.list_(pa.float32(), 2), [4.0, 5.0])


def wired() -> dict:
    from tfx.types import standard_artifacts
    from tfx.types.channel import Channel

    kinds = {"examples": standard_artifacts.Examples, "model": standard_artifacts.Model}
    return {key: Channel(type=kind) for key, kind in kinds.items()}
