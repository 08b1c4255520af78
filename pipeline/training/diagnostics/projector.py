"""Embedding tables for TensorBoard's projector, which plots them by PCA, t-SNE or UMAP with a name at every point.

https://www.tensorflow.org/tensorboard/tensorboard_projector_plugin
"""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeAlias

import tensorflow as tf
import tensorflow_transform as tft
import tf_keras as keras
from google.protobuf import text_format
from tensorboard.plugins.projector import metadata, projector_config_pb2
from tfx.utils import io_utils

from pipeline.features.feature import Feature
from pipeline.features.table import Table
from pipeline.features.vocabulary import Vocabulary
from pipeline.training.diagnostics.probe import embeddings
from pipeline.training.warm_start.vocabularies import read_vocabularies, table_features

Labels: TypeAlias = Mapping[str, str]
# TensorBoard's t-SNE samples 10,000 points.
MAX_ROWS = 10_000
BREAKS = re.compile(r"[\t\r\n]")


def write_projector(
    log_dir: str, model: keras.Model, table: Table, transform: tft.TFTransformOutput, labels_dir: str | None = None
) -> tuple[str, ...]:
    """Write vectors and names of every embedding table whose ids have a meaning, and return the names of the layers.

    Args:
        log_dir: the folder for TensorBoard, which skips it unless it holds an event file.
        model: with the weights to plot.
        table: the features.
        transform: with the vocabularies.
        labels_dir: may hold ``<column>.csv`` with the header ``value,label``, a readable name for each value.
    """
    vocabularies = read_vocabularies(table, transform)
    features = {feature.transformed_name: feature for feature in table.features}
    names = table_features(model, vocabularies)
    config, written = projector_config_pb2.ProjectorConfig(), []
    tf.io.gfile.makedirs(f"{log_dir}/projector")
    for layer in embeddings(model):
        if layer.name not in names:
            continue
        labels = read_labels(labels_dir, features[names[layer.name]])
        kept = list(islice(rows_of(vocabularies[names[layer.name]], labels), MAX_ROWS))
        vectors = tf.convert_to_tensor(layer.embeddings).numpy()[[index for index, _ in kept]]
        io_utils.write_string_file(f"{log_dir}/projector/{layer.name}.tsv", as_tsv(vectors))
        io_utils.write_string_file(
            f"{log_dir}/projector/{layer.name}.names.tsv", as_names([cells for _, cells in kept], bool(labels))
        )
        add_table(config, layer.name)
        written.append(str(layer.name))
    io_utils.write_string_file(f"{log_dir}/{metadata.PROJECTOR_FILENAME}", text_format.MessageToString(config))
    return tuple(written)


def add_table(config: Any, layer: str) -> None:
    """Add a table to the projector's config; paths are relative to it."""
    entry = config.embeddings.add()
    entry.tensor_name = layer
    entry.tensor_path = f"projector/{layer}.tsv"
    entry.metadata_path = f"projector/{layer}.names.tsv"


def rows_of(vocabulary: Vocabulary, labels: Labels) -> Iterator[tuple[int, tuple[str, str]]]:
    """Yield the rows with a meaning, the most frequent terms first, as index and (name, label).

    >>> list(rows_of(Vocabulary(4, ("a",), oov=1, first_oov=1), {"a": "Alpha"}))
    [(0, ('a', 'Alpha')), (1, ('(other 0)', ''))]
    """
    if not vocabulary.terms and not vocabulary.oov:
        yield from ((index, (f"{vocabulary.kind.split()[0]} {index}", "")) for index in range(vocabulary.size))
        return
    yield from ((index, (term, labels.get(term, ""))) for index, term in enumerate(vocabulary.terms))
    yield from ((vocabulary.first_oov + bucket, (f"(other {bucket})", "")) for bucket in range(vocabulary.oov))


def read_labels(directory: str | None, feature: Feature) -> Labels:
    """Return the readable names of the values of a feature's column; empty if there is no file."""
    path = f"{directory}/{feature.reads[0]}.csv"
    if directory is None or not tf.io.gfile.exists(path):
        return {}
    with tf.io.gfile.GFile(path) as file:
        return {row["value"]: row["label"] for row in csv.DictReader(file)}


def as_tsv(vectors: Iterable[Iterable[float]]) -> str:
    r"""Write vectors (rows, width) as lines of numbers.

    >>> as_tsv([[1.0, 0.25]])
    '1\t0.25\n'
    """
    return "".join("\t".join(f"{value:.6g}" for value in row) + "\n" for row in vectors)


def as_names(rows: Sequence[tuple[str, str]], labelled: bool) -> str:
    r"""Write names as TensorBoard reads them: one a line or, with labels, two columns under a heading.

    >>> as_names([("a\tb", "")], labelled=False), as_names([("1", "Toy Story")], labelled=True)
    ('a b\n', 'name\tlabel\n1\tToy Story\n')
    """
    clean = [[BREAKS.sub(" ", cell) for cell in row] for row in rows]
    lines = [["name", "label"], *clean] if labelled else [row[:1] for row in clean]
    return "".join("\t".join(line) + "\n" for line in lines)
