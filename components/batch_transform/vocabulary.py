"""Vocabularies: terms are counted in Arrow, and files have TensorFlow Transform's order and format.

TensorFlow Transform does the same in Beam, term by term (tensorflow_transform/beam/analyzer_impls.py).
"""

import hashlib
import os
from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf
from numpy.typing import NDArray
from tfx.dsl.io import fileio

from components.compat.tft import analyzer_nodes
from components.support.value_counts import ValueCounts

# TFT's placeholder term of an empty vocabulary, since TensorFlow has no empty lookup tables.
NO_TERM = {tf.string.name: b"49d0cd50-04bb-48c0-bc6f-5b575dce351a"}
NO_NUMBER = b"-1"
LARGEST_FIRST = [("count", "descending"), ("value", "descending")]


class TermCounter(analyzer_nodes.Combiner):
    """Counts terms, (batch,), perhaps with weights, (batch,), in a table with the columns ``value`` and ``count``."""

    def create_accumulator(self) -> ValueCounts:
        """Return counts of no terms."""
        return ValueCounts()

    def add_input(self, accumulator: ValueCounts, batch: tuple[NDArray[np.generic], ...]) -> ValueCounts:
        """Count the terms of a batch, or add up their weights."""
        terms, *weights = batch
        values = pa.array(terms, pa.binary() if terms.dtype == object else pa.int64())
        if weights:
            numbers = weights[0].astype(np.int64 if weights[0].dtype.kind in "iu" else np.float64)
            accumulator.add(pa.table({"value": values, "count": numbers}))
        else:
            grouped = values.value_counts()
            accumulator.add(pa.table({"value": grouped.field("values"), "count": grouped.field("counts")}))
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[ValueCounts]) -> ValueCounts:
        whole = ValueCounts()
        for table in (table for accumulator in accumulators for table in accumulator.tables):
            whole.add(table)
        return whole

    def compact(self, accumulator: ValueCounts) -> ValueCounts:
        """Merge the rows of equal terms."""
        accumulator.compact()
        return accumulator

    def extract_output(self, accumulator: ValueCounts) -> pa.Table:
        """Return each term once, in any order."""
        accumulator.compact()
        return accumulator.tables[0] if accumulator.tables else no_terms()


def no_terms() -> pa.Table:
    """Return an empty table of terms."""
    return pa.table({"value": pa.array([], pa.binary()), "count": pa.array([], pa.int64())})


def placeholder(dtype: str) -> pa.Table:
    """Return the table of an empty vocabulary for terms of a type."""
    return pa.table({"value": pa.array([NO_TERM.get(dtype, NO_NUMBER)], pa.binary()), "count": pa.array([1])})


def size(terms: pa.Table) -> NDArray[np.int64]:
    """Return the number of terms, (); an empty vocabulary has 1, its placeholder."""
    return np.array(max(terms.num_rows, 1), np.int64)


def prune(operation: analyzer_nodes.VocabularyPrune, terms: pa.Table) -> pa.Table:
    """Return the frequent terms as text, the most frequent first; of equal counts, the greater term first."""
    if operation.frequency_threshold > 0:
        terms = terms.filter(pc.greater_equal(terms["count"], operation.frequency_threshold))
    if not pa.types.is_binary(terms.schema.field("value").type):
        terms = terms.set_column(0, "value", terms["value"].cast(pa.string()).cast(pa.binary()))
    terms = terms.sort_by(LARGEST_FIRST)
    if operation.top_k is None:
        return terms
    return terms.slice(0, operation.top_k) if terms.num_rows else placeholder(operation.input_dtype)


def write(
    operation: analyzer_nodes.VocabularyOrderAndWrite, folder: str, terms: pa.Table, reserved: Sequence[bytes] = ()
) -> NDArray[np.str_]:
    """Write the file of a vocabulary, the reserved terms first; return its path, ()."""
    if reserved:
        terms = terms.filter(pc.invert(pc.is_in(terms["value"], pa.array(reserved, pa.binary()))))
    if not terms.num_rows and not reserved:
        terms = placeholder(operation.input_dtype)
    pairs = list(zip(terms["value"].to_pylist(), terms["count"].to_pylist(), strict=True))
    if operation.fingerprint_shuffle:
        pairs.sort(key=lambda pair: hashlib.sha1(pair[0]).digest())
    pairs = [*((term, -1) for term in reserved), *pairs]
    path = os.path.join(folder, operation.vocab_filename)
    lines = [b"%s %s" % (str(count).encode(), term) for term, count in pairs]
    return write_lines(path, operation.file_format, lines if operation.store_frequency else [term for term, _ in pairs])


def write_lines(path: str, file_format: str, lines: Iterable[bytes]) -> NDArray[np.str_]:
    """Write a text file, or a gzipped TFRecord file with that extension; return the path, ()."""
    if file_format == "text":
        with fileio.open(path, "wb") as file:
            file.write(b"".join(b"%s\n" % line for line in lines))
        return np.array(path)
    path = f"{path}.tfrecord.gz"
    with tf.io.TFRecordWriter(path, "GZIP") as writer:
        for line in lines:
            writer.write(line)
    return np.array(path)
