"""Warm start: a training begins with the weights of the latest blessed model, although vocabularies have changed.

A model is exported with ``assets.extra/warm_start.npz``, its weights by name, and ``assets.extra/vocabularies.json``,
the meaning of their rows. The next training copies every row whose meaning it knows:

- A row of an embedding table follows its term to its new id. Rows of out-of-vocabulary ids, buckets and hashes keep
  their number, if there are as many as before; the borders of quantile buckets may move a little with the data.
- A new term begins with the row that served it before, that of its out-of-vocabulary hash. So the first scores are
  those of the base model; an untrained row would add noise to a term that was being served.
- A row of a kernel follows the part of the input that it multiplies. A new part keeps its initial weights.
- An embedding table that is no ``FeatureEmbedding`` of a feature keeps its initial weights if vocabularies have
  changed, since nothing tells what its rows stand for.
- All other weights are copied as they are.

Numbers are scaled by mean and variance of the current rows, so that drift moves scores a little, which the first steps
correct. The state of the optimizer is not carried over.

TensorFlow leaves ``assets.extra`` to others: https://www.tensorflow.org/guide/saved_model
"""

import dataclasses
import io
import json
import logging
import zipfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tensorflow_transform as tft
import tf_keras as keras
from pydantic import TypeAdapter

from components.support.text import first_line
from pipeline.features.table import Table
from pipeline.features.vocabulary import UNUSED, Vocabulary
from pipeline.label import Label
from pipeline.training.checkpoint import sealed_files
from pipeline.training.warm_start.labels import other_meaning, read_label, write_label
from pipeline.training.warm_start.vocabularies import VERSION, Description, describe, embedding_weights

progress = logging.getLogger("mainline.progress")
Array: TypeAlias = npt.NDArray[Any]
Weights: TypeAlias = Mapping[str, Array]
EXTRA, WEIGHTS, VOCABULARIES = "assets.extra", "warm_start.npz", "vocabularies.json"


@dataclass(frozen=True)
class RowCounts:
    """The number of rows of a table that kept their id, have another one, are new, or are gone.

    Rows that no id refers to are not counted.
    """

    kept: int
    remapped: int
    new: int
    dropped: int


@dataclass(frozen=True)
class WarmStart:
    """The start of a training: from ``base_model``, or from initial weights for a ``reason``.

    ``tables`` counts rows by weight; ``copied`` and ``left`` name the weights that were copied and those that were not.
    """

    base_model: str = ""
    reason: str = ""
    tables: Mapping[str, RowCounts] = field(default_factory=dict)
    copied: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    def as_record(self) -> dict[str, Any]:
        """Return the record for ``training.json``."""
        return dataclasses.asdict(self)


class ColdStart(Exception):
    """The base model cannot be used, for the reason in the message."""


def export_warm_start(directory: str, model: keras.Model, table: Table, transform: tft.TFTransformOutput) -> None:
    """Write what a later warm start needs into the folder of a SavedModel.

    Raises:
        tf.errors.OpError: the folder cannot be written.
    """
    folder = f"{directory}/{EXTRA}"
    tf.io.gfile.makedirs(folder)
    buffer = io.BytesIO()
    np.savez(buffer, **{name: tf.convert_to_tensor(weight).numpy() for name, weight in named_weights(model).items()})
    description = dataclasses.asdict(describe(model, table, transform))
    for name, content in ((WEIGHTS, buffer.getvalue()), (VOCABULARIES, json.dumps(description, indent=1).encode())):
        with tf.io.gfile.GFile(f"{folder}/{name}", "wb") as file:
            file.write(content)
    write_label(folder, table.target)


def warm_start(
    model: keras.Model, base_model_path: str | None, table: Table, transform: tft.TFTransformOutput
) -> WarmStart:
    """Copy the weights of a base model into a new one, row by row; change nothing if they do not fit.

    Under a strategy, call it in the scope in which the model was built, on every worker.
    """
    if not base_model_path:
        return WarmStart(reason="there is no blessed model yet")
    weights, new = named_weights(model), describe(model, table, transform)
    try:
        old_weights, old = read_warm_start(base_model_path)
        check_meaning(table.target, f"{base_model_path}/{EXTRA}")
        check_architecture(weights, old_weights, new, old)
    except ColdStart as cold:
        return WarmStart(reason=str(cold))
    tables: dict[str, RowCounts] = {}
    unmatched = unmatched_tables(embedding_weights(model) & old_weights.keys(), new, old)
    copied = [name for name in weights if name in old_weights and name not in unmatched]
    for name in copied:
        source = row_sources(name, new, old)
        if source is not None and is_table(name, new):
            tables[name] = count_rows(name, source, new, old)
        fresh = tf.convert_to_tensor(weights[name]).numpy()
        weights[name].assign(transferred(fresh, old_weights[name], source))
    return WarmStart(base_model_path, "", tables, tuple(copied), tuple(sorted(weights.keys() - copied)))


def unmatched_tables(names: Iterable[str], new: Description, old: Description) -> list[str]:
    """Return the embedding tables whose rows may stand for other terms than in the base model, and say so.

    Only the rows of a ``FeatureEmbedding`` in both models are known.
    """
    if all(new.vocabularies.get(feature) == vocabulary for feature, vocabulary in old.vocabularies.items()):
        return []
    found = sorted(name for name in names if row_sources(name, new, old) is None)
    if found:
        progress.info(
            "warm start leaves %s at the initial weights: vocabularies have changed, and only the rows of a "
            "FeatureEmbedding follow their terms", ", ".join(found),
        )  # fmt: skip
    return found


