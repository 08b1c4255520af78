"""Resolves the baseline of a candidate: the latest blessed model that is not rejected and not the candidate itself."""

import ml_metadata as mlmd
from tfx import types
from tfx.dsl.components.common import resolver
from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import LatestBlessedModelStrategy

from components.artifacts.decision_records import rejected_models

Artifacts = dict[str, list[types.Artifact]]


class LatestOtherBlessedModel(resolver.ResolverStrategy):
    """TFX's LatestBlessedModelStrategy, without the candidate and without models that a reviewer rejected.

    With TFX's strategy the second of two equal runs would compare the model with itself, and the changed baseline would
    make Evaluator and Pusher run again.
    """

    def resolve_artifacts(self, store: mlmd.MetadataStore, input_dict: Artifacts) -> Artifacts:
        """Take ``model``, ``model_blessing`` and ``candidate``; return the baseline and its blessing, or neither.

        ``candidate`` may be missing, as before a training that starts from the latest model.
        """
        candidate = {key: list(input_dict[key]) for key in ("candidate",) if key in input_dict}
        excluded = {artifact.id for artifact in candidate.get("candidate", [])} | rejected_models(store)
        others = {
            "model": [model for model in input_dict["model"] if model.id not in excluded],
            "model_blessing": list(input_dict["model_blessing"]),
        }
        resolved = LatestBlessedModelStrategy().resolve_artifacts(store, others) or others
        return {**resolved, **candidate}
