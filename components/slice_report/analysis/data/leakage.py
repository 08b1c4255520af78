"""Overlap between splits: rows and ids of the test split that occur in the training rows, and new categories.

Rows are compared by 64-bit hashes of their decoded columns, not of their bytes: protocol buffers do not define the
order of map entries, and tfx_bsl's encoder writes the features of equal rows in different orders
(https://protobuf.dev/programming-guides/serialization-not-canonical/). Between n and m rows n * m / 2**64 false matches
are expected: 0.5 for a billion and ten billion.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pandas.util import hash_array
from tensorflow_metadata.proto.v0 import schema_pb2

from components.examples.parsing import read_batches
from components.slice_report.analysis.statistics import readable
from components.slice_report.facts import Leak, NewCategory
from pipeline.errors import ConfigError, did_you_mean
from pipeline.splits import SPLITS

PAIRS = (("eval", "train"), ("test", "train"), ("test", "eval"))
NAMED = 10
# The number of new values that are kept as text, to name some; the others are counted by their hashes.
REMEMBERED = 10_000
MERGE_AT = 65_536
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
Hashes = NDArray[np.uint64]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Scan:
    """The findings of one pass over the examples of all splits."""

    leaks: tuple[Leak, ...]
    new_categories: tuple[NewCategory, ...]


@dataclass(frozen=True)
class Values:
    """The values of a column in a batch; rows without a value have none.

    Attributes:
        rows: (values,) the row that each value is in, ascending.
        lengths: (rows,) the number of values in each row.
        codes: (values,) the index of each value in ``distinct``.
        distinct: (distinct,) each value once.
        hashes: (distinct,) the hash of each.
    """

    rows: Indices
    lengths: Indices
    codes: Indices
    distinct: pa.Array
    hashes: Hashes


class HashSet:
    """Distinct hashes, 8 bytes each. New ones are merged in batches, since a sort for each batch would be quadratic."""

    def __init__(self) -> None:
        self._known: Hashes = np.empty(0, np.uint64)
        self._waiting: list[Hashes] = []

    def add(self, hashes: Hashes) -> None:
        self._waiting.append(hashes[~is_in(hashes, self._known)])
        if sum(part.size for part in self._waiting) > max(MERGE_AT, self._known.size // 2):
            self.merged()

    def merged(self) -> Hashes:
        """Return all hashes, (distinct,) ascending."""
        if self._waiting:
            self._known = np.unique(np.concatenate([self._known, *self._waiting]))
            self._waiting = []
        return self._known


@dataclass
class IdHashes:
    """The values of an id column in a split: (values,) hashes, and the row that each is in, a pair for each batch."""

    parts: list[tuple[Hashes, Indices]] = field(default_factory=list)

    def rows_shared(self, others: Hashes) -> int:
        """Count the rows with a value among other hashes, which are ascending."""
        return sum(np.unique(rows[is_in(hashes, others)]).size for hashes, rows in self.parts)


@dataclass
class NewValues:
    """The values of a text column in a split that the training rows lack."""

    rows: int = 0
    hashes: list[Hashes] = field(default_factory=list)
    counts: list[Indices] = field(default_factory=list)
    texts: dict[int, str] = field(default_factory=dict)

    def add(self, values: Values, known: Hashes) -> None:
        """Count the rows of a batch: once, and once for each different value."""
        new = ~is_in(values.hashes, known)
        if not new.any():
            return
        chosen = new[values.codes]
        rows, codes = values.rows[chosen], values.codes[chosen]
        once = np.unique(rows * len(values.hashes) + codes) % len(values.hashes)
        self.rows += np.unique(rows).size
        self.hashes.append(values.hashes[new])
        self.counts.append(np.bincount(once, minlength=len(values.hashes))[new])
        self._remember(values.hashes[new], values.distinct.filter(pa.array(new)))

    def _remember(self, hashes: Hashes, texts: pa.Array) -> None:
        """Keep the text of the first values."""
        room = REMEMBERED - len(self.texts)
        if room > 0:
            self.texts.update(zip(hashes[:room].tolist(), map(readable, texts[:room].to_pylist()), strict=True))

    def as_fact(self, column: str, split: str) -> NewCategory:
        """Return the counts, and the values that most rows have."""
        hashes, inverse = np.unique(joined(self.hashes), return_inverse=True)
        counts = np.bincount(inverse, weights=np.concatenate(self.counts))
        named = [
            (-rows, self.texts[key]) for key, rows in zip(hashes.tolist(), counts, strict=True) if key in self.texts
        ]
        values = tuple(text for _, text in sorted(named)[:NAMED])
        return NewCategory(column, split, int(hashes.size), self.rows, values)


@dataclass
class SplitHashes:
    """The state of a split: 8 bytes a row, 16 more for each id column; ``new`` is by text column."""

    ids: dict[str, IdHashes]
    new: dict[str, NewValues]
    rows: list[Hashes] = field(default_factory=list)


def scan_examples(files: Mapping[str, Sequence[str]], schema: schema_pb2.Schema, id_columns: Sequence[str]) -> Scan:
    """Read the examples of each split once, batch by batch; only hashes stay in memory.

    Args:
        files: paths of TFRecords of tf.Example by split, gzipped if they end in ``.gz``; a split may have none.
        schema: of all columns that are compared; those of type BYTES are text.
        id_columns: whose values are compared one by one.

    Raises:
        ConfigError: an id column is not in the schema.
        DataError: a file is damaged, or contradicts the schema.
    """
    return scan_batches({split: read_batches(paths, schema) for split, paths in files.items()}, schema, id_columns)


def scan_batches(
    batches: Mapping[str, Iterable[pa.RecordBatch]], schema: schema_pb2.Schema, id_columns: Sequence[str]
) -> Scan:
    """Scan decoded batches; the training rows come first, since the other splits are compared with them.

    Raises:
        ConfigError: an id column is not in the schema.
    """
    check_id_columns(schema, id_columns)
    known = {feature.name: HashSet() for feature in schema.feature if feature.type == schema_pb2.BYTES}
    splits: dict[str, SplitHashes] = {}
    for split in (split for split in SPLITS if split in batches):
        compared = known if split != "train" and "train" in batches else {}
        splits[split] = SplitHashes({name: IdHashes() for name in id_columns}, {name: NewValues() for name in compared})
        for batch in batches[split]:
            columns = {feature.name: read_values(batch, feature) for feature in schema.feature}
            keep(splits[split], columns, batch.num_rows)
            for name in known if split == "train" else ():
                known[name].add(columns[name].hashes)
            for name, new in splits[split].new.items():
                new.add(columns[name], known[name].merged())
    return Scan(find_leaks(splits, id_columns), list_new(splits))


def check_id_columns(schema: schema_pb2.Schema, id_columns: Sequence[str]) -> None:
    """Raise ConfigError for the first id column that is not in the schema."""
    names = [feature.name for feature in schema.feature]
    for column in id_columns:
        if column not in names:
            hint = did_you_mean(column, names) or "Correct id_columns in the config."
            raise ConfigError(
                "id_columns", "no such column", expected=", ".join(names), received=column, next_step=hint
            )


def keep(split: SplitHashes, columns: Mapping[str, Values], rows: int) -> None:
    """Add the hashes of a batch to those of its split."""
    split.rows.append(hash_rows(list(columns.values()), rows))
    for name, ids in split.ids.items():
        values = columns[name]
        ids.parts.append((values.hashes[values.codes], values.rows))


def read_values(batch: pa.RecordBatch, feature: schema_pb2.Feature) -> Values:
    """Return a column of lists as values and hashes."""
    column = batch.column(batch.schema.get_field_index(feature.name))
    encoded = column.flatten().dictionary_encode()
    return Values(
        rows=pc.list_parent_indices(column).to_numpy(zero_copy_only=False).astype(np.int64),
        lengths=pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False).astype(np.int64),
        codes=encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64),
        distinct=encoded.dictionary,
        hashes=hash_values(encoded.dictionary),
    )


def hash_values(values: pa.Array) -> Hashes:
    """Hash each value, (values,): text by SipHash, numbers by their bits; all nan are equal, and both zeros."""
    if pa.types.is_floating(values.type):
        floats = values.to_numpy(zero_copy_only=False).astype(np.float64) + 0.0
        return mix(np.where(np.isnan(floats), np.nan, floats).view(np.uint64))
    if pa.types.is_integer(values.type):
        return mix(values.to_numpy(zero_copy_only=False).astype(np.int64).view(np.uint64))
    return hash_array(values.to_numpy(zero_copy_only=False), categorize=False)


def hash_rows(columns: Sequence[Values], rows: int) -> Hashes:
    """Return a hash of all values of each row, (rows,), in their order; null and an empty list are equal."""
    total = np.zeros(rows, np.uint64)
    for values in columns:
        ends = np.cumsum(values.lengths)
        index_in_row = np.arange(values.rows.size) - (ends - values.lengths)[values.rows]
        indexed = mix(values.hashes[values.codes] + index_in_row.astype(np.uint64) * GOLDEN)
        sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(indexed, dtype=np.uint64)])
        of_row = sums[ends] - sums[ends - values.lengths]
        total = mix(total * GOLDEN + of_row + values.lengths.astype(np.uint64))
    return total


def mix(bits: Hashes) -> Hashes:
    """Return the finalizer of SplitMix64 (Steele et al. 2014, doi 10.1145/2660193.2660195)."""
    mixed = bits + GOLDEN
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def is_in(hashes: Hashes, known: Hashes) -> NDArray[np.bool_]:
    """Return which hashes, (hashes,), are among the known ones, which are ascending."""
    if not known.size:
        return np.zeros(hashes.shape, np.bool_)
    return known[np.searchsorted(known, hashes) % known.size] == hashes


def joined(parts: Sequence[Hashes]) -> Hashes:
    """Concatenate the hashes of the batches, of which there may be none."""
    return np.concatenate([np.empty(0, np.uint64), *parts])


def find_leaks(splits: Mapping[str, SplitHashes], id_columns: Sequence[str]) -> tuple[Leak, ...]:
    """Return for each pair of splits the shared rows, then the shared values of each id column; may be 0."""
    found = []
    for later, earlier in ((later, earlier) for later, earlier in PAIRS if later in splits and earlier in splits):
        rows = sum(part.size for part in splits[later].rows)
        shared = [("rows", count_shared(splits[later].rows, splits[earlier].rows))]
        for name in id_columns:
            others = np.unique(joined([hashes for hashes, _ in splits[earlier].ids[name].parts]))
            shared.append((name, splits[later].ids[name].rows_shared(others)))
        found += [Leak(what, later, earlier, count, count / max(rows, 1)) for what, count in shared]
    return tuple(found)


def count_shared(later: Sequence[Hashes], earlier: Sequence[Hashes]) -> int:
    """Count the later rows that are among the earlier ones.

    There may be many more earlier ones, so only shared hashes are copied.

    >>> count_shared([np.array([5, 7, 5], np.uint64)], [np.array([5], np.uint64), np.array([9, 5], np.uint64)])
    2
    """
    known, counts = np.unique(joined(later), return_counts=True)
    shared = joined([part[is_in(part, known)] for part in earlier])
    return int(counts[is_in(known, np.unique(shared))].sum())


def list_new(splits: Mapping[str, SplitHashes]) -> tuple[NewCategory, ...]:
    """Return the new categories by split, then in the order of the schema."""
    return tuple(
        new.as_fact(column, split) for split, hashes in splits.items() for column, new in hashes.new.items() if new.rows
    )
