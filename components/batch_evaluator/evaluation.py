"""Computes the metrics of every slice from predictions and a plan."""

from collections.abc import Iterator, Mapping

from components.batch_evaluator.plan import Plan
from components.compat.tfma import MetricKey
from components.evaluation.columns import Columns
from components.evaluation.influence import Linearized, StandardError, paired_errors, standard_error
from components.evaluation.metrics import groups_of
from components.evaluation.slices import SliceKey, rows_by_slice
from components.evaluation.tasks.protocol import TaskRows
from components.evaluation.tasks.registry import FORMULAS, evaluation_of
from components.evaluation.units import Units, units_of

Values = Mapping[MetricKey, tuple[float, StandardError | None]]


def evaluate(predictions: Columns, plan: Plan) -> Iterator[tuple[SliceKey, Values, int]]:
    """Compute the metrics of every slice that has rows, with one slice in memory at a time.

    Yields:
        The slice, its metrics with their standard errors, and the number of its units.

    Raises:
        ConfigError: a column that names units or groups is missing, or holds several values in a row, or a group has
            rows of several units.
        DataError: a label is not one of the task.
        MainlineError: a prediction is not one of the task.
    """
    units = units_of(predictions, plan.cluster_by)
    groups = groups_of(predictions, plan.metrics.values(), units)
    task = evaluation_of(plan.label)
    label = task.labels(predictions)
    rows = {
        model.name: task.make_rows(label, task.predictions(predictions, model.column), plan.metrics, units, groups)
        for model in plan.models
    }
    for key, index in rows_by_slice(predictions, plan.config.slicing_specs):
        of_slice = {name: every.part(index) for name, every in rows.items()}
        yield key, slice_values(of_slice, plan), next(iter(of_slice.values())).units.count


def slice_values(rows: Mapping[str, TaskRows], plan: Plan) -> Values:
    """Return each metric of a slice with its standard error, and the differences between candidate and baseline."""
    units = next(iter(rows.values())).units
    metrics = {key: FORMULAS[metric.kind](rows[key.model_name], metric) for key, metric in plan.metrics.items()}
    pairs = paired(metrics, plan)
    found: dict[MetricKey, tuple[float, StandardError | None]] = {}
    for key, metric in metrics.items():
        if key in pairs:
            found |= of_pair(key, pairs[key], metrics, units, plan)
        elif key not in pairs.values():
            found[key] = metric.value, standard_error(metric, units) if has_interval(key, plan) else None
    return found


def paired(metrics: Mapping[MetricKey, Linearized], plan: Plan) -> dict[MetricKey, MetricKey]:
    """Return the key of the baseline's metric for each of the candidate's, if there are both."""
    if len(plan.models) < 2:
        return {}
    candidate, baseline = (model.name for model in plan.models)
    keys = {key: key.make_baseline_key(baseline) for key in metrics if key.model_name == candidate}
    return {key: other for key, other in keys.items() if other in metrics}


def of_pair(
    key: MetricKey, other: MetricKey, metrics: Mapping[MetricKey, Linearized], units: Units, plan: Plan
) -> dict[MetricKey, tuple[float, StandardError | None]]:
    """Return a metric of the candidate, that of the baseline, and their difference."""
    one, base = metrics[key], metrics[other]
    errors = paired_errors(one, base, units) if has_interval(key, plan) else (None, None, None)
    values = (one.value, base.value, one.value - base.value)
    return dict(zip((key, other, key.make_diff_key()), zip(values, errors, strict=True), strict=True))


def has_interval(key: MetricKey, plan: Plan) -> bool:
    """Return True if the plan wants an interval of a metric."""
    return plan.intervals and key not in plan.no_interval
