"""Vocabularies: terms counted by batch in Arrow, and files in the order and format of TensorFlow Transform.

What it does in Beam, term by term, is in tensorflow_transform/beam/analyzer_impls.py.
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

# What stands in for the terms of an empty vocabulary, of which TensorFlow could not make a table.
NO_TERM = {tf.string.name: b"49d0cd50-04bb-48c0-bc6f-5b575dce351a"}
NO_NUMBER = b"-1"
LARGEST_FIRST = [("count", "descending"), ("value", "descending")]


class Terms(analyzer_nodes.Combiner):
    """Terms (batch,), and maybe weights (batch,), to a table with a row for each term: ``value``, ``count``."""

    def create_accumulator(self) -> ValueCounts:
        """Nothing counted."""
        return ValueCounts()

    def add_input(self, accumulator: ValueCounts, batch: tuple[NDArray[np.generic], ...]) -> ValueCounts:
        """Takes in a batch; without weights each term counts one."""
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
        """The terms of all."""
        whole = ValueCounts()
        for table in (table for accumulator in accumulators for table in accumulator.tables):
            whole.add(table)
        return whole

    def compact(self, accumulator: ValueCounts) -> ValueCounts:
        """Each term once."""
        accumulator.compact()
        return accumulator

    def extract_output(self, accumulator: ValueCounts) -> pa.Table:
        """Each term once, in no order."""
        accumulator.compact()
        return accumulator.tables[0] if accumulator.tables else no_terms()


def no_terms() -> pa.Table:
    """The table of no term."""
    return pa.table({"value": pa.array([], pa.binary()), "count": pa.array([], pa.int64())})


def stand_in(dtype: str) -> pa.Table:
    """The table of an empty vocabulary for terms of a type."""
    return pa.table({"value": pa.array([NO_TERM.get(dtype, NO_NUMBER)], pa.binary()), "count": pa.array([1])})


def size(terms: pa.Table) -> NDArray[np.int64]:
    """The number of terms; that of an empty vocabulary, with its stand-in, is 1."""
    return np.array(max(terms.num_rows, 1), np.int64)


def prune(operation: analyzer_nodes.VocabularyPrune, terms: pa.Table) -> pa.Table:
    """The terms that are frequent enough, as text, the most frequent first; of two with one count, the greater."""
    if operation.frequency_threshold > 0:
        terms = terms.filter(pc.greater_equal(terms["count"], operation.frequency_threshold))
    if not pa.types.is_binary(terms.schema.field("value").type):
        terms = terms.set_column(0, "value", terms["value"].cast(pa.string()).cast(pa.binary()))
    terms = terms.sort_by(LARGEST_FIRST)
    if operation.top_k is None:
        return terms
    return terms.slice(0, operation.top_k) if terms.num_rows else stand_in(operation.input_dtype)


def write(
    operation: analyzer_nodes.VocabularyOrderAndWrite, folder: str, terms: pa.Table, reserved: Sequence[bytes] = ()
) -> NDArray[np.str_]:
    """Writes the file of a vocabulary, the reserved terms first; gives its path."""
    if reserved:
        terms = terms.filter(pc.invert(pc.is_in(terms["value"], pa.array(reserved, pa.binary()))))
    if not terms.num_rows and not reserved:
        terms = stand_in(operation.input_dtype)
    pairs = list(zip(terms["value"].to_pylist(), terms["count"].to_pylist(), strict=True))
    if operation.fingerprint_shuffle:
        pairs.sort(key=lambda pair: hashlib.sha1(pair[0]).digest())
    pairs = [*((term, -1) for term in reserved), *pairs]
    path = os.path.join(folder, operation.vocab_filename)
    lines = [b"%s %s" % (str(count).encode(), term) for term, count in pairs]
    return write_lines(path, operation.file_format, lines if operation.store_frequency else [term for term, _ in pairs])


def write_lines(path: str, file_format: str, lines: Iterable[bytes]) -> NDArray[np.str_]:
    """Writes a text file, or a gzipped TFRecord file with an ending of its own; gives the path."""
    if file_format == "text":
        with fileio.open(path, "wb") as file:
            file.write(b"".join(b"%s\n" % line for line in lines))
        return np.array(path)
    path = f"{path}.tfrecord.gz"
    with tf.io.TFRecordWriter(path, "GZIP") as writer:
        for line in lines:
            writer.write(line)
    return np.array(path)
