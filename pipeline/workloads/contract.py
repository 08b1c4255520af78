"""The files of a workload, and the checks of what they define.

A workload is a package of six files: ``features.py`` (TABLE), ``preprocessing.py`` (preprocessing_fn), ``model.py``
(build_model), ``trainer.py`` (run_fn), ``evaluation.py`` (EVALUATION) and ``card.py`` (CARD); its schema is
``schemas/<name>.pbtxt`` for a built-in workload, ``schema.pbtxt`` in its own folder for any other.
"""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_origin, get_type_hints

from google.protobuf import text_format
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from tensorflow_metadata.proto.v0 import schema_pb2

from components.evaluation.ranked.within_groups import RANKED
from components.evaluation.tasks.registry import METRICS
from components.evaluation.verdict import Bounds
from components.slice_report.facts import Card
from components.support.text import shorten
from pipeline.cache.source_tree import SourceTree
from pipeline.config import evaluation as config
from pipeline.criteria import Change, Threshold
from pipeline.errors import ConfigError, did_you_mean
from pipeline.features.table import Table
from pipeline.workloads.location import Location, built_in, locate
from pipeline.workloads.workload_files import PARTS, check_sources, defined, import_part

# The workloads of this repository; others beside them are copies.
SHIPPED = ("census", "impressions", "recommender")
# Above any sane size of a layer or weight of a penalty.
MOST = 1_000_000


@dataclass(frozen=True)
class Evaluation:
    """How a model is judged.

    Attributes:
        slices: to compute metrics on, as tuples of column names, beside all rows.
        thresholds: bounds on metrics.
        changes: bounds on differences to the baseline.
        decision_threshold: a score above it predicts label 1.
        cluster_by: the columns that name the units of rows, such as a user: rows with equal values in all of them
            depend on one another, and intervals take them as one. Without columns each row is a unit.
        rank_by: the columns that name the group within which rows are ranked, such as a user. Without columns there are
            no metrics within groups.
        rank_at: the number of the first rows of a group that GroupNDCG, GroupMAP and GroupHitRate look at.
    """

    slices: tuple[tuple[str, ...], ...]
    thresholds: tuple[Threshold, ...]
    changes: tuple[Change, ...] = ()
    decision_threshold: float = 0.5
    cluster_by: tuple[str, ...] = ()
    rank_by: tuple[str, ...] = ()
    rank_at: int = 10

    @property
    def bounds(self) -> Bounds:
        """The bounds that decide whether the model is blessed."""
        return Bounds(self.thresholds, self.changes)


@dataclass(frozen=True)
class Workload:
    """A workload as the pipeline sees it; functions by dotted path, so that they are imported late."""

    name: str
    table: Table
    evaluation: Evaluation
    card: Card
    location: Location

    @property
    def schema(self) -> Path:
        """The file of the schema."""
        return self.location.schema

    @property
    def preprocessing_fn(self) -> str:
        """The dotted path for Transform."""
        return f"{self.module('preprocessing')}.preprocessing_fn"

    @property
    def run_fn(self) -> str:
        """The dotted path for Trainer."""
        return f"{self.module('trainer')}.run_fn"

    def module(self, part: str) -> str:
        """Return the dotted path of one of the six files."""
        return f"{self.location.package}.{part}"

    def code_digest(self, part: str) -> str:
        """Return the hash of one of the six files and of all our code that it reaches."""
        module = self.module(part)
        return SourceTree(user_packages={module.split(".")[0]}).digest([module])


def load_workload(name: str) -> Workload:
    """Load a workload by name and check that it is complete.

    Raises:
        ConfigError: there is no such workload, a file is missing, imports another workload or does not define what it
            must, or the card is that of another workload.
    """
    location = locate(name)
    missing = [part for part in PARTS if not (location.folder / f"{part}.py").is_file()]
    missing += [] if location.schema.is_file() else [location.shown_schema]
    if missing:
        raise ConfigError(f"workload {name}", "incomplete", expected="six files and a schema", received=f"no {missing}")
    check_sources(location)
    table = defined(location, "features", "TABLE", Table)
    evaluation = defined(location, "evaluation", "EVALUATION", Evaluation)
    card = defined(location, "card", "CARD", Card)
    short = location.package.removeprefix("pipeline.workloads.")
    check_own_card(card, location)
    return Workload(short, table, evaluation, card, location)


def check_own_card(card: Card, location: Location) -> None:
    """Check that the card is not the unchanged copy of one that comes with this repository.

    Raises:
        ConfigError: it has the title of another workload.
    """
    shipped = [locate(name) for name in SHIPPED if name in built_in()]
    for other in shipped if location not in shipped else []:
        if defined(other, "card", "CARD", Card).title == card.title:
            raise ConfigError(
                f"{location.shown_folder}/card.py", f"the model card is that of {other.shown_folder}",
                expected="a card of this model", received=repr(card.title),
                next_step="Describe your model: title, use, limits, rows, owners.",
            )  # fmt: skip


def read_schema(workload: Workload) -> schema_pb2.Schema:
    """Read the schema of a workload.

    Raises:
        ConfigError: the file is not one.
    """
    try:
        return text_format.Parse(workload.schema.read_text("utf-8"), schema_pb2.Schema())
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise ConfigError(
            workload.location.shown_schema, "cannot be read as a schema", received=shorten(str(error)),
            expected="tensorflow.metadata.v0.Schema as text, in UTF-8",
        ) from error  # fmt: skip


