import numpy as np
import pytest
from scipy import stats

from components.evaluation.changes.direction import direction
from components.evaluation.changes.significance import p_value, p_worse, sure_direction
from components.evaluation.influence import StandardError, paired_errors, ratio
from components.evaluation.units import Units, independent
from components.evaluation.verdict import Measurement, measure

ERROR = StandardError(0.004, 500)
DRAWS = 2000


def calibrations(seed, scales, units):
    """The calibration of two models on 400 rows, whose true value are the two scales, and their difference."""
    generator = np.random.default_rng(seed)
    # Labels of one unit depend on one another.
    truth = np.clip(generator.beta(2, 4, units.rows) + generator.normal(0, 0.1, units.count)[units.codes], 0.01, 0.99)
    label = generator.random(units.rows) < truth
    one, other = (ratio(scale * truth * generator.uniform(0.9, 1.1, units.rows), label) for scale in scales)
    errors = paired_errors(one, other, units)
    return measure(one.value, errors[0], "positive"), measure(one.value - other.value, errors[2], "difference")


@pytest.mark.parametrize("units", [independent(400), Units(np.arange(400) // 4, 100)], ids=["rows", "users"])
def test_two_calibrations_as_far_from_1_are_rarely_called_better_or_worse(units):
    drawn = [calibrations(seed, (1.04, 0.96), units) for seed in range(DRAWS)]
    said = [sure_direction("calibration", *pair) for pair in drawn]
    # The draws do lie on one side of 1, and apart: by the difference alone most would be called.
    by_difference = [direction("calibration", value.value, value.value - change.value) for value, change in drawn]
    assert np.mean([p_value(change) < 0.05 for _, change in drawn]) == 1.0
    assert np.mean([found != "differs" for found in by_difference]) > 0.4
    for kind in ("better", "worse"):
        assert np.mean([found == kind for found in said]) <= 0.025 + 3 * np.sqrt(0.025 * 0.975 / DRAWS)


@pytest.mark.parametrize(("scales", "expected"), [((1.5, 1.4), "worse"), ((1.4, 1.5), "better"), ((0.6, 0.7), "worse")])
def test_a_clear_move_of_calibration_is_found(scales, expected):
    said = [sure_direction("calibration", *calibrations(seed, scales, independent(400))) for seed in range(50)]
    assert said.count(expected) >= 48


def test_equal_metrics_are_called_worse_at_the_stated_rate():
    noise = np.random.default_rng(0).normal(size=20_000)
    changes = [measure(0.004 * value, ERROR, "difference") for value in noise]
    said = [sure_direction("auc", Measurement(0.7), change) for change in changes]
    assert said.count("worse") / 20_000 == pytest.approx(0.025, abs=0.004)
    assert said.count("better") / 20_000 == pytest.approx(0.025, abs=0.004)


@pytest.mark.parametrize("change", [-0.02, -0.008, -0.006, 0.006, 0.02])
@pytest.mark.parametrize("metric", ["auc", "binary_crossentropy"])
def test_without_a_target_of_1_a_change_is_sure_if_its_interval_excludes_zero(metric, change):
    found = measure(change, ERROR, "difference")
    sure = found.interval[0] > 0 or found.interval[1] < 0
    expected = direction(metric, 0.7, 0.7 - change) if sure else "differs"
    assert sure_direction(metric, Measurement(0.7), found) == expected
    assert sure_direction(metric, Measurement(0.7), Measurement(change, found.interval)) == expected


def test_what_has_no_interval_is_not_sure():
    assert sure_direction("auc", Measurement(0.7), Measurement(0.1)) == "differs"
    assert sure_direction("calibration", Measurement(1.5), measure(0.1, ERROR, "difference")) == "differs"
    assert p_worse("auc", Measurement(0.7), Measurement(-0.1)) is None


def test_an_interval_alone_says_the_same_as_a_standard_error():
    value, change = (measure(found, StandardError(0.05, 10**6), "difference") for found in (1.2, 0.3))
    ends = Measurement(1.2, value.interval), Measurement(0.3, change.interval)
    assert p_worse("calibration", *ends) == pytest.approx(p_worse("calibration", value, change), rel=1e-3)


def test_the_p_values_are_those_of_student():
    worse, better = (measure(value, ERROR, "difference") for value in (-0.01, 0.01))
    assert p_value(better) == pytest.approx(2 * stats.t.sf(2.5, 500))
    assert p_worse("auc", Measurement(0.7), worse) == pytest.approx(stats.t.sf(2.5, 500))
    assert p_worse("auc", Measurement(0.7), better) == pytest.approx(stats.t.cdf(2.5, 500))
    assert p_worse("mean_prediction", Measurement(0.7), better) == 1.0
    assert p_value(Measurement(0.01)) is None
