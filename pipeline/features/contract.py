"""Check names, dtypes and shapes after preprocessing against the feature table."""

from collections.abc import Mapping

import tensorflow as tf

from pipeline.errors import MainlineError
from pipeline.features.feature import Transformed
from pipeline.features.table import Table, targets, transformed_features


def check_transformed(table: Table, outputs: Mapping[str, tf.Tensor]) -> None:
    """Compare the outputs of preprocessing with the feature table.

    Raises:
        MainlineError: names are missing or unexpected, or have another dtype or shape.
    """
    expected = {output.name: output for output in (*transformed_features(table.features), *targets(table))}
    problems = [
        f"missing {sorted(expected.keys() - outputs.keys())}" * bool(expected.keys() - outputs.keys()),
        f"unexpected {sorted(outputs.keys() - expected.keys())}" * bool(outputs.keys() - expected.keys()),
        *(mismatch(expected[name], outputs[name]) for name in sorted(expected.keys() & outputs.keys())),
    ]
    found = "; ".join(problem for problem in problems if problem)
    if found:
        raise MainlineError("preprocessing_fn", "its outputs differ from the feature table", received=found)


def mismatch(expected: Transformed, output: tf.Tensor) -> str:
    """Return what is wrong with one output, or an empty text."""
    if output.dtype.name != expected.dtype:
        return f"{expected.name} is {output.dtype.name}, not {expected.dtype}"
    if output.shape.rank != 2 or output.shape[1] not in (None, expected.width):
        return f"{expected.name} has shape {tuple(output.shape)}, not (None, {expected.width})"
    return ""
