"""Each of three nodes has our executor or TFX's own, as the config says."""

import pytest
from tfx.components.statistics_gen.component import StatisticsGen

from components.batch_evaluator.component import BatchEvaluator, StockEvaluator
from components.batch_statistics.component import BatchStatisticsGen
from components.batch_transform.component import BatchTransform, StockTransform
from pipeline.config.load import load_config
from pipeline.errors import ConfigError
from pipeline.nodes import EVALUATOR, STATISTICS_GEN, TRANSFORM
from pipeline.pipeline import create_pipeline

BATCH = {STATISTICS_GEN: BatchStatisticsGen, TRANSFORM: BatchTransform, EVALUATOR: BatchEvaluator}


@pytest.mark.parametrize(
    ("override", "node", "component"),
    [
        ("statistics.engine=stock", STATISTICS_GEN, StatisticsGen),
        ("transform.engine=stock", TRANSFORM, StockTransform),
        ("evaluation.engine=stock", EVALUATOR, StockEvaluator),
        ("evaluation.engine=batch", EVALUATOR, BatchEvaluator),
    ],
)
def test_the_config_chooses_the_executor_of_a_node(override, node, component, tmp_path):
    config = load_config("census", ("data.dataset=null", "data.path=rows", override))
    graph = create_pipeline(config, tmp_path / "rows", tmp_path / "root")
    found = {one.id: type(one) for one in graph.components if one.id in BATCH}
    assert found == BATCH | {node: component}


def test_another_engine_is_refused():
    with pytest.raises(ConfigError, match=r"transform\.engine"):
        load_config("census", ("transform.engine=beam",))
