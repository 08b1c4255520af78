"""Rates by group for a sensitive column, and the gap between the best and the worst group."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from components.evaluation.columns import SCORE, Columns, labels, scores
from components.evaluation.slice_values import value_text
from components.evaluation.verdict import Measurement
from components.slice_report.analysis.scores import count_scores, rate, too_small
from components.slice_report.analysis.statistics import readable
from components.slice_report.facts import OTHER, Gap, Group, Sensitive
from pipeline.errors import DataError

LARGEST = 50
NONE = "(none)"
RATES = ("selection", "tpr", "fpr", "ppv")
LOWEST_IS_BEST = "fpr"
Ints = NDArray[np.int64]


def sensitive(rows: Columns, label: str, feature: str, threshold: float) -> Sensitive:
    """Return the groups of a column, the largest first, and a gap for each rate.

    Args:
        rows: the predictions, with the columns ``label``, ``feature`` and ``score``.
        label: 0 or 1.
        feature: a column of any type; a row with several values belongs to each group. Rows without a value, or with
            nan, are the group ``(none)``. All but the 50 largest groups are merged as ``(other values)``.
        threshold: a score above it is selected.

    Raises:
        DataError: there is no such column, or a label is neither 0 nor 1.
        MainlineError: a score is not finite.
    """
    if feature not in rows.column_names:
        raise DataError("predictions", "no such column", expected=", ".join(rows.column_names), received=feature)
    label_of_row, score_of_row = labels(rows, label), scores(rows, SCORE)
    members = rows_by_group(rows[feature])
    groups = [
        make_group(value, label_of_row[index], score_of_row[index], threshold) for value, index in members.items()
    ]
    return Sensitive(feature, tuple(sorted(groups, key=sort_key)), gaps(groups))


def sort_key(group: Group) -> tuple[int, int, str]:
    """Return the sort key of a group: by rows, then by name; the two that are no single value come last.

    >>> from components.slice_report.facts import ScoreCounts
    >>> groups = [Group(value, 40, "", {}, ScoreCounts((), (), ())) for value in ("(none)", "b", "(other values)", "a")]
    >>> [group.value for group in sorted(groups, key=sort_key)]
    ['a', 'b', '(other values)', '(none)']
    """
    return (OTHER, NONE).index(group.value) + 1 if group.value in (OTHER, NONE) else 0, -group.rows, group.value


def rows_by_group(column: pa.ChunkedArray) -> dict[str, Ints]:
    """Return the positions of the rows of each group, ascending and without duplicates."""
    rows = len(column)
    position, values = memberships(column)
    encoded = values.dictionary_encode()
    code = encoded.indices.fill_null(len(encoded.dictionary)).to_numpy(zero_copy_only=False).astype(np.int64)
    names, group_of_code = name_groups(encoded.dictionary, code)
    group, position = np.divmod(np.unique(group_of_code[code] * rows + position), max(rows, 1))
    return {names[int(number)]: position[group == number] for number in np.unique(group)}


def memberships(column: pa.ChunkedArray) -> tuple[Ints, pa.Array]:
    """Return pairs of a row and one of its values, in two arrays; null for a row without a value."""
    values = column.combine_chunks()
    position = np.arange(len(values), dtype=np.int64)
    if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
        filled = pc.list_parent_indices(values).to_numpy(zero_copy_only=False).astype(np.int64)
        empty = np.setdiff1d(position, filled)
        values = values.flatten()
        values = pa.concat_arrays([values, pa.nulls(len(empty), values.type)])
        position = np.concatenate([filled, empty])
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_nan(values), None, values)
    return position, values


def name_groups(dictionary: pa.Array, code: Ints) -> tuple[list[str], Ints]:
    """Return the names of the groups, and the group of each code, (codes + 1,), of which the last is null's.

    Values with the same text are one group.

    Args:
        dictionary: the value of each code.
        code: the code of each membership.
    """
    largest_first = np.argsort(-np.bincount(code, minlength=len(dictionary) + 1)[:-1], kind="stable")
    number_of: dict[str, int] = {NONE: 0, OTHER: 1}
    group_of_code = np.full(len(dictionary) + 1, number_of[OTHER], np.int64)
    group_of_code[-1] = number_of[NONE]
    for index in largest_first[:LARGEST].tolist():
        value = dictionary[index].as_py()
        name = readable(value_text(value))
        group_of_code[index] = number_of.setdefault(name, len(number_of))
    return list(number_of), group_of_code


def make_group(value: str, label: NDArray[np.generic], score: NDArray[np.generic], threshold: float) -> Group:
    positive, selected = label == 1, score.astype(np.float64) > threshold
    positives, rows = int(positive.sum()), len(label)
    return Group(
        value=value,
        rows=rows,
        too_small=too_small(positives, rows - positives),
        rates=make_rates(positives, rows, int((selected & positive).sum()), int(selected.sum())),
        scores=count_scores(label, score),
    )


def make_rates(positives: int, rows: int, selected_positives: int, selected: int) -> Mapping[str, Measurement]:
    """Return the rates of a group with their intervals; nan if no row counts.

    >>> rates = make_rates(positives=10, rows=40, selected_positives=8, selected=20)
    >>> {name: measured.value for name, measured in rates.items()}
    {'selection': 0.5, 'tpr': 0.8, 'fpr': 0.4, 'ppv': 0.4}
    """
    return {
        "selection": rate(selected, rows),
        "tpr": rate(selected_positives, positives),
        "fpr": rate(selected - selected_positives, rows - positives),
        "ppv": rate(selected_positives, selected),
    }


def gaps(groups: Sequence[Group]) -> tuple[Gap, ...]:
    """Return a gap for each rate that at least two groups have.

    Groups that are too small are left out, and so is ``(other values)``, which is not a single group.
    """
    able = [group for group in groups if not group.too_small and group.value != OTHER]
    found = ((name, {group.value: group.rates[name].value for group in able}) for name in RATES)
    known = ((name, {value: share for value, share in rates.items() if not math.isnan(share)}) for name, rates in found)
    return tuple(make_gap(name, rates) for name, rates in known if len(rates) > 1)


def make_gap(name: str, rates: Mapping[str, float]) -> Gap:
    """Return the gap between the best and the worst of at least two groups.

    The ratio is worst divided by best. By the four-fifths rule a selection rate below 80 % of the highest is evidence
    of adverse impact (29 CFR 1607.4 D, https://www.ecfr.gov/current/title-29/section-1607.4). For ``fpr`` the lowest
    rate is the best, so the ratio is at least 1, and infinite if the best is 0. The ratio of equal rates is 1.

    >>> make_gap("selection", {"a": 0.25, "b": 0.5})
    Gap(rate='selection', best='b', worst='a', difference=0.25, ratio=0.5)
    >>> make_gap("fpr", {"a": 0.0, "b": 0.5})
    Gap(rate='fpr', best='a', worst='b', difference=0.5, ratio=inf)
    """
    ordered = sorted(rates, key=lambda value: rates[value], reverse=name != LOWEST_IS_BEST)
    best, worst = ordered[0], ordered[-1]
    high, low = rates[best], rates[worst]
    ratio = 1.0 if high == low else low / high if high else math.inf
    return Gap(name, best, worst, abs(high - low), ratio)
