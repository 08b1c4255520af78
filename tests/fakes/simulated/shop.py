"""A made-up shop whose every metric is known, for tests of intervals."""

import dataclasses
import functools

import numpy as np
from numpy.typing import NDArray

from components.evaluation.units import Units
from data.simulation.impressions import Source
from data.simulation.shop import World

USERS = 150


@dataclasses.dataclass(frozen=True)
class Population:
    """All impressions of a shop, by user: who saw them, whether they clicked, and the scores of two models."""

    user: NDArray[np.int64]
    label: NDArray[np.int64]
    scores: tuple[NDArray[np.float32], NDArray[np.float32]]

    def take(self, index: NDArray[np.int64]) -> "Population":
        """Return the impressions at these positions."""
        return Population(self.user[index], self.label[index], (self.scores[0][index], self.scores[1][index]))


def click_rates(columns, names, label):
    """Return the share of clicks among the rows with the same values, as a model that knows these columns."""
    code = np.zeros(len(label), np.int64)
    for name in names:
        code = code * 1000 + columns[name]
    code = np.unique(code, return_inverse=True)[1]
    return ((np.bincount(code, label) + 1) / (np.bincount(code) + 9)).astype(np.float32)[code]


@functools.cache
def population() -> Population:
    """Return 400,000 impressions."""
    drawn = Source(World(400_000, seed=3)).rows(0, 400_000).columns
    models = (("membership", "position", "age_band"), ("category", "position", "device"))
    one, other = (click_rates(drawn, names, drawn["clicked"]) for names in models)
    return Population(drawn["user_id"], drawn["clicked"], (one, other)).take(np.argsort(drawn["user_id"]))


def users_at_random(shop: Population, generator: np.random.Generator) -> tuple[Population, Units]:
    """Return all rows of users drawn with replacement; a user drawn twice is two units."""
    begins = np.searchsorted(shop.user, np.arange(shop.user[-1] + 2))
    chosen = generator.choice(np.flatnonzero(np.diff(begins)), USERS)
    index = [np.arange(begins[user], begins[user + 1]) for user in chosen]
    code = np.repeat(np.arange(USERS), [len(rows) for rows in index])
    return shop.take(np.concatenate(index)), Units(code, USERS)
