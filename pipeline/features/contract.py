"""The seam after preprocessing: names, dtypes and shapes must be those of the table."""

from collections.abc import Mapping

import tensorflow as tf

from pipeline.errors import MainlineError
from pipeline.features.feature import Transformed
from pipeline.features.table import Table, targets, transformed_features


def check_transformed(table: Table, outputs: Mapping[str, tf.Tensor]) -> None:
    """Compares the outputs of preprocessing with the feature table.

    Raises:
        MainlineError: with the names that are missing, unexpected, or of another dtype or rank.
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
    """What is wrong with one output, or nothing."""
    if output.dtype.name != expected.dtype:
        return f"{expected.name} is {output.dtype.name}, not {expected.dtype}"
    if output.shape.rank != 2 or output.shape[1] not in (None, expected.width):
        return f"{expected.name} has shape {tuple(output.shape)}, not (None, {expected.width})"
    return ""
