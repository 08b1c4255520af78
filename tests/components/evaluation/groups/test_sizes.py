import pytest

from components.evaluation.groups.sizes import too_small


@pytest.mark.parametrize(
    ("positives", "negatives", "why"),
    [
        (0, 0, "no rows"),
        (1, 0, "only 1 row"),
        (14, 15, "only 29 rows"),
        (0, 500, "no rows with label 1"),
        (500, 9, "only 9 rows with label 0"),
        (10, 20, ""),
        (5000, 5000, ""),
    ],
)
def test_too_few_rows_are_explained(positives, negatives, why):
    assert too_small(positives, negatives) == why
