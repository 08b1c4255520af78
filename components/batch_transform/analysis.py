"""The operations of TensorFlow Transform's analyzers: those that accumulate over rows, and those on their results.

The former are TensorFlow Transform's own combiners, fed with batches; the latter replace the Beam transforms in
tensorflow_transform/beam/analyzer_impls.py.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from components.batch_transform import vocabulary
from components.batch_transform.vocabulary import TermCounter
from components.compat.tft import analyzer_nodes, nodes, tf_utils

Values = tuple[Any, ...]
Finish = Callable[[Any, Values, "Finisher"], Values]


class PerKey(analyzer_nodes.Combiner):
    """Applies a combiner to each key; the first input are the keys, (batch,), which may repeat."""

    def __init__(self, combiner: analyzer_nodes.Combiner) -> None:
        self.combiner = combiner

    def create_accumulator(self) -> dict[bytes, Any]:
        """Return an accumulator without keys."""
        return {}

    def add_input(self, accumulator: dict[bytes, Any], batch: Values) -> dict[bytes, Any]:
        """Add a batch: the keys, (batch,), then columns of values, each (batch, any)."""
        keys, *columns = batch
        for row, key in enumerate(keys.tolist()):
            known = accumulator[key] if key in accumulator else self.combiner.create_accumulator()
            accumulator[key] = self.combiner.add_input(known, [column[row] for column in columns])
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[dict[bytes, Any]]) -> dict[bytes, Any]:
        """Merge the accumulators of equal keys."""
        parts: dict[bytes, list[Any]] = {}
        for key, part in (pair for accumulator in accumulators for pair in accumulator.items()):
            parts.setdefault(key, []).append(part)
        return {key: self.combiner.merge_accumulators(same) for key, same in parts.items()}

    def compact(self, accumulator: dict[bytes, Any]) -> dict[bytes, Any]:
        """Compact the accumulator of each key before it is sent to another worker."""
        return {key: self.combiner.compact(part) for key, part in accumulator.items()}

    def extract_output(self, accumulator: dict[bytes, Any]) -> dict[bytes, Any]:
        """Return the output of each key, sorted by key."""
        return {key: self.combiner.extract_output(accumulator[key]) for key in sorted(accumulator)}


def per_key_columns(
    operation: analyzer_nodes.CacheableCombinePerKeyFormatKeys, values: Values, _: "Finisher"
) -> Values:
    """Return the keys, (keys,), and each output for all keys, (keys, any)."""
    (by_key,) = values
    dtypes = [info.dtype.as_numpy_dtype for info in operation.combiner.output_tensor_infos()]
    columns = zip(*by_key.values(), strict=True) if by_key else [[]] * len(dtypes)
    outputs = (np.array(column, dtype) for column, dtype in zip(columns, dtypes, strict=True))
    return (np.array(list(by_key), object), *outputs)


@dataclass
class Finisher(nodes.Visitor):
    """Computes the outputs of analyzers from merged accumulators.

    Attributes:
        graph: the traced preprocessing_fn.
        folder: for the files of vocabularies.
        merged: the results of accumulating operations by label.
    """

    graph: Any
    folder: str
    merged: dict[str, Any] = field(default_factory=dict)

    def visit(self, operation_def: Any, input_values: Values) -> Values:
        """Return the outputs of an operation for some inputs."""
        if type(operation_def) in ACCUMULATED:
            return (self.merged[operation_def.label],)
        return FINISHED[type(operation_def)](operation_def, input_values, self)

    def validate_value(self, value: Any) -> None:
        """Accept any value."""


def reserved_tokens(
    operation: analyzer_nodes.ExtractVocabularyReservedTokens, _: Values, finisher: Finisher
) -> tuple[list[bytes]]:
    """Return the terms that every vocabulary begins with, whether rows have them or not."""
    return (list(tf_utils.fetch_vocabulary_reserved_tokens(finisher.graph, operation.name)),)


# The combiner for an accumulating operation and its number of input tensors; None if it is not supported: a vocabulary
# by mutual information reads three or more.
ACCUMULATED: Mapping[type, Callable[[Any, int], analyzer_nodes.Combiner | None]] = {
    analyzer_nodes.CacheableCombineAccumulate: lambda operation, _: operation.combiner,
    analyzer_nodes.CacheableCombinePerKeyAccumulate: lambda operation, _: PerKey(operation.combiner),
    analyzer_nodes.VocabularyAccumulate: lambda _, tensors: TermCounter() if tensors <= 2 else None,
}
FINISHED: Mapping[type, Finish] = {
    analyzer_nodes.TensorSource: lambda operation, values, finisher: (None,),
    analyzer_nodes.CacheableCombineMerge: lambda operation, values, finisher: values,
    analyzer_nodes.CacheableCombinePerKeyMerge: lambda operation, values, finisher: values,
    analyzer_nodes.VocabularyMerge: lambda operation, values, finisher: values,
    analyzer_nodes.ExtractCombineMergeOutputs: lambda operation, values, finisher: tuple(*values),
    analyzer_nodes.CacheableCombinePerKeyFormatKeys: per_key_columns,
    analyzer_nodes.ExtractVocabularyReservedTokens: reserved_tokens,
    analyzer_nodes.VocabularyCount: lambda operation, values, finisher: (vocabulary.size(*values),),
    analyzer_nodes.VocabularyPrune: lambda operation, values, finisher: (vocabulary.prune(operation, *values),),
    analyzer_nodes.VocabularyOrderAndWrite: lambda operation, values, finisher: (
        vocabulary.write(operation, finisher.folder, *values),
    ),
}
