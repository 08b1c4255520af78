"""The root of a config, and those of its sections that are too short for a module of their own."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from pipeline.config.data import Data
from pipeline.config.evaluation import Engine, Evaluation
from pipeline.config.kubeflow import Kubeflow
from pipeline.config.strict import Port, Strict
from pipeline.config.training import Training
from pipeline.config.tuning import Tuning
from pipeline.criteria import Acceptance, RatioBound


class Gate(Strict):
    """Which anomalies stop a run: those of severity ``block_on`` or higher that are not accepted."""

    block_on: Literal["warning", "error"] = "error"
    accept: tuple[Acceptance, ...] = ()


class Statistics(Strict):
    """The executor of the statistics: ours, which works in batches, or TFX's own."""

    engine: Engine = "batch"


class Transform(Strict):
    """The executor of the preprocessing: ours, which works in batches, or TFX's own."""

    engine: Engine = "batch"


class Report(Strict):
    """Optional parts of the report on a model.

    ``sensitive`` names columns whose groups are compared by their rates; ``id_columns`` names columns whose values
    should not occur in two splits; ``example_columns`` names columns whose values the report may show for the rows on
    which the model is most wrong: none by default. ``group_thresholds`` has decision thresholds for values of sensitive
    columns, for the rates of these groups only. ``fairness_bounds`` has lower bounds on ratios between groups, which
    withhold the blessing if they are missed. The drift thresholds apply where the schema sets none: L-infinity
    distance for a text column, Jensen-Shannon divergence for a number.
    """

    sensitive: tuple[str, ...] = ()
    id_columns: tuple[str, ...] = ()
    example_columns: tuple[str, ...] = ()
    group_thresholds: Mapping[str, Mapping[str, Annotated[float, Field(ge=0.0, le=1.0)]]] = Field(default_factory=dict)
    fairness_bounds: tuple[RatioBound, ...] = ()
    categorical_drift: Annotated[float, Field(gt=0.0, le=1.0)] = 0.1
    numeric_drift: Annotated[float, Field(gt=0.0, le=1.0)] = 0.1


class Release(Strict):
    """Whether a blessed model is pushed at once, or only after a reviewer has approved its report."""

    review: Literal["none", "required"] = "none"


class Metadata(Strict):
    """The ML Metadata store: a SQLite file beside the artifacts, or a database server."""

    backend: Literal["sqlite", "mysql", "postgresql"] = "sqlite"
    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,253}$")] = "127.0.0.1"
    port: Port | None = None
    database: Annotated[str, Field(pattern=r"^[A-Za-z0-9_$-]{1,64}$")] = "metadata"
    user: Annotated[str, Field(max_length=128)] = ""
    password_env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=256)] = (
        "MAINLINE_METADATA_PASSWORD"
    )


class Config(Strict):
    """Everything that defines a run."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
    workload: str
    data: Data
    statistics: Statistics = Statistics()
    gate: Gate = Gate()
    transform: Transform = Transform()
    training: Training
    tuning: Tuning | None = None
    evaluation: Evaluation = Evaluation()
    report: Report = Report()
    release: Release = Release()
    metadata: Metadata = Metadata()
    kubeflow: Kubeflow = Kubeflow()
    beam_pipeline_args: tuple[str, ...] = ()
