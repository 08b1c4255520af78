"""Names each part of the Kubernetes client that is gone."""

import importlib.util
import sys

import pytest
from fakes.processes import json_from

from components.compat.kubernetes import without_validation


@pytest.mark.parametrize(
    "module", ["pipeline.kubeflow.compile.pipeline_spec", "components.distributed_trainer.kubernetes.pod_log"]
)
def test_the_kubernetes_client_comes_without_what_it_would_take_along(module):
    found = json_from(
        f"""
import json, sys
import {module}
taken = [name for name in ("kubernetes_validate", "rfc3987_syntax") if name in sys.modules]
client = "kubernetes.dynamic.client" in sys.modules
import kubernetes_validate
print(json.dumps({{"client": client, "taken": taken, "there": kubernetes_validate.__name__}}))
"""
    )
    assert found == {"client": True, "taken": [], "there": "kubernetes_validate"}


def test_a_validation_that_is_imported_already_stays():
    import kubernetes_validate

    with without_validation():
        import kubernetes_validate as inside
    assert inside is kubernetes_validate


def test_the_validation_is_hidden_in_the_block_alone(monkeypatch):
    monkeypatch.delitem(sys.modules, "kubernetes_validate", raising=False)
    with without_validation():
        assert importlib.util.find_spec("json")
        with pytest.raises(ImportError):
            import kubernetes_validate  # noqa: F401
    assert "kubernetes_validate" not in sys.modules
