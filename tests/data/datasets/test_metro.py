from collections import Counter

import pytest

from data.datasets.metro import City, Place, distance_km, metro_tiers, tier
from data.datasets.movielens import parse_user
from data.datasets.tables import parse_table

HERE = Place(40.0, -75.0)


def test_the_tiers_of_the_real_users_are_the_known_ones(movielens_raw):
    users = dict(parse_table(movielens_raw / "ml-100k.user", parse_user, separator="\t", header=1))
    tiers = metro_tiers(user.zip_code for user in users.values())
    counts = Counter(tiers[user.zip_code] for user in users.values())
    assert counts == {"tier 1": 369, "tier 2": 225, "tier 3": 314, "unknown": 35}


def test_zip_codes_that_no_post_office_has_are_unknown():
    assert metro_tiers(["10001", "V3N4P", "00000", ""]) == {
        "10001": "tier 1", "V3N4P": "unknown", "00000": "unknown", "": "unknown",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("population", "expected"),
    [(500_000, "tier 1"), (499_999, "tier 2"), (200_000, "tier 2"), (199_999, "tier 3")],
)
def test_the_population_decides_the_tier(population, expected):
    assert tier(HERE, [City(HERE, population)]) == expected


def test_a_city_counts_up_to_40_km():
    near, far = Place(40.3597, -75.0), Place(40.3598, -75.0)
    assert distance_km(HERE, near) < 40 < distance_km(HERE, far)
    assert tier(HERE, [City(near, 600_000)]) == "tier 1"
    assert tier(HERE, [City(far, 600_000)]) == "tier 3"


def test_no_cities_at_all_is_the_last_tier():
    assert tier(HERE, []) == "tier 3"
