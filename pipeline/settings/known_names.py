"""Check every column that a config or a workload names against the schema before any node runs.

If an unknown name were ignored, a column would stay in a model, a group would be missing from a report, or an anomaly
would not be accepted.
"""

from collections.abc import Collection, Iterator, Sequence

from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2

from components.data_validation.text_domains import allowed_texts
from components.evaluation.columns import BASELINE_SCORE, SCORE
from pipeline.config.root import Config, Gate
from pipeline.criteria import Threshold
from pipeline.errors import ConfigError, did_you_mean
from pipeline.features.table import closed_columns, raw_columns
from pipeline.splits import SPLITS
from pipeline.workloads.contract import Workload, required_columns, with_bounds

UNEXPECTED_VALUES = "ENUM_TYPE_UNEXPECTED_STRING_VALUES"
# The gate's names for anomalies that do not belong to a column.
NO_COLUMN = ("(all)", "(data set)")


def check_names(workload: Workload, config: Config, schema: schema_pb2.Schema) -> None:
    """Check all names.

    Raises:
        ConfigError: a name is unknown, and the message gives the nearest known one; or ``training.exclude_columns``
            leaves no feature, or excludes a column that the model needs; or the slice of a bound cannot have rows.
    """
    columns = [feature.name for feature in schema.feature]
    check_schema(workload.location.shown_schema, columns)
    for where, named in workload_columns(workload):
        check_known(where, named, columns)
    crossed = [name for feature in workload.table.features for name in feature.reads]
    left_out = config.training.exclude_columns
    check_known("training.exclude_columns", left_out, [*columns, *crossed])
    if not workload.table.without(left_out).features:
        raise ConfigError("training.exclude_columns", "no feature is left", received=", ".join(left_out))
    # Only this imports the module of the model, and with it TensorFlow.
    if left_out and (needed := [name for name in required_columns(workload) if name in left_out]):
        raise ConfigError(
            "training.exclude_columns", f"the model of {workload.name} needs these columns",
            received=", ".join(needed), next_step="Exclude other columns, or change the workload's model.py.",
        )  # fmt: skip
    check_accepted(config.gate, columns)
    check_slice_values(with_bounds(workload.evaluation, config.evaluation).thresholds, config.gate, schema)


def check_slice_values(bounds: Sequence[Threshold], gate: Gate, schema: schema_pb2.Schema) -> None:
    """Check that the slice of each bound can have rows, so that a model is not trained only to miss it.

    Columns of which some values may be outside of the domain are left out.

    Raises:
        ConfigError: a value is not in the domain of its column.
    """
    loose = {entry.feature for entry in gate.accept if entry.rule == UNEXPECTED_VALUES}
    loose |= {feature.name for feature in schema.feature if feature.HasField("distribution_constraints")}
    allowed = {name: values for name, values in allowed_texts(schema).items() if name not in loose}
    for bound in bounds:
        for column, value in bound.slice.items():
            where = f"evaluation.bounds, {bound.metric}, slice {column}"
            check_known(where, [value], allowed.get(column, [value]), "the schema does not allow this value")


def check_schema(where: str, columns: Sequence[str]) -> None:
    """Check the names of the columns of a schema.

    Raises:
        ConfigError: a name is empty or occurs twice, in which case the last type and domain would silently win; or it
            is a name that an evaluation uses for the scores.
    """
    for name in (SCORE, BASELINE_SCORE):
        if name in columns:
            raise ConfigError(where, f"the name {name!r} is reserved for the scores", next_step="Rename the column.")
    for name in columns:
        if not name or columns.count(name) > 1:
            problem = "duplicate column" if name else "a column has no name"
            raise ConfigError(where, problem, expected="each column once, by its name", received=repr(name))


def workload_columns(workload: Workload) -> Iterator[tuple[str, Sequence[str]]]:
    """The columns that the files of a workload name, with the file that names them."""
    table, folder = workload.table, workload.location.shown_folder
    targets = [table.target.column, *([table.weight] if table.weight is not None else [])]
    yield f"{folder}/features.py", [*raw_columns(table.features), *closed_columns(table.features), *targets]
    yield f"{folder}/evaluation.py, slices", [name for names in workload.evaluation.slices for name in names]


def check_accepted(gate: Gate, columns: Sequence[str]) -> None:
    """Check the anomalies that are accepted.

    Raises:
        ConfigError: one names an unknown column, rule or split, so it could never occur.
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
    """Compare names with the known ones, which the message lists unless ``listed`` is False.

    Raises:
        ConfigError: a name is unknown.
    """
    for name in names:
        if name not in known:
            raise ConfigError(
                where, problem, expected=", ".join(dict.fromkeys(known)) if listed else "", received=repr(name),
                next_step=did_you_mean(name, known),
            )  # fmt: skip
