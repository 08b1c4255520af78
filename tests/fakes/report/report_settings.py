"""The settings of a report on a small made-up workload."""

from components.evaluation.verdict import Bounds
from components.slice_report.facts import Card
from components.slice_report.settings import Settings
from pipeline.label import Label

SETTINGS = Settings(
    workload="demo",
    label=Label("label"),
    decision_threshold=0.5,
    bounds=Bounds(()),
    cluster_by=(),
    primary_metric="binary_crossentropy",
    sensitive=(),
    id_columns=("user",),
    example_columns=(),
    categorical_drift=0.1,
    numeric_drift=0.1,
    block_on="LOW",
    acceptances=(),
    config=(),
    sources=(),
    card=Card("", "", (), (), (), (), (), ""),
)
