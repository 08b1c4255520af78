"""With TFMA's engine, Evaluator also writes the predictions and the model's digest."""

import pytest
import tensorflow_model_analysis as tfma
from fakes.stock.evaluator_runs import make_config

from components.artifacts.model_digest import JUDGED
from components.batch_evaluator.stock_executor import StockExecutor
from components.evaluation.predictions import read_predictions


@pytest.mark.parametrize("lower", [0.5, 1.0])
def test_it_leaves_what_the_report_and_pusher_need(lower, world, run_executor, tmp_path):
    config = make_config("AUC", "ExampleCount", slices=({}, {"feature_keys": ["sex"]}))
    config.metrics_specs[0].metrics[0].threshold.value_threshold.lower_bound.value = lower
    stock = run_executor(config, baseline=world.baseline, executor=StockExecutor)
    (tmp_path / "evaluation").rename(tmp_path / "stock")
    (tmp_path / "blessing").rename(tmp_path / "stock_blessing")
    ours = run_executor(config, baseline=world.baseline)
    assert read_predictions(str(tmp_path / "stock")).equals(read_predictions(ours.evaluation))
    for name in (JUDGED, "current_model", "baseline_model"):
        found = stock.blessing.get_string_custom_property(name)
        assert found == ours.blessing.get_string_custom_property(name) != ""
    assert stock.blessing.get_int_custom_property("blessed") == ours.blessing.get_int_custom_property("blessed")
    found, expected = (
        tfma.load_eval_result(str(path), model_name=tfma.CANDIDATE_KEY).get_metrics_for_all_slices()
        for path in (tmp_path / "stock", ours.evaluation)
    )
    assert found.keys() == expected.keys()
    for key in found:
        assert found[key]["example_count"] == expected[key]["example_count"]
        assert found[key]["auc"]["doubleValue"] == pytest.approx(expected[key]["auc"]["doubleValue"], abs=1e-2)
