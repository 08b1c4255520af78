"""The feature table: one row per feature says what it is, how it is transformed, and where the model uses it.

Nothing here imports TensorFlow: `preprocess.py` turns a table into a TensorFlow Transform graph, `blocks.py` into
the inputs of a model. A column may stand in several rows, say as a number and in buckets.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.errors import ConfigError
from pipeline.features.names import check_apart, check_column, check_crossed


@dataclass(frozen=True)
class Numeric:
    """A number, scaled to mean 0 and variance 1; missing becomes 0 and, if ``optional``, raises a flag.

    ``log`` takes log(1 + x) first, for counts and amounts of money.
    """

    name: str
    log: bool = False
    optional: bool = False


@dataclass(frozen=True)
class Bucketized:
    """A number in quantile buckets, 1 … ``buckets``; 0 is missing."""

    name: str
    buckets: int
    embedding: int = 0
    wide: bool = True


@dataclass(frozen=True)
class Categorical:
    """A string by its place in a vocabulary of at most ``vocabulary`` values.

    The vocabulary is learned on the training split, or, when ``closed``, it is the domain that the schema gives the
    column, which costs no pass over the data. Values outside are hashed into ``oov`` ids behind it; missing is the
    empty string, an out-of-vocabulary value like others.
    """

    name: str
    vocabulary: int
    oov: int = 1
    min_count: int = 1
    closed: bool = False
    embedding: int = 0
    wide: bool = True


@dataclass(frozen=True)
class Exact:
    """A whole number as it is, each frequent value an id: for columns in which single values mean something.

    Rare and missing values share ``oov`` ids.
    """

    name: str
    vocabulary: int
    oov: int = 1
    min_count: int = 5
    embedding: int = 0
    wide: bool = True


@dataclass(frozen=True)
class MultiHot:
    """Several strings in one cell, joined by ``separator``, as a 0/1 vector over the domain of ``domain_of``.

    The domain is that of another column, since a cell of several values has none itself.
    """

    name: str
    vocabulary: int
    domain_of: str
    separator: str = "|"


@dataclass(frozen=True)
class Crossed:
    """The combination of categorical or bucketized features, hashed; wide side only."""

    names: tuple[str, ...]
    hash_buckets: int


Feature = Numeric | Bucketized | Categorical | Exact | MultiHot | Crossed
Sparse = Bucketized | Categorical | Exact


# The least and the most of each size.
SIZES = {
    "buckets": (1, 100_000),
    "vocabulary": (1, 100_000_000),
    "oov": (1, 1_000_000),
    "min_count": (0, 1_000_000_000),
    "embedding": (0, 100_000),
    "hash_buckets": (1, 100_000_000),
}


@dataclass(frozen=True)
class Table:
    """The features of a workload, and the label, 0 or 1. Columns of the schema that no row names are only carried.

    ``weight`` names a column that says how much a row counts in fitting and in choosing the best epoch: a finite
    number of at least 0, in every row. No feature may read it; the model does not get it.
    """

    features: tuple[Feature, ...]
    label: str
    weight: str | None = None

    def __post_init__(self) -> None:
        """Refuses sizes that no feature has, a weight with another use, names that cannot be used or told apart."""
        for feature in self.features:
            check_sizes(feature)
        if self.weight is not None and self.weight in {self.label, *raw_columns(self.features)}:
            raise ConfigError(
                f"feature table, weight {self.weight!r}", "the column is also the label or a feature",
                next_step="Copy the column under another name, or drop one of the uses.",
            )  # fmt: skip
        for column in raw_columns(self.features):
            check_column(column)
        for feature in self.features:
            if isinstance(feature, Crossed):
                check_crossed(feature.names, crossable(self.features))
        targeted = [(output.name, "the label or the weight") for output in targets(self)]
        check_apart([*targeted, *(pair for feature in self.features for pair in names_of(feature))])
        if self.label in raw_columns(self.features):
            raise ConfigError(
                f"feature table, label {self.label!r}", "the column is also a feature, which tells the answer",
                next_step="Drop the feature.",
            )  # fmt: skip

    def without(self, columns: Sequence[str]) -> "Table":
        """The table less all features that read some columns; how much these matter is then a matter of two runs."""
        kept = [feature for feature in self.features if not set(reads(feature)) & set(columns)]
        # A cross may read a column by the number of its bucket.
        left = set(crossable(kept))
        kept = [feature for feature in kept if not isinstance(feature, Crossed) or left.issuperset(feature.names)]
        return dataclasses.replace(self, features=tuple(kept))


def check_sizes(feature: Feature) -> None:
    """Compares the sizes of a feature with what a model can hold.

    Raises:
        ConfigError: one that is no whole number, or out of bounds.

    >>> check_sizes(Categorical("city", vocabulary=500, oov=4))
    """
    for field in dataclasses.fields(feature):
        size, (least, most) = getattr(feature, field.name), SIZES.get(field.name, (0, 0))
        if field.name in SIZES and (type(size) is not int or not least <= size <= most):
            raise ConfigError(
                f"feature table, {type(feature).__name__} {' x '.join(raw_columns((feature,)))}",
                f"'{field.name}' is not usable", expected=f"a whole number from {least} to {most:,}",
                received=repr(size),
            )  # fmt: skip
    if isinstance(feature, MultiHot) and not feature.separator:
        raise ConfigError(f"feature table, MultiHot {feature.name}", "'separator' is empty", expected="such as '|'")


@dataclass(frozen=True)
class Transformed:
    """What a transformed feature looks like: a name, a dtype, and ``width`` in a shape (batch, width)."""

    name: str
    dtype: Literal["int64", "float32"]
    width: int = 1


def transformed_name(feature: Feature) -> str:
    """The name after preprocessing.

    >>> [transformed_name(feature) for feature in (Numeric("age"), Bucketized("age", 5), Crossed(("a", "b"), 9))]
    ['age_xf', 'age_bucket_xf', 'a_x_b_xf']
    """
    match feature:
        case Bucketized():
            return f"{feature.name}_bucket_xf"
        case Exact():
            return f"{feature.name}_value_xf"
        case Crossed():
            return f"{'_x_'.join(feature.names)}_xf"
        case _:
            return f"{feature.name}_xf"


def missing_name(feature: Numeric) -> str:
    """The name of the flag that an optional number raises where it is missing."""
    return f"{feature.name}_missing_xf"


def cardinality(feature: Sparse | Crossed) -> int:
    """How many ids a sparse feature can take.

    >>> cardinality(Categorical("city", vocabulary=500, oov=4)), cardinality(Bucketized("age", buckets=5))
    (504, 6)
    """
    match feature:
        case Categorical() | Exact():
            return feature.vocabulary + feature.oov
        case Bucketized():
            return feature.buckets + 1
        case Crossed():
            return feature.hash_buckets


def transformed_features(features: Sequence[Feature]) -> tuple[Transformed, ...]:
    """What preprocessing must give for a table, label aside: the contract at that seam."""
    return tuple(output for feature in features for output in _outputs(feature))


def targets(table: Table) -> tuple[Transformed, ...]:
    """What preprocessing gives beside the features, for training alone: the label, and the weight if there is one."""
    label = Transformed(f"{table.label}_xf", "int64")
    return (label,) if table.weight is None else (label, Transformed(f"{table.weight}_xf", "float32"))


def _outputs(feature: Feature) -> tuple[Transformed, ...]:
    name = transformed_name(feature)
    match feature:
        case Numeric(optional=True):
            return Transformed(name, "float32"), Transformed(missing_name(feature), "float32")
        case Numeric():
            return (Transformed(name, "float32"),)
        case MultiHot():
            return (Transformed(name, "float32", feature.vocabulary),)
        case _:
            return (Transformed(name, "int64"),)


def crossable(features: Sequence[Feature]) -> tuple[str, ...]:
    """What a cross may name: a categorical feature, or the buckets of a number.

    >>> crossable((Categorical("city", 9), Numeric("age"), Bucketized("age", 5)))
    ('city', 'age_bucket')
    """
    named = {Categorical: "{}", Bucketized: "{}_bucket"}
    return tuple(named[type(item)].format(item.name) for item in features if isinstance(item, Categorical | Bucketized))


def names_of(feature: Feature) -> Iterator[tuple[str, str]]:
    """The names that a feature takes up in the transformed rows and in a model, each with what the feature is."""
    of = f"{type(feature).__name__}({', '.join(map(repr, reads(feature)))})"
    for output in _outputs(feature):
        yield output.name, of
    # As blocks.py names the layers.
    if isinstance(feature, Crossed) or (isinstance(feature, Sparse) and feature.wide):
        yield f"wide_{transformed_name(feature)}", of
    if isinstance(feature, Sparse) and feature.embedding:
        yield f"deep_{transformed_name(feature)}", of


def closed_columns(features: Sequence[Feature]) -> tuple[str, ...]:
    """The columns whose domain in the schema preprocessing needs."""
    closed = [feature.name for feature in features if isinstance(feature, Categorical) and feature.closed]
    return tuple(dict.fromkeys([*closed, *(item.domain_of for item in features if isinstance(item, MultiHot))]))


def lower_ends(features: Sequence[Feature]) -> dict[str, float]:
    """What the numbers of some columns must be greater than, since a feature takes their logarithm.

    >>> lower_ends((Numeric("price", log=True), Numeric("age")))
    {'price': -1.0}
    """
    return {feature.name: -1.0 for feature in features if isinstance(feature, Numeric) and feature.log}


def reads(feature: Feature) -> tuple[str, ...]:
    """What a feature is made of: its column, or the names that a cross joins."""
    return feature.names if isinstance(feature, Crossed) else (feature.name,)


def raw_columns(features: Sequence[Feature]) -> tuple[str, ...]:
    """The columns that a model needs at serving time, each once, in the order of the table."""
    named = (reads(feature) for feature in features)
    known = {feature.name for feature in features if not isinstance(feature, Crossed)}
    return tuple(dict.fromkeys(name for names in named for name in names if name in known))
