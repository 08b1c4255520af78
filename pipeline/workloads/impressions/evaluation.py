"""Slices and bounds of the impressions workload."""

from pipeline.criteria import Change, Threshold
from pipeline.workloads.contract import Evaluation

# On 10,000 test rows the best possible AUC is 0.789 (new users 0.819, returning ones 0.784), the best log loss 0.266;
# always predicting the click rate has a log loss of 0.319.
EVALUATION = Evaluation(
    slices=(
        ("user_segment",),
        ("city_tier",),
        ("age_band",),
        ("category",),
        ("device",),
        ("user_segment", "city_tier"),
    ),
    thresholds=(
        Threshold("AUC", lower=0.72),
        Threshold("BinaryCrossEntropy", upper=0.30),
        Threshold("Calibration", lower=0.85, upper=1.15),
        Threshold("AUC", lower=0.74, slice={"user_segment": "new"}),
        Threshold("AUC", lower=0.71, slice={"user_segment": "returning"}),
        # The best possible is 0.787.
        Threshold("GroupAUC", lower=0.68),
    ),
    changes=(Change("AUC", better="higher", tolerance=0.01),),
    # A user has many rows.
    cluster_by=("user_id",),
    rank_by=("user_id",),
)
