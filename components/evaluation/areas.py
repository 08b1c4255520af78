"""Exact areas under the ROC and the precision-recall curve, on all rows and without each jackknife bucket.

Rows are sorted by score once; every distinct score is a threshold. Memory is a few arrays as long as the rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.evaluation.jackknife import resampled

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Rows counted at a time: with 20 buckets their counts fit the processor's cache.
CHUNK_ROWS = 8_192


@dataclass(frozen=True)
class Areas:
    """Both areas, (samples,) each; nan if a sample lacks one of the labels.

    ``roc`` is the share of pairs of a positive and a negative in which the positive has the higher score, ties counted
    half (``sklearn.metrics.roc_auc_score``). ``precision_recall`` is the average precision, the sum over thresholds of
    the growth in recall times the precision there, without interpolation (``average_precision_score``).
    """

    roc: Floats
    precision_recall: Floats


def row_keys(label: NDArray[np.generic], score: NDArray[np.generic], bucket: Ints, buckets: int) -> Ints:
    """Return an integer for each row, (rows,), that sorts by score and holds label and bucket in its last bits.

    Args:
        label: (rows,) 0 or 1.
        score: (rows,) finite, of any float dtype.
        bucket: (rows,) each below ``max(buckets, 1)``.
    """
    keys = ranks(score)
    keys <<= 1
    keys |= label == 1
    keys <<= bucket_bits(buckets)
    keys |= bucket
    return keys


def bucket_bits(buckets: int) -> int:
    """Return the number of bits that hold a bucket.

    >>> [bucket_bits(buckets) for buckets in (0, 1, 2, 20)]
    [0, 0, 1, 5]
    """
    return max(buckets - 1, 0).bit_length()


def ranks(score: NDArray[Any]) -> Ints:
    """Return integers of 32 bits in the order of the scores, equal for equal scores, (rows,).

    >>> ranks(np.array([0.5, -0.0, 0.0, -1.0])).tolist()
    [2, 1, 1, 0]
    """
    if score.dtype.itemsize > 4:
        return np.unique(score, return_inverse=True)[1].reshape(-1).astype(np.int64)
    # The bits of a float32 sort like integers, those of negative values in reverse; -0.0 becomes 0.0.
    bits = (score.astype(np.float32) + np.float32(0)).view(np.int32).astype(np.int64)
    return np.where(bits < 0, bits ^ 0x7FFFFFFF, bits)


def areas(keys: Ints, buckets: int) -> Areas:
    """Return both areas of the rows with these keys, in any order."""
    ordered = np.sort(keys)
    pairs_twice, precisions = np.zeros(buckets + 1, np.int64), np.zeros(buckets + 1, np.float64)
    positives, negatives = (np.zeros((buckets + 1, 1), np.int64) for _ in range(2))
    for chunk in tied_chunks(ordered, bucket_bits(buckets) + 1):
        more_negatives, more_positives = (resampled(counts, buckets) for counts in point_counts(chunk, buckets))
        above = positives + np.cumsum(more_positives, axis=1)
        false = negatives + np.cumsum(more_negatives, axis=1)
        pairs_twice += (more_negatives * (2 * above - more_positives)).sum(axis=1)
        precisions += (more_positives * above / np.maximum(above + false, 1)).sum(axis=1)
        positives, negatives = above[:, -1:], false[:, -1:]
    return Areas(*quotients(pairs_twice, precisions, positives[:, 0], negatives[:, 0]))


def quotients(pairs_twice: Ints, precisions: Floats, positives: Ints, negatives: Ints) -> tuple[Floats, Floats]:
    """Divide the sums of both areas by their largest possible values."""
    both = (positives > 0) & (negatives > 0)
    roc = pairs_twice / np.where(both, 2 * positives * negatives, 1)
    precision_recall = precisions / np.where(both, positives, 1)
    return np.where(both, roc, np.nan), np.where(both, precision_recall, np.nan)


def tied_chunks(ordered: Ints, bits: int) -> Iterator[Ints]:
    """Yield runs of keys, the highest first, that keep rows of one score together."""
    stop = len(ordered)
    while stop:
        first = max(stop - CHUNK_ROWS, 0)
        start = int(np.searchsorted(ordered[:stop], ordered[first] >> bits << bits))
        yield ordered[start:stop]
        stop = start


def point_counts(chunk: Ints, buckets: int) -> Ints:
    """Count rows by label, bucket and point of the curve, the highest score first: (2, max(buckets, 1), points).

    A point is a score. Neighbouring scores without a positive are one point: both curves are straight between them.
    """
    bits = bucket_bits(buckets)
    score = chunk >> (bits + 1)
    begins = np.append(0, np.flatnonzero(score[1:] != score[:-1]) + 1)
    # Of one score the keys of positives come last.
    has_positive = chunk[np.append(begins[1:], len(chunk)) - 1] >> bits & 1 == 1
    kept = has_positive | np.append(True, has_positive[:-1])
    points = int(kept.sum())
    ends = np.append(begins[kept][1:], len(chunk))
    # In place, since all rows may have the same score.
    cell = np.right_shift(chunk, bits, out=score)
    cell &= 1
    cell *= max(buckets, 1)
    cell += chunk & ((1 << bits) - 1)
    cell *= points
    cell += np.repeat(np.arange(points)[::-1], np.diff(ends, prepend=0))
    return np.bincount(cell, minlength=2 * max(buckets, 1) * points).reshape(2, max(buckets, 1), points)
