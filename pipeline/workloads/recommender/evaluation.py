"""Slices and bounds of the recommender."""

from pipeline.criteria import Change, Threshold
from pipeline.workloads.contract import Evaluation

EVALUATION = Evaluation(
    slices=(
        ("user_segment",),
        ("metro_tier",),
        ("age_band",),
        ("primary_genre",),
        ("user_segment", "metro_tier"),
    ),
    thresholds=(
        Threshold("AUC", lower=0.70),
        Threshold("BinaryCrossEntropy", upper=0.65),
        Threshold("Calibration", lower=0.85, upper=1.15),
        Threshold("AUC", lower=0.62, slice={"user_segment": "new"}),
        Threshold("AUC", lower=0.68, slice={"user_segment": "returning"}),
        # Films are ranked for one user. In a random order they would have a GroupAUC of 0.5, and a GroupNDCG of 0.632.
        Threshold("GroupAUC", lower=0.64),
        Threshold("GroupNDCG", lower=0.73),
    ),
    changes=(Change("AUC", better="higher", tolerance=0.01),),
    # A user has many rows.
    cluster_by=("user_id",),
    rank_by=("user_id",),
)
