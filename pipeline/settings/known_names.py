"""Every name of a column that a config or a workload gives, compared with the schema before any node runs.

A name that is passed over would leave a column in a model, a group out of a report, or an anomaly unaccepted.
"""

from collections.abc import Collection, Iterator, Sequence

from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2

from components.evaluation.columns import BASELINE_SCORE, SCORE
from pipeline.config.root import Config, Gate
from pipeline.errors import ConfigError, did_you_mean
from pipeline.features.table import closed_columns, raw_columns
from pipeline.splits import SPLITS
from pipeline.workloads.contract import Workload, required_columns

# What the gate says an anomaly is of that is of no one column.
NO_COLUMN = ("(all)", "(data set)")


def check_names(workload: Workload, config: Config, schema: schema_pb2.Schema) -> None:
    """Compares all of them.

    Raises:
        ConfigError: one is not known; it says the nearest that is. Or no feature is left, or the model
            needs one that is left out.
    """
    columns = [feature.name for feature in schema.feature]
    check_schema(f"schemas/{workload.name}.pbtxt", columns)
    for where, named in workload_columns(workload):
        check_known(where, named, columns)
    crossed = [name for feature in workload.table.features for name in feature.reads]
    left_out = config.training.exclude_columns
    check_known("training.exclude_columns", left_out, [*columns, *crossed])
    if not workload.table.without(left_out).features:
        raise ConfigError("training.exclude_columns", "no feature is left", received=", ".join(left_out))
    if needed := [name for name in required_columns(workload) if name in left_out]:
        raise ConfigError(
            "training.exclude_columns", f"the model of {workload.name} is built around these columns",
            received=", ".join(needed), next_step="Leave out others, or change the workload's model.py.",
        )  # fmt: skip
    by = config.data.split_by
    if by is not None:
        key = "time" if by.key is None else "key"
        check_known(f"data.split_by.{key}", [by.key or by.time or ""], columns)
    check_accepted(config.gate, columns)


def check_schema(where: str, columns: Sequence[str]) -> None:
    """Looks at the names of the columns of a schema.

    Raises:
        ConfigError: one is empty or there twice: of its types and domains the last would count, without a word. Or it
            is that of the scores, which stand beside the columns in an evaluation.
    """
    for name in (SCORE, BASELINE_SCORE):
        if name in columns:
            raise ConfigError(where, f"the name {name!r} is taken by the scores", next_step="Rename the column.")
    for name in columns:
        if not name or columns.count(name) > 1:
            problem = "a column stands twice" if name else "a column has no name"
            raise ConfigError(where, problem, expected="each column once, by its name", received=repr(name))


def workload_columns(workload: Workload) -> Iterator[tuple[str, Sequence[str]]]:
    """The names of columns in the files of a workload, with where they stand."""
    table, folder = workload.table, f"pipeline/workloads/{workload.name}"
    targets = [table.label, *([table.weight] if table.weight is not None else [])]
    yield f"{folder}/features.py", [*raw_columns(table.features), *closed_columns(table.features), *targets]
    yield f"{folder}/evaluation.py, slices", [name for names in workload.evaluation.slices for name in names]


def check_accepted(gate: Gate, columns: Sequence[str]) -> None:
    """Looks at the anomalies that are accepted.

    Raises:
        ConfigError: one of a column, a rule or a split that is not known would never be found.
    """
    rules = [*anomalies_pb2.AnomalyInfo.Type.keys(), "DATA_MISSING"]
    for entry in gate.accept:
        check_known("gate.accept, feature", [entry.feature], [*columns, *NO_COLUMN])
        check_known("gate.accept, rule", [entry.rule], rules, "no such rule", listed=False)
        check_known("gate.accept, splits", entry.splits, SPLITS, "no such split")


def check_known(
    where: str, names: Sequence[str], known: Collection[str], problem: str = "no such column in the schema",
    *, listed: bool = True,
) -> None:  # fmt: skip
    """Compares names with those that are known, which are ``listed`` where there are not too many.

    Raises:
        ConfigError: one is not known.
    """
    for name in names:
        if name not in known:
            raise ConfigError(
                where, problem, expected=", ".join(dict.fromkeys(known)) if listed else "", received=repr(name),
                next_step=did_you_mean(name, known),
            )  # fmt: skip
