"""Standard errors by the delete-a-bucket jackknife of TFMA (tensorflow_model_analysis/evaluators/jackknife.py)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BUCKETS = 20


@dataclass(frozen=True)
class Estimate:
    """The value on all rows; mean and standard error of the jackknife samples."""

    value: float
    mean: float
    standard_error: float


def bucket_of_row(rows: int, buckets: int) -> NDArray[np.int64]:
    """Return a bucket for each row position, shape (rows,): the same in every run, unrelated to the order of rows.

    TFMA draws random buckets for each slice. The hash is the finalizer of SplitMix64 (Steele, Lea and
    Flood 2014, https://doi.org/10.1145/2660193.2660195).
    """
    mixed = (np.arange(rows, dtype=np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return (mixed % np.uint64(max(buckets, 1))).astype(np.int64)


def resampled(sums: NDArray[Any], buckets: int) -> NDArray[Any]:
    """Convert sums by bucket, (max(buckets, 1), ...), to sums by sample, (1 + buckets, ...): all, then without each."""
    everything = sums.sum(axis=0, keepdims=True)
    if not buckets:
        return everything
    if np.issubdtype(sums.dtype, np.integer):
        return np.concatenate([everything, everything - sums])
    # Not by subtraction: an infinite sum in one bucket must not reach the sample without it.
    without_each = np.where(np.eye(buckets, dtype=bool), 0.0, sums).sum(axis=1)
    return np.concatenate([everything, without_each])


def estimate(samples: NDArray[np.float64]) -> Estimate:
    """Return the estimate from (1 + buckets,) values of a metric: of all rows, then without each bucket."""
    value, without_each = samples[0], samples[1:]
    buckets = len(without_each)
    pseudo_values = value * buckets - without_each * (buckets - 1)
    with np.errstate(invalid="ignore"):
        standard_error = np.std(pseudo_values, ddof=1) / np.sqrt(buckets)
    return Estimate(float(value), float(np.mean(without_each)), float(standard_error))


def empty_samples(bucket: NDArray[np.int64]) -> int:
    """Return the number of samples without rows: one if all rows of the slice share a bucket."""
    return int(len(bucket) > 0 and bool(np.all(bucket == bucket[0])))
