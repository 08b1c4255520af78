"""Computes the metrics of every slice from predictions and a plan."""

from collections.abc import Iterator, Mapping

from components.batch_evaluator.plan import Plan
from components.compat.tfma import MetricKey
from components.evaluation.columns import Columns, labels, scores
from components.evaluation.influence import Linearized, StandardError, difference, standard_error
from components.evaluation.metrics import FORMULAS, Rows, groups_of, make_rows
from components.evaluation.slices import SliceKey, rows_by_slice
from components.evaluation.units import Units, units_of

Values = Mapping[MetricKey, tuple[float, StandardError | None]]


def evaluate(predictions: Columns, plan: Plan) -> Iterator[tuple[SliceKey, Values, int]]:
    """Compute the metrics of every slice that has rows, with one slice in memory at a time.

    Yields:
        The slice, its metrics with their standard errors, and the number of its units.

    Raises:
        ConfigError: a column that names units or groups is missing, or holds several values in a row, or a group has
            rows of several units.
        DataError: a label is neither 0 nor 1.
        MainlineError: a score is not in [0, 1].
    """
    units = units_of(predictions, plan.cluster_by)
    groups = groups_of(predictions, plan.metrics.values(), units)
    label = labels(predictions, plan.label)
    rows = {
        model.name: make_rows(label, scores(predictions, model.column), plan.metrics.values(), units, groups)
        for model in plan.models
    }
    for key, index in rows_by_slice(predictions, plan.config.slicing_specs):
        of_slice = {name: every.take(index) for name, every in rows.items()}
        yield key, slice_values(of_slice, plan), next(iter(of_slice.values())).units.count


def slice_values(rows: Mapping[str, Rows], plan: Plan) -> Values:
    """Return each metric of a slice, and the differences between candidate and baseline."""
    units = next(iter(rows.values())).units
    metrics = {key: FORMULAS[metric.kind](rows[key.model_name], metric) for key, metric in plan.metrics.items()}
    metrics |= differences(metrics, plan)
    return {key: with_error(metric, units, plan, key) for key, metric in metrics.items()}


def differences(metrics: Mapping[MetricKey, Linearized], plan: Plan) -> dict[MetricKey, Linearized]:
    """Return the difference of each metric between candidate and baseline, if there are both."""
    if len(plan.models) < 2:
        return {}
    candidate, baseline = (model.name for model in plan.models)
    pairs = ((key, metrics.get(key.make_baseline_key(baseline))) for key in metrics if key.model_name == candidate)
    return {key.make_diff_key(): difference(metrics[key], other) for key, other in pairs if other is not None}


def with_error(metric: Linearized, units: Units, plan: Plan, key: MetricKey) -> tuple[float, StandardError | None]:
    """Return the value of a metric, with its standard error where the plan wants one."""
    if not plan.intervals or key in plan.no_interval:
        return metric.value, None
    return metric.value, standard_error(metric, units)
