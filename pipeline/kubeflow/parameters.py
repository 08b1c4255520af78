"""The settings that a run of a compiled pipeline may change."""

from typing import Any

from pipeline.config.root import Config
from pipeline.errors import ConfigError


def parameters_of(config: Config) -> dict[str, Any]:
    """The settings that a run may change, by their name in Kubeflow Pipelines, with the values of the config.

    Raises:
        ConfigError: a key that is none of the config, or whose value is a mapping or a list.
    """
    return {parameter_name(key): value_at(config, key) for key in config.kubeflow.parameters}


def parameter_name(key: str) -> str:
    """What a key of the config is called as a parameter.

    >>> parameter_name("training.learning_rate")
    'training_learning_rate'
    """
    return key.replace(".", "_")


def value_at(config: Config, key: str) -> Any:
    """The value of a dotted key."""
    value: Any = config.model_dump(mode="json")
    for part in key.split("."):
        if not isinstance(value, dict) or part not in value:
            raise ConfigError("kubeflow.parameters", "no such key in the config", received=key)
        value = value[part]
    if not isinstance(value, (str, int, float)):
        raise ConfigError("kubeflow.parameters", "not a single value", expected="a text or a number", received=key)
    return value
