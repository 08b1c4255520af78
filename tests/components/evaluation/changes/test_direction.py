import math

import pytest

from components.evaluation.changes.direction import direction


@pytest.mark.parametrize(
    ("metric", "value", "other", "expected"),
    [
        ("auc", 0.7, 0.8, "worse"),
        ("auc", 0.8, 0.7, "better"),
        ("binary_crossentropy", 0.5, 0.4, "worse"),
        ("binary_crossentropy", 0.4, 0.5, "better"),
        ("calibration", 0.9, 0.95, "worse"),
        ("calibration", 1.1, 1.05, "worse"),
        ("calibration", 1.0, 0.95, "better"),
        ("calibration", 1.051, 0.950, "differs"),
        ("calibration", 0.99, 1.2, "differs"),
        ("mean_prediction", 0.5, 0.4, "differs"),
        ("auc", 0.8, 0.8, "differs"),
        ("auc", math.nan, 0.8, "differs"),
    ],
)
def test_a_change_is_for_the_better_only_if_the_better_side_is_known(metric, value, other, expected):
    assert direction(metric, value, other) == expected
