"""The settings of ExampleGen, and how TFX carries them from the component to the executor."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from google.protobuf import struct_pb2
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.proto import example_gen_pb2
from tfx.types import standard_component_specs as specs
from tfx.utils import proto_utils

from components.arrow_example_gen.checks.columns import ColumnRule, Columns
from components.arrow_example_gen.splitting.assignment import Splitting

# The version of what our artifacts hold beside the shards: cached artifacts of an earlier one are not used.
ARTIFACT_LAYOUT = 2


@dataclass(frozen=True)
class Settings:
    """The columns that files must have, and what to do with their rows.

    ``on_bad_row`` and ``max_bad_share`` apply to CSV and JSON Lines. With ``splitting`` the rows of all files are
    assigned to splits. ``shuffle_rows`` is the size of the window in which rows are shuffled, 0 for none.
    """

    columns: Columns
    on_bad_row: Literal["fail", "quarantine"]
    max_bad_share: float
    splitting: Splitting | None = None
    shuffle_rows: int = 0
    seed: int = 0


def column_rules(
    schema: schema_pb2.Schema, above: Mapping[str, float], labels: Mapping[str, Sequence[int | str]]
) -> dict[str, ColumnRule]:
    """Return the rule of each column of a schema; label columns are always required."""
    return {
        feature.name: ColumnRule(
            schema_pb2.FeatureType.Name(feature.type),
            required=feature.presence.min_fraction == 1.0 or feature.name in labels,
            above=above.get(feature.name),
            labels=labels.get(feature.name),
        )
        for feature in schema.feature
    }


def pack(settings: Settings) -> example_gen_pb2.CustomConfig:
    """Return the settings as the ``custom_config`` of the component, which is part of its cache key."""
    packed = struct_pb2.Struct()
    packed["settings"] = json.dumps({**dataclasses.asdict(settings), "layout": ARTIFACT_LAYOUT})
    custom = example_gen_pb2.CustomConfig()
    custom.custom_config.Pack(packed)
    return custom


def unpack(exec_properties: Mapping[str, Any]) -> Settings:
    """Return the settings that ``pack`` put into the component."""
    custom = example_gen_pb2.CustomConfig()
    proto_utils.json_to_proto(exec_properties[specs.CUSTOM_CONFIG_KEY], custom)
    packed = struct_pb2.Struct()
    custom.custom_config.Unpack(packed)
    settings = json.loads(packed["settings"])
    del settings["layout"]
    columns = settings.pop("columns")
    rules = {name: ColumnRule(**rule) for name, rule in columns["rules"].items()}
    splitting = settings.pop("splitting")
    return Settings(Columns(rules, columns["others"]), **settings, splitting=splitting and Splitting(**splitting))
