"""Finds the row on which a TensorFlow graph fails.

An error in a Beam worker comes back as text without the row, so the files are read again to find it.
"""

import contextlib
import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import tensorflow as tf

from components.examples.reading import serialized_batches
from pipeline.errors import DataError

logger = logging.getLogger(__name__)
# The error of ``tf.debugging.check_numerics``, after the message that it was given.
CHECK_NUMERICS = re.compile(r"(column '[^\n]*?) : Tensor had")
MAX_TEXT = 500


@contextlib.contextmanager
def naming_bad_rows(paths: Iterable[str], function: Callable[[tf.Tensor], Any], node: str) -> Iterator[None]:
    """Turn a failure of the body into one that names the bad row, if a row is to blame.

    Args:
        paths: the files of serialized tf.Examples that the body reads.
        function: what the body applies to a batch of them, (batch,).
        node: its name, for the message.

    Raises:
        DataError: the function fails on a row.
    """
    try:
        yield
    except Exception as error:
        logger.info("%s failed: looking for a bad row", node, exc_info=True)
        bad = find_bad_row(paths, function, node)
        if bad is None:
            raise
        raise bad from error


def find_bad_row(paths: Iterable[str], function: Callable[[tf.Tensor], Any], node: str) -> DataError | None:
    """Return the error for the first row of the files on which the function fails, None if there is none."""
    for path in paths:
        before = 0
        for batch in serialized_batches(path):
            if problem_in(function, batch):
                row = bisect_rows(function, batch)
                return row_error(node, path, before + row, batch[row], problem_in(function, batch[row : row + 1]))
            before += len(batch)
    return None


def bisect_rows(function: Callable[[tf.Tensor], Any], batch: tf.Tensor) -> int:
    """Return the index of the first row of a batch on which the function fails."""
    start, end = 0, len(batch)
    while end - start > 1:
        middle = (start + end) // 2
        if problem_in(function, batch[start:middle]):
            end = middle
        else:
            start = middle
    return start


def problem_in(function: Callable[[tf.Tensor], Any], batch: tf.Tensor) -> str:
    """Return the message with which the function refuses the values of some rows, empty if it does not."""
    try:
        function(batch)
    except tf.errors.InvalidArgumentError as error:
        found = CHECK_NUMERICS.search(error.message)
        return found[1] if found else (error.message.strip().splitlines() or [""])[0][:200]
    except DataError as error:
        return error.problem
    return ""


def row_error(node: str, path: str, row: int, serialized: tf.Tensor, problem: str) -> DataError:
    """Return the error for a row, with its split, file, number and values."""
    split = os.path.basename(os.path.dirname(path)).removeprefix("Split-")
    return DataError(
        f"{node}, {split} split, row {row + 1} of {os.path.basename(path)}", problem or "the row cannot be transformed",
        expected="finite numbers, before and after preprocessing", received=row_text(serialized),
        next_step="Correct the row, or pipeline/workloads/…/preprocessing.py.",
    )  # fmt: skip


def row_text(serialized: tf.Tensor) -> str:
    """Return the values of a row as text, cut to ``MAX_TEXT`` characters."""
    features = tf.train.Example.FromString(serialized.numpy()).features.feature
    text = ", ".join(f"{name}={feature_text(features[name])}" for name in sorted(features))
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}…"


def feature_text(feature: tf.train.Feature) -> str:
    """Return the values of one column of a row as text."""
    kind = feature.WhichOneof("kind")
    values = list(getattr(feature, kind).value) if kind else []
    return "|".join(value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in values)
