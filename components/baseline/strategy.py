"""Which model a candidate is compared with: the latest blessed one, not rejected, that is not the candidate itself."""

import ml_metadata as mlmd
from tfx import types
from tfx.dsl.components.common import resolver
from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import LatestBlessedModelStrategy

from components.artifacts.decision_records import rejected_models

Artifacts = dict[str, list[types.Artifact]]


class LatestOtherBlessedModel(resolver.ResolverStrategy):
    """TFX's LatestBlessedModelStrategy, less the model that is about to be judged and those that a reviewer rejected.

    With TFX's own, the second of two equal runs would compare a model with itself: the baseline has changed, so
    Evaluator and Pusher would run again though nothing else did.
    """

    def resolve_artifacts(self, store: mlmd.MetadataStore, input_dict: Artifacts) -> Artifacts:
        """Takes ``model``, ``model_blessing`` and ``candidate``; gives the baseline and its blessing, or neither.

        Without ``candidate``, as before a training that begins with the latest model, none is left out for it.
        """
        candidate = {key: list(input_dict[key]) for key in ("candidate",) if key in input_dict}
        excluded = {artifact.id for artifact in candidate.get("candidate", [])} | rejected_models(store)
        others = {
            "model": [model for model in input_dict["model"] if model.id not in excluded],
            "model_blessing": list(input_dict["model_blessing"]),
        }
        resolved = LatestBlessedModelStrategy().resolve_artifacts(store, others) or others
        return {**resolved, **candidate}
