"""The supported options of TFDV, and the generators for them."""

import functools
from collections.abc import Mapping
from typing import Any

import tensorflow_data_validation as tfdv

from components.batch_statistics.top_values import TopValues
from components.compat.tfdv import (
    WEIGHT_OVERRIDE,
    CombinerStatsGenerator,
    TopKUniquesStatsGenerator,
    get_generators,
)
from pipeline.errors import ConfigError

# The supported values of the options that are not supported in full.
ALLOWED: Mapping[str, tuple[Any, ...]] = {
    "generators": (None, []),
    "label_feature": (None,),
    "sample_rate": (None, 1, 1.0),
    "experimental_slice_functions": (None, []),
    "experimental_slice_sqls": (None, []),
    "slicing_config": (None,),
    WEIGHT_OVERRIDE: (None, {}),
    "experimental_num_feature_partitions": (1,),
    "experimental_result_partitions": (1,),
    "experimental_filter_read_paths": (False,),
}


def check_options(options: tfdv.StatsOptions) -> None:
    """Refuse unsupported options.

    Raises:
        ConfigError: an option has an unsupported value.
    """
    for name, allowed in ALLOWED.items():
        # TFDV 1.21 has no experimental_slice_sqls, which then cannot be set.
        received = getattr(options, name, allowed[0])
        if received not in allowed:
            raise ConfigError(
                f"BatchStatisticsGen: stats_options.{name.lstrip('_')}", "not supported by this StatisticsGen",
                expected=" or ".join(map(repr, allowed)), received=repr(received),
                next_step="Remove it, or set statistics.engine=stock.",
            )  # fmt: skip


@functools.lru_cache(maxsize=4)
def read_options(text: str) -> tfdv.StatsOptions:
    """Read options from the JSON that is sent to workers; cached for each process, so do not change the result."""
    return tfdv.StatsOptions.from_json(text)


@functools.lru_cache(maxsize=4)
def generators(text: str) -> tuple[CombinerStatsGenerator, ...]:
    """Return TFDV's generators for some options as JSON, with ours in place of the one for top values."""
    options = read_options(text)
    found = tuple(
        TopValues(options) if isinstance(generator, TopKUniquesStatsGenerator) else generator
        for generator in get_generators(options)
    )
    for generator in found:
        generator.setup()
    return found
