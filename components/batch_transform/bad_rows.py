"""Which row a graph fails on: a worker's error comes back as text, so that the files are read once more."""

import contextlib
import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf

from components.batch_transform.passes import Work
from components.examples.reading import serialized_batches
from pipeline.errors import DataError
from pipeline.nodes import TRANSFORM

logger = logging.getLogger(__name__)
# The square of a greater one is infinite as a float32.
GREATEST = 1e19
# As ``tf.debugging.check_numerics`` words it, behind the message that it was given.
CHECKED = re.compile(r"(column '[^\n]*?) : Tensor had")


@contextlib.contextmanager
def naming_bad_rows(
    works: Sequence[Work], function: Callable[[tf.Tensor], Any], node: str = TRANSFORM
) -> Iterator[None]:
    """Work of Beam on files, in a node; where it fails, it is a row's fault if the function fails on one.

    Raises:
        DataError: it names the row.
    """
    try:
        yield
    except Exception as error:
        logger.info("%s failed: looking for a bad row", node, exc_info=True)
        bad = first_bad(works, function, node)
        if bad is None:
            raise
        raise bad from error


def first_bad(works: Iterable[Work], function: Callable[[tf.Tensor], Any], node: str) -> DataError | None:
    """The first row of files on whose values a function of serialized rows, (batch,), fails, if there is one."""
    for work in works:
        before = 0
        for batch in serialized_batches(work.path):
            if problem(function, batch):
                row = halved(function, batch)
                return as_error(node, work.path, before + row, batch[row], problem(function, batch[row : row + 1]))
            before += len(batch)
    return None


def halved(function: Callable[[tf.Tensor], Any], batch: tf.Tensor) -> int:
    """The number of the first row that fails alone, from 0, found by halves."""
    start, end = 0, len(batch)
    while end - start > 1:
        middle = (start + end) // 2
        if problem(function, batch[start:middle]):
            end = middle
        else:
            start = middle
    return start


def problem(function: Callable[[tf.Tensor], Any], batch: tf.Tensor) -> str:
    """What a function says of the values in some rows, or nothing."""
    try:
        function(batch)
    except tf.errors.InvalidArgumentError as error:
        said = CHECKED.search(error.message)
        return said[1] if said else (error.message.strip().splitlines() or [""])[0][:200]
    except DataError as error:
        return error.problem
    return ""


def as_error(node: str, path: str, row: int, serialized: tf.Tensor, said: str) -> DataError:
    """A row that cannot be transformed: its split and file, its number there, and its values."""
    split = os.path.basename(os.path.dirname(path)).removeprefix("Split-")
    return DataError(
        f"{node}, {split} split, row {row + 1} of {os.path.basename(path)}", said or "the row cannot be transformed",
        expected="finite numbers, before and after preprocessing", received=shown(serialized),
        next_step="Correct the row, or pipeline/workloads/…/preprocessing.py.",
    )  # fmt: skip


def shown(serialized: tf.Tensor, limit: int = 500) -> str:
    """The values of a row as text, cut to a sensible length."""
    features = tf.train.Example.FromString(serialized.numpy()).features.feature
    text = ", ".join(f"{name}={value_of(features[name])}" for name in sorted(features))
    return text if len(text) <= limit else f"{text[:limit]}…"


def value_of(feature: tf.train.Feature) -> str:
    """The values of a column of one row."""
    kind = feature.WhichOneof("kind")
    values = list(getattr(feature, kind).value) if kind else []
    return "|".join(value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in values)


def check_finite(batch: pa.RecordBatch) -> None:
    """Looks at the numbers of transformed rows, each column a list.

    Raises:
        DataError: one is not finite, or its square would not be.
    """
    for name, values in zip(batch.schema.names, batch.columns, strict=True):
        while pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
            values = values.flatten()
        if not pa.types.is_floating(values.type):
            continue
        if pc.all(pc.is_finite(values)).as_py() is False:
            raise DataError(TRANSFORM, f"the transformed column {name!r} has a number that is not finite")
        if (pc.max(pc.abs(values)).as_py() or 0.0) > GREATEST:
            raise DataError(TRANSFORM, f"the transformed column {name!r} has a number beyond {GREATEST:g}")
