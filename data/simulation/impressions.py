"""Any run of impressions of a made-up shop, with the probability of each click; pure functions of world and row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import cos, pi
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from data.simulation import shop
from data.simulation.draws import Floats, Integers, bell, bits, pick, uniform
from data.simulation.shop import Effects, Items, World, effects, items

# Probabilities are whole multiples of 1 / GRAIN, so that counts by probability lose nothing.
GRAIN = 1 << 16
# Monday, 1 January 2024, 00:00 UTC.
START_S = 1_704_067_200
DAYS = 56
NEW_SHARE = 0.15
# Of the app, when the drift is 1 and the time is over; taken from the desktop.
DEVICE_DRIFT = 0.2

SCHEMA = pa.schema(
    [
        ("user_id", pa.int64()), ("item_id", pa.int64()), ("timestamp", pa.int64()),
        ("hour", pa.int64()), ("weekday", pa.int64()),
        ("age_band", pa.string()), ("membership", pa.string()), ("city", pa.string()), ("city_tier", pa.string()),
        ("is_new_user", pa.int64()), ("user_segment", pa.string()),
        ("category", pa.string()), ("brand", pa.string()), ("price_usd", pa.float64()), ("rating", pa.float64()),
        ("device", pa.string()), ("position", pa.int64()), ("clicked", pa.int64()),
    ]
)  # fmt: skip
VALUES: Mapping[str, Sequence[str | None]] = {
    "city_tier": shop.TIERS, "user_segment": shop.SEGMENTS, "device": shop.DEVICES, "age_band": shop.AGE_BANDS,
    "membership": shop.MEMBERSHIPS, "category": shop.CATEGORIES, "city": shop.CITIES, "brand": shop.BRANDS,
}  # fmt: skip


@dataclass(frozen=True)
class Impressions:
    """Rows in the order of time: numbers by column (codes for the columns of ``VALUES``), and the truth about them.

    ``chance`` is the probability of a click in units of 1 / ``GRAIN``, from 1 to ``GRAIN`` - 1.
    """

    columns: Mapping[str, npt.NDArray[Any]]
    chance: Integers

    def batch(self) -> pa.RecordBatch:
        """Return the rows as they are written, without the truth."""
        return pa.record_batch([written(field, self.columns[field.name]) for field in SCHEMA], schema=SCHEMA)

    def probability(self) -> npt.NDArray[np.float32]:
        """Return the probability of each click, without rounding."""
        return (self.chance / GRAIN).astype(np.float32)


class Source:
    """Impressions by number; the tables of a world are made once."""

    def __init__(self, world: World) -> None:
        self._world, self._items, self._effects = world, items(world), effects(world.seed)

    def rows(self, start: int, stop: int) -> Impressions:
        """Return the impressions from ``start`` to ``stop``, which do not depend on how the others are asked for."""
        row = np.arange(start, stop)
        columns = drawn(self._world, self._items, row)
        odds = log_odds(self._world, self._items, self._effects, columns, row / self._world.rows)
        chance = np.clip(np.rint(GRAIN / (1 + np.exp(-odds))), 1, GRAIN - 1).astype(np.int64)
        # The top 16 bits are a number below GRAIN: less than the chance in exactly that share of cases.
        clicked = (bits(self._world.seed, "click", row) >> np.uint64(48)).astype(np.int64) < chance
        return Impressions({**columns, "clicked": clicked.astype(np.int64)}, chance)


def written(field: pa.Field, numbers: npt.NDArray[Any]) -> pa.Array:
    """Return a column as it is written: codes become their values, NaN becomes null."""
    if field.name in VALUES:
        return pa.array(VALUES[field.name], pa.string()).take(pa.array(numbers))
    return pa.array(numbers, field.type, from_pandas=True)


def drawn(world: World, catalogue: Items, row: Integers) -> dict[str, npt.NDArray[Any]]:
    """Return all columns of the rows of these numbers but the label."""
    seed = world.seed
    user, new = users(world, row)
    item = (uniform(seed, "item", row) ** 2 * world.items).astype(np.int64)
    city = pick(shop.CITY_SHARES, uniform(seed, "city", user))
    city[uniform(seed, "no city", row) < shop.UNKNOWN_CITY] = len(shop.CITIES) - 1
    moment = times_s(world, row)
    return {
        "user_id": user,
        "item_id": item,
        "timestamp": moment,
        "hour": moment // 3600 % 24,
        "weekday": (moment - START_S) // 86_400 % 7,
        "age_band": pick(shop.AGE_SHARES, uniform(seed, "age", user)),
        "membership": pick(shop.MEMBERSHIP_SHARES, uniform(seed, "membership", user)),
        "city": city,
        "city_tier": shop.CITY_TIER[city],
        "is_new_user": new.astype(np.int64),
        "user_segment": new.astype(np.int64),
        "category": catalogue.category[item],
        "brand": catalogue.brand[item],
        "price_usd": catalogue.price_usd[item],
        "rating": catalogue.rating[item],
        "device": devices(world, row),
        "position": 1 + (skewed(uniform(seed, "position", row)) * shop.POSITIONS).astype(np.int64),
    }


def users(world: World, row: Integers) -> tuple[Integers, npt.NDArray[np.bool_]]:
    """Return who sees each row, and whether that user is new; numbers go by the order of joining."""
    joined = world.users - world.joining + world.joining * row // world.rows
    known = joined - world.fresh
    new = uniform(world.seed, "new", row) < NEW_SHARE
    number = uniform(world.seed, "user", row)
    old = (skewed(number) * known).astype(np.int64)
    return np.where(new, known + (number * world.fresh).astype(np.int64), old), new


def skewed(number: Floats) -> Floats:
    """Return numbers in [0, 1) of which the small ones come often: some users come again and again."""
    # Of powers, only this one is rounded alike on every machine.
    return number * np.sqrt(number)


def times_s(world: World, row: Integers) -> Integers:
    """Return when each row is shown, in seconds since 1970: evenly over the traffic, which is densest at night."""
    hours = np.arange(DAYS * 24)
    by_hour = np.array([1 + 0.6 * cos(2 * pi * (hour - 20) / 24) for hour in range(24)])
    by_day = np.array((1.0, 0.95, 0.95, 1.0, 1.05, 1.25, 1.2))
    traffic = np.concatenate(([0.0], np.cumsum(by_hour[hours % 24] * by_day[hours // 24 % 7])))
    share = (row + uniform(world.seed, "time", row)) / world.rows
    passed = np.interp(share * traffic[-1], traffic, np.arange(len(traffic)))
    return START_S + np.minimum(passed * 3600, DAYS * 86_400 - 1).astype(np.int64)


def devices(world: World, row: Integers) -> Integers:
    """Return what each row is shown on; with drift, ever more of it is the app."""
    moved = DEVICE_DRIFT * world.drift * row / world.rows
    number = uniform(world.seed, "device", row)
    app, web, _ = shop.DEVICE_SHARES
    return (number >= app + moved).astype(np.int64) + (number >= app + web + moved)


def log_odds(
    world: World, catalogue: Items, table: Effects, column: Mapping[str, npt.NDArray[Any]], time: Floats
) -> Floats:
    """Return the log odds of each click from the row as it is written, user and item; ``time`` goes from 0 to 1."""
    item, category, membership = column["item_id"], column["category"], column["membership"]
    new = column["is_new_user"]
    price = np.log(column["price_usd"] / shop.MIDDLE_PRICE_USD)
    return (
        shop.BASE
        + table.age_category[column["age_band"], category]
        + table.tier_category[column["city_tier"], category]
        + world.drift * time * table.category_drift[category]
        + table.membership[membership]
        + table.price_by_membership[membership] * price
        + shop.RATING * np.nan_to_num(column["rating"] - shop.MIDDLE_RATING)
        + table.device[column["device"]]
        + table.position[column["position"] - 1] * np.where(new, shop.POSITION_OF_NEW, 1.0)
        + table.hour[column["hour"]]
        + table.weekday[column["weekday"]]
        + catalogue.appeal[item]
        + np.where(new, shop.NEW_USER, own_taste(world, catalogue, column["user_id"], item))
    )


def own_taste(world: World, catalogue: Items, user: Integers, item: Integers) -> Floats:
    """Return what a user who is not new adds: how readily they click, and how the item's traits suit them."""
    first, second = (trait[item] for trait in catalogue.traits)
    suits = bell(world.seed, "taste 1", user) * first + bell(world.seed, "taste 2", user) * second
    return shop.USER_LEANING * bell(world.seed, "leaning", user) + shop.USER_TASTE * suits
