"""The artifact type of a decision."""

from tfx import types

from components.review.ledger import DECISION_TYPE


class ReviewDecision(types.Artifact):
    """What a reviewer decided on a report; all of it is in ML Metadata, there are no files.

    Custom properties: ``decision`` (approved or rejected), ``by``, ``note``, ``report_digest``, ``decided_at``
    (ISO 8601, UTC), ``model_id`` and ``report_id`` (of the Model and SliceReport artifacts in ML Metadata).
    """

    TYPE_NAME = DECISION_TYPE
