"""Resolves the decision on a report."""

import ml_metadata as mlmd
from tfx import types
from tfx.dsl.components.common import resolver

from components.artifacts.record.decisions import decision_on, decision_records

Artifacts = dict[str, list[types.Artifact]]


class ApprovedReport(resolver.ResolverStrategy):
    """Resolves the decision on a report, if there is one; without one the downstream node still runs.

    A decision whose record was altered, or that was made on another report, is none. Pusher says so: TFX replaces an
    error in a resolver by one of its own.
    """

    def resolve_artifacts(self, store: mlmd.MetadataStore, input_dict: Artifacts) -> Artifacts:
        """Take ``report`` and all decisions of the pipeline as ``decision``; return at most one ``decision``."""
        reports, records = list(input_dict["report"]), decision_records(store)
        found = [
            decision_on(records, report.id, report.get_string_custom_property("report_digest")) for report in reports
        ]
        wanted = {holds.record.id for holds in found if holds.record}
        return {"report": reports, "decision": [made for made in input_dict["decision"] if made.id in wanted][:1]}
