"""Resolves the model that a candidate is compared with, and the model that a training starts from."""

from pathlib import Path

import ml_metadata as mlmd
from tfx import types
from tfx.dsl.components.common import resolver
from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import LatestBlessedModelStrategy

from components.artifacts.record.decisions import rejected_models
from components.artifacts.record.models import model_digests
from components.artifacts.served_versions import complete_versions

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


class ServedModel(resolver.ResolverStrategy):
    """The model that is served, also one that was rejected since; if nothing is served, the latest blessed one.

    Of the versions that are served, the newest with another model than the candidate counts: a candidate that is
    served already is compared with what it replaced, so that a run that is repeated compares as before.
    """

    def __init__(self, serving: str) -> None:
        """Take the folder of the served versions."""
        self._serving = Path(serving)

    def resolve_artifacts(self, store: mlmd.MetadataStore, input_dict: Artifacts) -> Artifacts:
        """Take ``model``, ``model_blessing`` and ``candidate``; return the baseline and its blessing, or neither."""
        candidates = {artifact.id for artifact in input_dict["candidate"]}
        digests = model_digests(store)
        models = sorted(input_dict["model"], key=lambda artifact: artifact.id, reverse=True)
        for version in complete_versions(self._serving):
            same = [model for model in models if version.digest and digests.get(model.id) == version.digest]
            if same and not candidates & {model.id for model in same}:
                return {
                    "model": same[:1],
                    "model_blessing": blessings_of(same[0], input_dict["model_blessing"]),
                    "candidate": list(input_dict["candidate"]),
                }
        return LatestOtherBlessedModel().resolve_artifacts(store, input_dict)


def blessings_of(model: types.Artifact, blessings: list[types.Artifact]) -> list[types.Artifact]:
    """Return the latest blessing of a model; none if it was pushed without one."""
    of_model = [found for found in blessings if found.get_int_custom_property("current_model_id") == model.id]
    blessed = [found for found in of_model if found.get_int_custom_property("blessed") == 1]
    return sorted(blessed or of_model, key=lambda artifact: artifact.id)[-1:]
