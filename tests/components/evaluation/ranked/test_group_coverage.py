"""Coverage of the intervals of metrics within groups, where the groups of a sample are users drawn at random."""

import numpy as np
import pytest
from fakes.simulated import shop

from components.evaluation.influence import difference, standard_error
from components.evaluation.intervals import interval
from components.evaluation.metrics import Metric, make_rows
from components.evaluation.ranked.within_groups import RANKED
from components.evaluation.tasks.registry import FORMULAS
from components.evaluation.units import Units, independent

DRAWS = 1500
METRICS = [Metric(kind, group_by=("user",), top=3) for kind in RANKED]


def measured(rows, users):
    """Each metric of the first model, and its difference to the second."""
    one, other = (make_rows(rows.label, score, METRICS, users, {("user",): users}) for score in rows.scores)
    for metric in METRICS:
        found, compared = (FORMULAS[metric.kind](of_model, metric) for of_model in (one, other))
        yield metric.kind, found, "share"
        yield f"{metric.kind}, difference", difference(found, compared), "difference"


@pytest.mark.slow
@pytest.mark.parametrize("each_row_is_a_unit", [False, True])
def test_intervals_cover_the_truth_in_95_of_100_samples_of_users(each_row_is_a_unit):
    population = shop.population()
    code = np.unique(population.user, return_inverse=True)[1]
    truth = {name: found.value for name, found, _ in measured(population, Units(code, int(code.max()) + 1))}
    held = {}
    for seed in range(DRAWS):
        rows, users = shop.users_at_random(population, np.random.default_rng(seed))
        units = independent(len(rows.label)) if each_row_is_a_unit else users
        for name, found, scale in measured(rows, users):
            low, high = interval(found.value, standard_error(found, units), scale)
            assert scale == "difference" or 0 <= low <= high <= 1
            held.setdefault(name, []).append(low <= truth[name] <= high)
    shares = {name: np.mean(hits) for name, hits in held.items()}
    assert {name: share for name, share in shares.items() if not 0.93 <= share <= 0.97} == {}
