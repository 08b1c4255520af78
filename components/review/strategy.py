"""Resolves the decision on a report, by the digest of the report."""

import ml_metadata as mlmd
from tfx import types
from tfx.dsl.components.common import resolver

Artifacts = dict[str, list[types.Artifact]]


class ApprovedReport(resolver.ResolverStrategy):
    """Resolves the decision on a report, if there is one; without one the downstream node still runs."""

    def resolve_artifacts(self, store: mlmd.MetadataStore, input_dict: Artifacts) -> Artifacts:
        """Take ``report`` and all decisions of the pipeline as ``decision``; return at most one ``decision``."""
        digests = {report.get_string_custom_property("report_digest") for report in input_dict["report"]}
        matching = [
            decision
            for decision in sorted(input_dict["decision"], key=lambda artifact: artifact.id)
            if decision.get_string_custom_property("report_digest") in digests - {""}
        ]
        return {"report": list(input_dict["report"]), "decision": matching[:1]}
