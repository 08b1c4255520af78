from collections import Counter

import numpy as np
import pytest

from data.datasets.splits import random_split, time_split
from pipeline.errors import DataError
from pipeline.splits import SPLITS


@pytest.mark.parametrize("n", [0, 1, 7, 10, 1_000, 100_000])
def test_the_splits_cover_all_rows_in_the_given_shares(n):
    sizes = Counter(random_split(n, seed=3).tolist())
    assert set(sizes) <= set(SPLITS)
    assert sum(sizes.values()) == n
    assert abs(sizes["train"] - 0.8 * n) <= 1
    assert abs(sizes["eval"] - 0.1 * n) <= 1


def test_the_seed_decides_the_draw():
    assert (random_split(100, seed=1) == random_split(100, seed=1)).all()
    assert (random_split(100, seed=1) != random_split(100, seed=2)).any()


def test_the_draw_is_the_same_on_every_version_of_numpy():
    drawn = random_split(8, seed=0, fractions=(0.5, 0.25, 0.25)).tolist()
    assert drawn == ["eval", "train", "train", "eval", "test", "test", "train", "train"]


def test_a_share_of_nothing_gets_no_rows():
    assert set(random_split(50, seed=0, fractions=(0.9, 0.1, 0.0)).tolist()) == {"train", "eval"}


def test_time_is_never_split_backwards():
    timestamps = np.random.RandomState(0).randint(0, 50, size=1_000)
    names = time_split(timestamps.tolist())
    first = {name: timestamps[names == name].min() for name in SPLITS}
    last = {name: timestamps[names == name].max() for name in SPLITS}
    assert last["train"] <= first["eval"] <= last["eval"] <= first["test"]
    assert Counter(names.tolist()) == {"train": 800, "eval": 100, "test": 100}


def test_rows_of_one_second_keep_their_order():
    assert time_split([5] * 10).tolist() == ["train"] * 8 + ["eval", "test"]


@pytest.mark.parametrize("fractions", [(0.5, 0.5, 0.5), (1.2, -0.1, -0.1), (0.8, 0.1, 0.0)])
def test_invalid_fractions_are_refused(fractions):
    with pytest.raises(DataError, match="not shares"):
        random_split(10, seed=0, fractions=fractions)
