"""Slices and bounds of the census workload."""

from pipeline.criteria import Change, Threshold
from pipeline.workloads.contract import Evaluation

EVALUATION = Evaluation(
    slices=(("sex",), ("race",), ("education",), ("sex", "race")),
    thresholds=(
        Threshold("AUC", lower=0.90),
        Threshold("BinaryAccuracy", lower=0.84),
        Threshold("Calibration", lower=0.9, upper=1.1),
        Threshold("AUC", lower=0.88, slice={"sex": "Female"}),
        Threshold("AUC", lower=0.88, slice={"sex": "Male"}),
    ),
    changes=(Change("AUC", better="higher", tolerance=0.005),),
)
