"""The facts of a report, as typed rows."""

from components.evaluation.groups import OTHER
from components.slice_report.facts.card import Card, Documentation
from components.slice_report.facts.data import (
    Bar,
    ColumnStats,
    Data,
    Drift,
    GateEntry,
    Leak,
    NewCategory,
    SchemaChange,
)
from components.slice_report.facts.model import (
    BINS,
    FOUR_FIFTHS,
    Comparison,
    Gap,
    Group,
    Importance,
    RankedGroups,
    ScoreCounts,
    Segment,
    Sensitive,
    Slice,
    WeakSegments,
)
from components.slice_report.facts.provenance import (
    ArtifactFact,
    ConfigChange,
    Lineage,
    Pairs,
    Training,
)
from components.slice_report.facts.report import (
    SCHEMA_VERSION,
    Missing,
    Report,
    Run,
)
from components.slice_report.facts.worst_rows import SUSPECTS, LabelSuspects, LabelTail, Scope, WorstRow, WorstRows

__all__ = [
    "BINS",
    "FOUR_FIFTHS",
    "OTHER",
    "SCHEMA_VERSION",
    "SUSPECTS",
    "ArtifactFact",
    "Bar",
    "Card",
    "ColumnStats",
    "Comparison",
    "ConfigChange",
    "Data",
    "Documentation",
    "Drift",
    "Gap",
    "GateEntry",
    "Group",
    "Importance",
    "LabelSuspects",
    "LabelTail",
    "Leak",
    "Lineage",
    "Missing",
    "NewCategory",
    "Pairs",
    "RankedGroups",
    "Report",
    "Run",
    "SchemaChange",
    "Scope",
    "ScoreCounts",
    "Segment",
    "Sensitive",
    "Slice",
    "Training",
    "WeakSegments",
    "WorstRow",
    "WorstRows",
]
