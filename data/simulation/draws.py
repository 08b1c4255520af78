"""Random numbers that are functions of (seed, stream, index), so that no row depends on the rows before it."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Bits: TypeAlias = npt.NDArray[np.uint64]
Floats: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]

# SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_ROUNDS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))


def bits(seed: int, stream: str, index: npt.NDArray[Any]) -> Bits:
    """Return 64 random bits for each index; other streams of the same seed are independent of these.

    >>> bits(0, "click", np.arange(2)).tolist() == [int(bits(0, "click", np.array([n]))[0]) for n in (0, 1)]
    True
    """
    key = int.from_bytes(blake2b(f"{seed}/{stream}".encode(), digest_size=8).digest(), "little")
    mixed = index.astype(np.uint64)
    mixed *= _GAMMA
    mixed += np.uint64(key)
    for shift, factor in _ROUNDS:
        mixed ^= mixed >> np.uint64(shift)
        mixed *= np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    return mixed


def uniform(seed: int, stream: str, index: npt.NDArray[Any]) -> Floats:
    """Return a number in [0, 1) for each index."""
    return (bits(seed, stream, index) >> np.uint64(11)) * 2.0**-53


def bell(seed: int, stream: str, index: npt.NDArray[Any]) -> Floats:
    """Return a number of mean 0 and variance 1 for each index, nearly normal and within 3.47.

    It is the sum of four uniform numbers: additions alone, so that every machine gets the same bits.
    """
    drawn = bits(seed, stream, index)
    quarters = [(drawn >> np.uint64(shift)) & np.uint64(0xFFFF) for shift in (0, 16, 32, 48)]
    return ((quarters[0] + quarters[1] + quarters[2] + quarters[3]) * 2.0**-16 - (2 - 2.0**-15)) * 3**0.5


def pick(shares: Sequence[float], numbers: Floats) -> Integers:
    """Return the place in ``shares``, which sum to 1, that each number in [0, 1) falls into.

    >>> pick((0.5, 0.25, 0.25), np.array([0.0, 0.49, 0.5, 0.99])).tolist()
    [0, 0, 1, 2]
    """
    return np.searchsorted(np.cumsum(shares)[:-1], numbers, side="right")
