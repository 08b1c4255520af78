"""Which options of TFDV are taken, and the generators that they ask for."""

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

# What each may be; anything else asks for what is not done here.
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
    """Refuses what is not done here.

    Raises:
        ConfigError: it names the option.
    """
    for name, allowed in ALLOWED.items():
        # TFDV 1.21 has no experimental_slice_sqls: what it does not know cannot be asked for.
        received = getattr(options, name, allowed[0])
        if received not in allowed:
            raise ConfigError(
                f"BatchStatisticsGen: stats_options.{name.lstrip('_')}", "not known to this StatisticsGen",
                expected=" or ".join(map(repr, allowed)), received=repr(received),
                next_step="Leave it out, or use tfx.components.StatisticsGen.",
            )  # fmt: skip


@functools.lru_cache(maxsize=4)
def read_options(text: str) -> tfdv.StatsOptions:
    """Options from the JSON that travels to the workers; read once a process, and not to be changed."""
    return tfdv.StatsOptions.from_json(text)


@functools.lru_cache(maxsize=4)
def generators(text: str) -> tuple[CombinerStatsGenerator, ...]:
    """The generators that TFDV has for some options as JSON.

    The one for top values, which in TFDV is a transform with a record for each value, is replaced.
    """
    options = read_options(text)
    found = tuple(
        TopValues(options) if isinstance(generator, TopKUniquesStatsGenerator) else generator
        for generator in get_generators(options)
    )
    for generator in found:
        generator.setup()
    return found
