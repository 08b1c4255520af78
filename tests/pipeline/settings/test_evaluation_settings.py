from dataclasses import replace

import pytest
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.utils import io_utils

from components.batch_evaluator.plan import make_plan
from pipeline.config import evaluation as config
from pipeline.criteria import Threshold
from pipeline.errors import ConfigError
from pipeline.label import Label
from pipeline.settings.evaluation import make_eval_config
from pipeline.workloads.contract import load_workload

CENSUS = load_workload("census")
SCHEMA: schema_pb2.Schema = io_utils.SchemaReader().read(str(CENSUS.schema))


def areas(settings: config.Evaluation) -> dict[str, int | None]:
    """The number of thresholds of each area metric, by its name in the results."""
    plan = make_plan(make_eval_config(CENSUS, settings, SCHEMA), has_baseline=False)
    return {key.name: metric.thresholds for key, metric in plan.metrics.items() if metric.kind.startswith("AUC")}


def test_areas_are_exact_unless_the_config_asks_for_stock_ones():
    assert areas(config.Evaluation()) == {"auc": None, "auc_precision_recall": None}
    assert areas(config.Evaluation(auc="stock")) == {"auc": 10_000, "auc_precision_recall": 10_000}


def test_an_exact_area_has_another_config_than_in_earlier_releases():
    exact, stock = (make_eval_config(CENSUS, config.Evaluation(auc=auc), SCHEMA) for auc in ("exact", "stock"))
    texts = [metric.config for made in (exact, stock) for metric in made.metrics_specs[0].metrics[:2]]
    assert len(set(texts)) == 3
    assert "" not in texts


def test_a_bound_names_the_value_as_the_evaluation_does():
    bound = Threshold(metric="AUC", lower=0.5, slice={"sex": "1e0"})
    made = make_eval_config(CENSUS, config.Evaluation(bounds=(bound,)), SCHEMA)
    (threshold,) = made.metrics_specs[0].metrics[0].per_slice_thresholds[:1]
    assert dict(threshold.slicing_specs[0].feature_values) == {"sex": "1e0"}
    numbers = schema_pb2.Schema(feature=[schema_pb2.Feature(name="sex", type=schema_pb2.FLOAT)])
    made = make_eval_config(CENSUS, config.Evaluation(bounds=(bound,)), numbers)
    assert dict(made.metrics_specs[0].metrics[0].per_slice_thresholds[0].slicing_specs[0].feature_values) == {
        "sex": "1.0"
    }


def test_metrics_within_groups_are_computed_where_the_config_names_groups():
    settings = config.Evaluation(rank_by=("race", "sex"), rank_at=3, bounds=(Threshold("GroupAUC", lower=0.6),))
    plan = make_plan(make_eval_config(CENSUS, settings, SCHEMA), has_baseline=False)
    ranked = {key.name: (metric.group_by, metric.top) for key, metric in plan.metrics.items() if metric.group_by}
    by = ("race", "sex")
    assert ranked == {
        "group_auc": (by, 10), "group_hit_rate": (by, 3), "group_map": (by, 3), "group_ndcg": (by, 3)
    }  # fmt: skip
    without = make_plan(make_eval_config(CENSUS, config.Evaluation(), SCHEMA), has_baseline=False)
    assert {key.name for key in plan.metrics} - {key.name for key in without.metrics} == set(ranked)


def test_stock_evaluator_ranks_nothing_within_groups():
    with pytest.raises(ConfigError, match=r"evaluation.rank_by: TFMA does not compute") as caught:
        make_eval_config(CENSUS, config.Evaluation(engine="stock", rank_by=("race",)), SCHEMA)
    assert "evaluation.engine=batch" in caught.value.next_step


@pytest.mark.parametrize(("kind", "is_refused"), [("FLOAT", True), ("INT", False), ("BYTES", False)])
def test_stock_evaluator_cannot_bound_a_slice_of_a_float_column(kind, is_refused):
    schema = schema_pb2.Schema(feature=[schema_pb2.Feature(name="sex", type=kind)])
    bound = Threshold(metric="AUC", lower=0.5, slice={"sex": "1"})
    settings = config.Evaluation(engine="stock", bounds=(bound,))
    if not is_refused:
        assert make_eval_config(CENSUS, settings, schema)
        return
    with pytest.raises(ConfigError, match="bound on AUC, slice sex=1: TFMA cannot find") as caught:
        make_eval_config(CENSUS, settings, schema)
    assert "evaluation.engine=batch" in caught.value.next_step


def test_a_bound_on_a_value_that_the_column_cannot_have_is_refused():
    numbers = schema_pb2.Schema(feature=[schema_pb2.Feature(name="sex", type=schema_pb2.INT)])
    bound = Threshold(metric="AUC", lower=0.5, slice={"sex": "Male"})
    with pytest.raises(ConfigError, match="slice sex=Male: not a value of the column"):
        make_eval_config(CENSUS, config.Evaluation(bounds=(bound,)), numbers)


def test_stock_evaluator_reads_no_text_as_a_label():
    texts = replace(CENSUS, table=replace(CENSUS.table, label=Label("over_50k", positive=">50K")))
    with pytest.raises(ConfigError, match=r"evaluation.engine: TFMA takes no text as a label") as caught:
        make_eval_config(texts, config.Evaluation(engine="stock", confidence_intervals=False, cluster_by=()), SCHEMA)
    assert (caught.value.exit_code, caught.value.next_step) == (2, "Set evaluation.engine=batch.")
    assert make_eval_config(texts, config.Evaluation(), SCHEMA).model_specs[0].label_key == "over_50k"
