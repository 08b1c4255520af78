"""Parts of analyzers, against independently computed numbers."""

import pickle
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from tensorflow_transform import analyzers

from components.batch_transform import vocabulary
from components.batch_transform.analysis import PerKey
from components.batch_transform.passes import MergeFiles, RowsByFile
from components.batch_transform.vocabulary import TermCounter


def merged(combiner, batches):
    """Return the output of a combiner for some batches, each from its own file."""
    files = [combiner.compact(combiner.add_input(combiner.create_accumulator(), batch)) for batch in batches]
    travelled = [pickle.loads(pickle.dumps(part)) for part in files]
    return combiner.extract_output(combiner.merge_accumulators([combiner.create_accumulator(), *travelled]))


def test_terms_are_counted_over_files():
    drawn = np.random.default_rng(1).choice(["a", "b", "ö", "x y"], (5, 999))
    table = merged(TermCounter(), [(np.array([term.encode() for term in part], object),) for part in drawn])
    found = dict(zip(table["value"].to_pylist(), table["count"].to_pylist(), strict=True))
    assert found == Counter(term.encode() for part in drawn for term in part)


def test_weights_are_summed_and_stay_whole_where_they_are():
    terms = np.array([b"a", b"b", b"a"], object)
    whole = merged(TermCounter(), [(terms, np.array([1, 2, 3])), (terms, np.array([10, 20, 30]))])
    assert sorted(zip(whole["value"].to_pylist(), whole["count"].to_pylist(), strict=True)) == [(b"a", 44), (b"b", 22)]
    half = merged(TermCounter(), [(terms, np.array([0.5, 0.25, 0.5], np.float32))])
    assert dict(zip(half["value"].to_pylist(), half["count"].to_pylist(), strict=True)) == {b"a": 1.0, b"b": 0.25}


def test_per_key_accumulators_are_merged_over_files():
    moments = analyzers.NumPyCombiner(np.max, -np.inf, [np.float32], [()])
    one = (np.array([b"x", b"y"], object), np.array([1.0, 5.0], np.float32))
    other = (np.array([b"y", b"a"], object), np.array([7.0, 2.0], np.float32))
    found = merged(PerKey(moments), [one, other])
    assert {key: values[0] for key, values in found.items()} == {b"a": 2.0, b"x": 1.0, b"y": 7.0}
    assert list(found) == [b"a", b"x", b"y"]


def test_an_empty_vocabulary_has_tft_s_placeholder():
    for dtype in (tf.string, tf.int64):
        _, wanted = analyzers.get_empy_vocabulary_dummy_value(dtype)
        assert vocabulary.placeholder(dtype.name)["value"].to_pylist() == [wanted]
    assert vocabulary.size(merged(TermCounter(), [])) == 1


@pytest.mark.parametrize(("top_k", "threshold", "terms"), [(2, 0, [b"c", b"b"]), (None, 2, [b"c", b"b", b"a"])])
def test_of_equally_frequent_terms_the_greater_comes_first(top_k, threshold, terms):
    table = pa.table({"value": pa.array([b"a", b"z", b"c", b"b"], pa.binary()), "count": [2, 1, 2, 2]})
    operation = SimpleNamespace(top_k=top_k, frequency_threshold=threshold, input_dtype="string")
    assert vocabulary.prune(operation, table)["value"].to_pylist() == terms


def test_numbers_are_ordered_as_text():
    table = pa.table({"value": [9, 10, 100], "count": [1, 1, 1]})
    operation = SimpleNamespace(top_k=None, frequency_threshold=0, input_dtype="int64")
    assert vocabulary.prune(operation, table)["value"].to_pylist() == [b"9", b"100", b"10"]


def test_results_are_merged_by_label_in_any_order():
    merge = MergeFiles({"rows": RowsByFile()})
    parts = [merge.add_input(merge.create_accumulator(), ("rows", {path: 2})) for path in "abc"]
    for order in (parts, parts[::-1]):
        whole = merge.compact(merge.merge_accumulators([*order, merge.create_accumulator()]))
        assert merge.extract_output(whole) == {"a": 2, "b": 2, "c": 2}
