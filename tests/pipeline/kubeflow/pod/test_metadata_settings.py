"""Settings of ML Metadata in the environment of a pod."""

import pytest

from pipeline.config.root import Metadata
from pipeline.errors import ConfigError
from pipeline.kubeflow.pod.metadata_settings import from_environment


def test_the_environment_overrides_the_config():
    environment = {"MAINLINE_MLMD_BACKEND": "postgresql", "MAINLINE_MLMD_HOST": "db", "HOST": "no",
                   "MAINLINE_MLMD_PORT": "6000", "MAINLINE_MLMD_USER": ""}  # fmt: skip
    settings = from_environment(Metadata(backend="mysql", user="someone"), environment)
    assert (settings.backend, settings.host, settings.port, settings.user) == ("postgresql", "db", 6000, "someone")


@pytest.mark.parametrize("wrong", [{"BACKEND": "oracle"}, {"PORT": "many"}, {"PORT": "0"}])
def test_an_invalid_environment_is_refused(wrong):
    environment = {f"MAINLINE_MLMD_{name}": value for name, value in wrong.items()}
    with pytest.raises(ConfigError, match="MAINLINE_MLMD_"):
        from_environment(Metadata(), environment)


def test_variables_that_kubernetes_sets_for_a_service_are_ignored():
    environment = {"MAINLINE_METADATA_PORT": "tcp://10.96.0.7:3306", "MAINLINE_METADATA_SERVICE_HOST": "10.96.0.7"}
    assert from_environment(Metadata(backend="mysql"), environment) == Metadata(backend="mysql")
