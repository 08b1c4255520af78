"""Tuner: searches hyperparameters for Trainer; its outputs are those of TFX's Tuner."""

import json
from collections.abc import Mapping
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.tuner.executor import Executor
from components.tuner.settings import Settings


class TunerSpec(ComponentSpec):
    """Transformed examples to the best hyperparameters and all trials."""

    PARAMETERS = {  # noqa: RUF012
        "run_fn": ExecutionParameter(type=str),
        "training": ExecutionParameter(type=str),
        "settings": ExecutionParameter(type=str),
        "source": ExecutionParameter(type=str),
    }
    INPUTS = {  # noqa: RUF012
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "transform_graph": ChannelParameter(type=standard_artifacts.TransformGraph),
        "schema": ChannelParameter(type=standard_artifacts.Schema),
    }
    OUTPUTS = {  # noqa: RUF012
        "best_hyperparameters": ChannelParameter(type=standard_artifacts.HyperParameters),
        "tuner_results": ChannelParameter(type=standard_artifacts.TunerResults),
    }


class Tuner(base_component.BaseComponent):
    """Trains the model many times, each in its own process, and keeps the hyperparameters of the best trial.

    TFX's own Tuner runs KerasTuner in one process, and cannot resume after it was killed.

    ``best_hyperparameters`` is for Trainer's ``hyperparameters``: values by dotted key, relative to its custom_config's
    ``training`` (``components.tuner.overrides.with_hyperparameters``). ``tuner_results`` holds ``trials.json`` and
    ``tensorboard/``.

    Args:
        run_fn: dotted path of the training function, which must call ``components.tuner.report.report`` after each
            epoch.
        training: the settings that every trial starts from.
        settings: the search.
        source: digest of the code of ``run_fn``, so that an edit invalidates the cache.
        examples: transformed examples, with the splits ``train`` and ``eval``.
        transform_graph: output of Transform.
        schema: the curated schema.
    """

    SPEC_CLASS = TunerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        run_fn: str,
        training: Mapping[str, Any],
        settings: Settings,
        source: str,
        examples: types.BaseChannel,
        transform_graph: types.BaseChannel,
        schema: types.BaseChannel,
    ) -> None:
        spec = TunerSpec(
            run_fn=run_fn, training=json.dumps(training, sort_keys=True), settings=settings.as_json(), source=source,
            examples=examples, transform_graph=transform_graph, schema=schema,
            best_hyperparameters=types.Channel(type=standard_artifacts.HyperParameters),
            tuner_results=types.Channel(type=standard_artifacts.TunerResults),
        )  # fmt: skip
        super().__init__(spec=spec)