def named_weights(model: keras.Model) -> dict[str, tf.Variable]:
    """Return the floating-point variables by name, such as ``deep_0/kernel``.

    Raises:
        ValueError: two have one name.
    """
    floating = [weight for weight in model.weights if weight.dtype.is_floating]
    named = {weight.name.removesuffix(":0"): weight for weight in floating}
    if len(named) < len(floating):
        raise ValueError("two layers of the model have one name")
    return named


def read_warm_start(directory: str) -> tuple[Weights, Description]:
    """Read the weights in a SavedModel's folder, and their description.

    Raises:
        ColdStart: there are none, or they cannot be read.
    """
    folder = f"{directory}/{EXTRA}"
    try:
        description = TypeAdapter(Description).validate_json(sealed_files.read(f"{folder}/{VOCABULARIES}"))
        with np.load(io.BytesIO(sealed_files.read(f"{folder}/{WEIGHTS}"))) as found:
            weights = {name: found[name] for name in found.files}
    except tf.errors.NotFoundError as error:
        raise ColdStart(f"{directory} was exported without {EXTRA}/{WEIGHTS}") from error
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise ColdStart(f"{folder} cannot be read: {first_line(error)}") from error
    if description.version != VERSION:
        raise ColdStart(f"{folder} is of version {description.version}, not {VERSION}")
    return weights, description


def check_meaning(label: Label, folder: str) -> None:
    """Check that the outputs of the base model mean what those of this one will.

    Raises:
        ColdStart: they do not, or it cannot be read.
    """
    try:
        other = other_meaning(label, read_label(folder))
    except (ValueError, KeyError) as error:
        raise ColdStart(f"{folder} cannot be read: {first_line(error)}") from error
    if other:
        raise ColdStart(other)


def check_architecture(
    weights: Mapping[str, tf.Variable], old_weights: Weights, new: Description, old: Description
) -> None:
    """Check that both models have the same layers of the same widths; embedding tables may come, go and grow.

    Raises:
        ColdStart: at the first difference.
    """
    for name in sorted(weights.keys() | old_weights.keys()):
        if is_table(name, new if name in weights else old) and not (name in weights and name in old_weights):
            continue
        if name not in old_weights:
            raise ColdStart(f"another architecture: the base model has no {name}")
        if name not in weights:
            raise ColdStart(f"another architecture: the base model has {name}, this one has not")
        fresh, given = tuple(weights[name].shape), old_weights[name].shape
        known = row_sources(name, new, old) is not None
        if (fresh[1:], len(fresh)) != (given[1:], len(given)) or (fresh != given and not known):
            raise ColdStart(f"another width: {name} has shape {fresh}, in the base model {given}")


def is_table(name: str, description: Description) -> bool:
    """Tell whether a weight is the embedding table of a feature."""
    layer, _, weight = name.rpartition("/")
    return weight == "embeddings" and layer in description.tables


def row_sources(name: str, new: Description, old: Description) -> list[int | None] | None:
    """Return the row of the base model for each row of a weight; None if its rows have no meaning."""
    rows, old_rows = new.rows(name), old.rows(name)
    if rows is None or old_rows is None:
        return None
    position = {row: index for index, row in enumerate(old_rows)}
    served = old.vocabularies[old.tables[name.rpartition("/")[0]]] if is_table(name, old) else None
    return [position.get(row, served_before(row, served, position)) for row in rows]


def served_before(row: str, vocabulary: Vocabulary | None, position: Mapping[str, int]) -> int | None:
    """Return the out-of-vocabulary row that served a term before it had its own."""
    if vocabulary is None or not row.startswith("="):
        return None
    return position.get(vocabulary.other(row[1:]) or "")


def transferred(fresh: Array, old: Array, source: Sequence[int | None] | None) -> Array:
    """Return initial weights with the rows of a base model at their new places.

    >>> transferred(np.zeros((3, 1)), np.array([[1.0], [2.0]]), [1, None, 0]).ravel().tolist()
    [2.0, 0.0, 1.0]
    """
    if source is None:
        return old.astype(fresh.dtype)
    taken = fresh.copy()
    pairs = np.array([pair for pair in enumerate(source) if pair[1] is not None], np.int64).reshape(-1, 2)
    taken[pairs[:, 0]] = old[pairs[:, 1]]
    return taken


def count_rows(name: str, source: Sequence[int | None], new: Description, old: Description) -> RowCounts:
    """Count the rows of a table that have a meaning, by what became of them."""
    rows, known = new.rows(name) or [], set(named(old.rows(name) or []))
    addressed = set(named(rows))
    states = Counter(
        "new" if row not in known else "kept" if origin == index else "remapped"
        for index, (origin, row) in enumerate(zip(source, rows, strict=True))
        if row in addressed
    )
    return RowCounts(states["kept"], states["remapped"], states["new"], len(known - addressed))


def named(rows: Iterable[str]) -> list[str]:
    """Return the rows that ids refer to; a table has more if the data had fewer terms than it has room for."""
    return [row for row in rows if not row.startswith(f"{UNUSED} ")]
