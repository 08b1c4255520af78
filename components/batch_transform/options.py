"""Refuses settings of stock Transform that BatchTransform does not support, before anything is read."""

from collections.abc import Mapping
from typing import Any

from tfx import types
from tfx.types import standard_component_specs as specs

from pipeline.errors import ConfigError

Artifacts = dict[str, list[types.Artifact]]
# The arguments of the component without which stock Transform writes statistics and a cache.
STATISTICS = "disable_statistics=True"
CACHE = "disable_analyzer_cache=True"
UNKNOWN_PROPERTIES = {
    specs.MODULE_FILE_KEY: "preprocessing_fn by its dotted path",
    specs.MODULE_PATH_KEY: "preprocessing_fn by its dotted path",
    specs.STATS_OPTIONS_UPDATER_FN_KEY: "none",
    specs.FORCE_TF_COMPAT_V1_KEY: "TensorFlow 2",
}


def check_settings(inputs: Artifacts, outputs: Artifacts, properties: Mapping[str, Any]) -> None:
    """Refuse unsupported settings.

    Raises:
        ConfigError: a setting is not supported.
    """
    if not properties.get(specs.DISABLE_STATISTICS_KEY):
        refuse(specs.DISABLE_STATISTICS_KEY, STATISTICS)
    for key in (specs.ANALYZER_CACHE_KEY, specs.UPDATED_ANALYZER_CACHE_KEY):
        if inputs.get(key) or outputs.get(key):
            refuse(key, CACHE)
    for key, expected in UNKNOWN_PROPERTIES.items():
        if properties.get(key):
            refuse(key, expected)


def refuse(key: str, expected: str) -> None:
    """Refuse a setting.

    Raises:
        ConfigError: always.
    """
    raise ConfigError(
        f"BatchTransform: {key}", "not supported by this Transform", expected=expected,
        next_step="Change it, or set transform.engine=stock.",
    )  # fmt: skip
