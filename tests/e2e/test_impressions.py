"""The workload with known probabilities: its config keeps its bounds, and no model beats the true probabilities."""

import harness
import pytest

from data.datasets.sample import ROWS
from data.simulation.shop import World
from data.synthetic import synthesize
from pipeline.run.local.runner import run
from pipeline.run.request import Request


@pytest.mark.slow
def test_the_shipped_config_ends_pushed_below_the_ceiling(tmp_path):
    assert run(Request(config="impressions", root=tmp_path / "runs", as_json=True)) == 0
    facts = harness.latest_facts(tmp_path / "runs", "impressions")
    assert facts["status"] == "pushed"
    assert all(check["missed_by"] is None for check in facts["verdict"]["checks"])
    best = synthesize(World(ROWS), tmp_path / "rows").ideal
    ceilings = {"overall": best["overall"]["auc"]}
    ceilings |= {f"user_segment={name}": of["auc"] for name, of in best["user_segment"].items()}
    measured = {check["slice"]: check["value"] for check in facts["verdict"]["checks"] if check["metric"] == "AUC"}
    assert measured.keys() == ceilings.keys()
    assert all(measured[name] < ceiling for name, ceiling in ceilings.items())
