"""Divide rows into train, eval and test: every row in exactly one of them."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pipeline.errors import DataError
from pipeline.splits import SPLITS

Names = npt.NDArray[np.str_]
Fractions = tuple[float, float, float]


def random_split(n: int, seed: int, fractions: Fractions = (0.8, 0.1, 0.1)) -> Names:
    """Return the split name of each of ``n`` rows, ``(n,)``, drawn by ``seed``.

    Raises DataError when the fractions are not three shares of one whole.

    >>> sorted(random_split(10, seed=0).tolist())
    ['eval', 'test', 'train', 'train', 'train', 'train', 'train', 'train', 'train', 'train']
    """
    # numpy promises never to change the stream of RandomState; default_rng's may differ between versions.
    return _assign(np.random.RandomState(seed).permutation(n), fractions)


def time_split(timestamps: Sequence[int], fractions: Fractions = (0.8, 0.1, 0.1)) -> Names:
    """Return the split name of each row, ``(n,)``: the earliest rows are train, the latest are test.

    Rows of the same second keep their order, so the border between two splits may run through a second.
    Raises DataError when the fractions are not three shares of one whole.

    >>> time_split([30, 10, 20, 40], (0.5, 0.25, 0.25)).tolist()
    ['eval', 'train', 'train', 'test']
    """
    return _assign(np.argsort(np.asarray(timestamps, dtype=np.int64), kind="stable"), fractions)


def _assign(order: npt.NDArray[np.int64], fractions: Fractions) -> Names:
    first, second = _borders(len(order), fractions)
    names = np.empty(len(order), dtype="<U5")
    for name, rows in zip(SPLITS, np.split(order, [first, second]), strict=True):
        names[rows] = name
    return names


def _borders(n: int, fractions: Fractions) -> tuple[int, int]:
    train, evaluation, test = fractions
    if min(fractions) < 0 or abs(train + evaluation + test - 1) > 1e-9:
        raise DataError("split fractions", "not shares of one whole", expected="sum 1", received=str(fractions))
    return round(n * train), round(n * (train + evaluation))
