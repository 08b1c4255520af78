"""The settings that a run of a compiled pipeline can change."""

from typing import Any

from pipeline.config.root import Config
from pipeline.errors import ConfigError


def parameters_of(config: Config) -> dict[str, Any]:
    """The values in the config of ``kubeflow.parameters``, by their names in Kubeflow Pipelines.

    Raises:
        ConfigError: an unknown key, or one whose value is a mapping or a list.
    """
    return {parameter_name(key): value_at(config, key) for key in config.kubeflow.parameters}


def parameter_name(key: str) -> str:
    """The name of the parameter for a key of the config.

    >>> parameter_name("training.learning_rate")
    'training_learning_rate'
    """
    return key.replace(".", "_")


def value_at(config: Config, key: str) -> Any:
    """The value of a dotted key.

    Raises:
        ConfigError: an unknown key, or one whose value is a mapping or a list.
    """
    value: Any = config.model_dump(mode="json")
    for part in key.split("."):
        if not isinstance(value, dict) or part not in value:
            raise ConfigError("kubeflow.parameters", "unknown key", received=key)
        value = value[part]
    if not isinstance(value, (str, int, float)):
        raise ConfigError(
            "kubeflow.parameters",
            "not a single value",
            expected="a string or a number",
            received=key,
        )
    return value
