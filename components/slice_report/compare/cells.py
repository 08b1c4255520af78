"""The cells of a comparison: the metrics of each line in each slice, over its runs and against the reference."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from components.evaluation.ranked.within_groups import RANKED
from components.evaluation.tasks.registry import METRICS, scale_of
from components.slice_report.compare.differences import Finding, interval_of, paired, unpaired, with_clear
from components.slice_report.compare.facts import Cell, Difference, Interval, Line, RunFacts, SliceFacts
from components.slice_report.compare.lines import Group
from components.slice_report.compare.rows import Measures
from components.slice_report.compare.runs import Run
from pipeline.criteria import SliceKey
from pipeline.shell import near

AREAS = ("auc", "auc_precision_recall")
WITHIN_GROUPS = tuple(METRICS[kind] for kind in RANKED)
Place = tuple[SliceKey, str]


@dataclass(frozen=True)
class OnRows:
    """A group on the rows of the reference, without the influences, which would fill the memory.

    Attributes:
        intervals: of the mean of each metric over its runs.
        to_reference: the paired differences.
        why_not: why runs have neither, by digest.
    """

    intervals: Mapping[Place, Interval | None]
    to_reference: Mapping[Place, Finding]
    why_not: Mapping[str, str]


def on_rows_of(pair: Sequence[Group], measures: Measures, reference: Measures) -> OnRows:
    """Return what is known of a group, the first of the pair, from its metrics and those of the reference."""
    found = {
        place: paired(measured, reference[place], [values_of(members, place) for members in pair], scale_of(place[1]))
        for place, measured in measures.items()
        if place in reference
    }
    return OnRows({place: interval_of(measured, place[1]) for place, measured in measures.items()}, found, {})


@dataclass(frozen=True)
class Cells:
    """What the cells are made from, and the differences of all lines.

    Attributes:
        groups: the runs of each line.
        reference: the position of the group that all others are compared with.
        on_rows: each group on the rows of the reference.
    """

    groups: Sequence[Group]
    reference: int
    metrics: Sequence[str]
    slices: Sequence[SliceKey]
    on_rows: Sequence[OnRows]

    @cached_property
    def differences(self) -> Mapping[tuple[int, Place], Difference]:
        """The differences to the reference, by line and place.

        Of a metric, false discoveries are controlled over all lines on all rows, and over all lines on all slices.
        """
        lines = [at for at in range(len(self.groups)) if at != self.reference]
        found: dict[tuple[int, Place], Difference] = {}
        for metric in self.metrics:
            for keys in ([key for key in self.slices if not key], [key for key in self.slices if key]):
                tested = {(at, (key, metric)): self.tested(at, (key, metric)) for at in lines for key in keys}
                found |= with_clear({place: test for place, test in tested.items() if test is not None})
        return found

    def tested(self, at: int, place: Place) -> Finding | None:
        """Compare one metric of a line with the reference; None if one of them has no such value."""
        if place in self.on_rows[at].to_reference:
            return self.on_rows[at].to_reference[place]
        values = [values_of(self.groups[number], place) for number in (at, self.reference)]
        if not all(values) or not self.alike(at, place[1]):
            return None
        of_here, of_there = (self.from_runs(number, place) for number in (at, self.reference))
        return unpaired(values, of_here, of_there, scale_of(place[1]))

    def alike(self, at: int, metric: str) -> bool:
        """Return whether a metric of a line and of the reference was computed in one way."""
        runs = [run for number in (at, self.reference) for run in self.groups[number].runs]
        if metric in WITHIN_GROUPS:
            return len({(run.rank_by, run.rank_at) for run in runs}) == 1
        return metric not in AREAS or len({run.areas for run in runs}) == 1

    def from_runs(self, at: int, place: Place) -> Interval | None:
        """Return an interval of a line's mean from those of its runs, whose rows are the same.

        They err together: the ends lie as far from the mean as those of the runs do from their values, on average.
        """
        measured = [run.slices[place[0]].metrics[place[1]] for run in runs_with(self.groups[at], place)]
        ends = [item.interval for item in measured if item.interval]
        if not ends or len(ends) < len(measured):
            return None
        return statistics.fmean(low for low, _ in ends), statistics.fmean(high for _, high in ends)

    def cell(self, at: int, place: Place) -> Cell | None:
        """Return the cell of a line; None if no run of it has the metric in that slice."""
        values = values_of(self.groups[at], place)
        if not values:
            return None
        intervals = self.on_rows[at].intervals
        return Cell(
            mean=statistics.fmean(values),
            minimum=float(np.min(values)),
            maximum=float(np.max(values)),
            std_dev=spread(values) if len(values) > 1 else None,
            runs=len(values),
            interval=intervals[place] if len(values) > 1 and place in intervals else self.from_runs(at, place),
            to_reference=self.differences.get((at, place)),
        )


def spread(values: Sequence[float]) -> float:
    """Return the sample standard deviation of at least two values; nan if one is not finite.

    >>> spread([0.7, 0.8, 0.9]), spread([0.7, math.inf])
    (0.1, nan)
    """
    return round(statistics.stdev(values), 12) if all(map(math.isfinite, values)) else math.nan


def make_line(cells: Cells, at: int, name: str) -> Line:
    """Return one line of the comparison."""
    members, why_not = cells.groups[at], cells.on_rows[at].why_not
    found = [slice_facts(cells, at, key) for key in cells.slices]
    return Line(
        name,
        tuple(run_facts(run, why_not.get(run.digest, "")) for run in members.runs),
        tuple(item for item in found if item is not None),
    )


def slice_facts(cells: Cells, at: int, key: SliceKey) -> SliceFacts | None:
    """Return the metrics of a line in one slice; None if none of its runs has that slice."""
    measured = next((run.slices[key] for run in cells.groups[at].runs if key in run.slices), None)
    if measured is None:
        return None
    made = {metric: cells.cell(at, (key, metric)) for metric in cells.metrics}
    present = {metric: cell for metric, cell in made.items() if cell is not None}
    return SliceFacts(key, measured.rows, measured.too_small, present)


def run_facts(run: Run, why_not: str) -> RunFacts:
    """Return what is shown of one run."""
    overall = run.slices.get((), None)
    return RunFacts(
        pipeline=run.pipeline,
        run=run.run,
        report=str(near(run.found.report)),
        report_digest=run.digest,
        seeds=run.seeds,
        blessed=run.blessed,
        overall={name: measured.value for name, measured in overall.metrics.items()} if overall else {},
        unpaired_because=why_not,
    )


def runs_with(members: Group, place: Place) -> list[Run]:
    """Return the runs of a group that have a metric in a slice."""
    key, metric = place
    return [run for run in members.runs if key in run.slices and metric in run.slices[key].metrics]


def values_of(members: Group, place: Place) -> list[float]:
    """Return the values of a metric in a slice, of each run that has it."""
    return [run.slices[place[0]].metrics[place[1]].value for run in runs_with(members, place)]