def required_columns(workload: Workload) -> tuple[str, ...]:
    """Return the columns that the model needs: ``REQUIRED_COLUMNS`` in ``model.py``, if it is defined."""
    module = import_part(workload.location, "model")
    return tuple(getattr(module, "REQUIRED_COLUMNS", ()))


def check_model_settings(workload: Workload, given: Mapping[str, object]) -> None:
    """Check ``training.model`` of a config against the Settings in the workload's ``model.py``.

    Raises:
        ConfigError: a key is unknown, or a value has another type or is out of bounds.
    """
    module = import_part(workload.location, "model")
    known = get_type_hints(module.Settings, include_extras=True)
    for key, value in given.items():
        where = f"training.model.{key}"
        if key not in known:
            raise ConfigError(where, "unknown key", expected=", ".join(known), received=key)
        try:
            TypeAdapter(with_usual_bounds(key, known[key]), config=ConfigDict(strict=True)).validate_python(value)
        except ValidationError as error:
            raise ConfigError(where, "not usable", expected=error.errors()[0]["msg"], received=repr(value)) from error


def with_usual_bounds(key: str, hint: Any) -> Any:
    """Return the type of a setting of a model, with wide bounds if the workload sets none itself.

    >>> with_usual_bounds("text", str)
    <class 'str'>
    """
    if get_origin(hint) is Annotated or hint not in (int, float):
        return hint
    if "dropout" in key:
        return Annotated[hint, Field(ge=0, lt=1)]
    bounds = Field(ge=-MOST, le=MOST) if hint is int else Field(ge=-MOST, le=MOST, allow_inf_nan=False)
    return Annotated[hint, bounds]


def with_bounds(evaluation: Evaluation, settings: config.Evaluation) -> Evaluation:
    """Return a workload's evaluation, its bounds replaced by those of a config if that has some.

    Raises:
        ConfigError: a metric or slice is not computed, a bound has no side, or there is no bound.
    """
    if settings.bounds is not None:
        evaluation = dataclasses.replace(evaluation, thresholds=settings.bounds)
    if settings.changes is not None:
        evaluation = dataclasses.replace(evaluation, changes=settings.changes)
    if settings.cluster_by is not None:
        evaluation = dataclasses.replace(evaluation, cluster_by=settings.cluster_by)
    if settings.rank_by is not None:
        evaluation = dataclasses.replace(evaluation, rank_by=settings.rank_by)
    if settings.rank_at is not None:
        evaluation = dataclasses.replace(evaluation, rank_at=settings.rank_at)
    check_evaluation(evaluation)
    return evaluation


def check_evaluation(evaluation: Evaluation) -> None:
    """Check that every bound can be measured, so that none is skipped in silence."""
    if not evaluation.thresholds:
        raise ConfigError("evaluation.bounds", "no bound on any metric", next_step="Give at least one.")
    check_values(evaluation)
    slices = [set(names) for names in evaluation.slices]
    for threshold in evaluation.thresholds:
        where = f"evaluation.bounds, {threshold.metric}"
        names = set(threshold.slice)
        if threshold.lower is None and threshold.upper is None:
            raise ConfigError(where, "neither lower nor upper is given")
        if names and names not in slices:
            known = [", ".join(sorted(names)) for names in evaluation.slices]
            asked = ", ".join(sorted(names))
            raise ConfigError(where, "no such slice is computed", expected="; ".join(known), received=asked,
                              next_step=did_you_mean(asked, known))  # fmt: skip
    for metric in [item.metric for item in evaluation.thresholds] + [item.metric for item in evaluation.changes]:
        if metric not in METRICS:
            raise ConfigError("evaluation", "no such metric", expected=", ".join(METRICS), received=metric,
                              next_step=did_you_mean(metric, METRICS))  # fmt: skip
        if metric in RANKED and not evaluation.rank_by:
            raise ConfigError(
                f"evaluation, bound on {metric}", "rows are not ranked within groups",
                expected="evaluation.rank_by, the columns that name the group of a row, such as a user",
            )  # fmt: skip


def check_values(evaluation: Evaluation) -> None:
    """Check the numbers of an evaluation, which a workload may define without the limits of a config.

    Raises:
        ConfigError: a number is out of its limits, so that no model, or any, would pass.
    """
    if not 0.0 <= evaluation.decision_threshold <= 1.0:
        received = repr(evaluation.decision_threshold)
        raise ConfigError("evaluation, decision_threshold", "not usable", expected="0 to 1", received=received)
    if evaluation.rank_at < 1:
        received = repr(evaluation.rank_at)
        raise ConfigError("evaluation, rank_at", "not usable", expected="at least 1", received=received)
    for change in evaluation.changes:
        if change.better not in ("higher", "lower") or not 0.0 <= change.tolerance < math.inf:
            raise ConfigError(f"evaluation.changes, {change.metric}", "not usable", received=repr(change),
                              expected="better: higher or lower; tolerance: at least 0")  # fmt: skip
    for threshold in evaluation.thresholds:
        sides = [side for side in (threshold.lower, threshold.upper) if side is not None]
        if not all(map(math.isfinite, sides)) or sides != sorted(sides):
            raise ConfigError(
                f"evaluation.bounds, {threshold.metric}", "no value is between the bounds",
                received=" and ".join(map(str, sides)),
            )  # fmt: skip
