"""The made-up shop whose impressions are drawn: its size, its values, its items, and what makes people click."""

from dataclasses import dataclass
from math import cos, log, pi

import numpy as np

from data.simulation.draws import Floats, Integers, bell, pick, uniform

# The last value of a column stands for unknown.
AGE_BANDS = ("under 18", "18-24", "25-34", "35-44", "45-54", "55+", None)
AGE_SHARES = (0.04, 0.19, 0.28, 0.2, 0.13, 0.1, 0.06)
MEMBERSHIPS = ("none", "silver", "gold")
MEMBERSHIP_SHARES = (0.62, 0.26, 0.12)
DEVICES = ("app", "mobile web", "desktop")
DEVICE_SHARES = (0.4, 0.35, 0.25)
TIERS = ("tier 1", "tier 2", "tier 3", "unknown")
CITIES_BY_TIER = (4, 12, 24)
TIER_SHARES = (0.46, 0.31, 0.23)
CITIES = (*(f"city-{number:02}" for number in range(1, sum(CITIES_BY_TIER) + 1)), None)
CITY_TIER = np.repeat(np.arange(4), (*CITIES_BY_TIER, 1))
CITY_SHARES = tuple(share / n for share, n in zip(TIER_SHARES, CITIES_BY_TIER, strict=True) for _ in range(n))
CATEGORIES = (
    "beauty", "books", "electronics", "fashion", "garden", "groceries",
    "home", "music", "pets", "shoes", "sports", "toys",
)  # fmt: skip
BRANDS = (*(f"brand-{number:03}" for number in range(1, 121)), None)
POSITIONS = 10
SEGMENTS = ("returning", "new")

# Dollars: the middle of the prices of each category.
_PRICES = (18, 14, 140, 45, 38, 9, 55, 16, 22, 65, 48, 24)
UNKNOWN_CITY, UNKNOWN_BRAND, UNKNOWN_RATING = 0.02, 0.03, 0.08


@dataclass(frozen=True)
class World:
    """The parameters that determine every byte: number of impressions, seed, and drift of tastes (0 to 1)."""

    rows: int
    seed: int = 0
    drift: float = 0.0

    @property
    def items(self) -> int:
        """How many items the shop has: one for 200 rows, but 50 at least and 20,000 at most."""
        return min(max(self.rows // 200, 50), 20_000)

    @property
    def users(self) -> int:
        """How many users there are at the end: one for 20 rows."""
        return max(self.rows // 20, 20)

    @property
    def joining(self) -> int:
        """How many of the users join while the impressions go on, evenly from the first to the last."""
        return self.users * 2 // 5

    @property
    def fresh(self) -> int:
        """How many users are new at any moment: those who joined last, within an eighth of all impressions."""
        return self.joining // 8


@dataclass(frozen=True)
class Items:
    """The items on sale; each array has one entry per item. A missing rating is NaN."""

    category: Integers
    brand: Integers
    price_usd: Floats
    rating: Floats
    appeal: Floats
    traits: tuple[Floats, Floats]


@dataclass(frozen=True)
class Effects:
    """Contributions to the log odds of a click by value; the name of a table begins with its rows."""

    age_category: Floats
    tier_category: Floats
    category_drift: Floats
    membership: Floats
    price_by_membership: Floats
    device: Floats
    position: Floats
    hour: Floats
    weekday: Floats


BASE = -2.45
NEW_USER = -0.3
# A new user looks less far down the page.
POSITION_OF_NEW = 1.3
RATING, MIDDLE_RATING, MIDDLE_PRICE_USD = 0.5, 4.0, 30.0
USER_LEANING, USER_TASTE = 0.4, 0.3


def items(world: World) -> Items:
    """Return the items of a world."""
    seed, number = world.seed, np.arange(world.items)
    category = pick((1 / len(CATEGORIES),) * len(CATEGORIES), uniform(seed, "category", number))
    brand = (uniform(seed, "brand", number) ** 2 * (len(BRANDS) - 1)).astype(np.int64)
    brand[uniform(seed, "no brand", number) < UNKNOWN_BRAND] = len(BRANDS) - 1
    price = np.floor(np.array(_PRICES, np.float64)[category] * np.exp(0.5 * bell(seed, "price", number))) + 0.99
    rating = (4.1 + 0.5 * bell(seed, "rating", number)).clip(1, 5).round(1)
    rating[uniform(seed, "no rating", number) < UNKNOWN_RATING] = np.nan
    appeal = 0.45 * bell(seed, "appeal", number)
    return Items(category, brand, price, rating, appeal, (bell(seed, "trait 1", number), bell(seed, "trait 2", number)))


def effects(seed: int) -> Effects:
    """Return what makes people click in the world of a seed."""

    def table(name: str, values: int, size: float) -> Floats:
        drawn = bell(seed, name, np.arange(values * len(CATEGORIES))).reshape(values, -1)
        return size * (drawn - drawn.mean(axis=1, keepdims=True))

    tier_category = table("tier x category", len(TIERS), 0.4)
    tier_category[-1] = 0
    return Effects(
        age_category=table("age x category", len(AGE_BANDS), 0.65),
        tier_category=tier_category,
        category_drift=table("drift", 1, 1.2)[0],
        membership=np.array((0.0, 0.15, 0.35)),
        price_by_membership=np.array((-0.35, -0.28, -0.15)),
        device=np.array((0.2, 0.0, -0.15)),
        position=np.array([-0.5 * log(place) for place in range(1, POSITIONS + 1)]),
        hour=np.array([0.25 * cos(2 * pi * (hour - 21) / 24) for hour in range(24)]),
        weekday=np.array((0.0, -0.05, -0.05, 0.0, 0.05, 0.2, 0.15)),
    )
