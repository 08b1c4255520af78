"""Labels: which values a task knows, how often each occurs, and what is wrong with those of a split."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from components.data_validation.out_of_domain import format_value
from components.support.text import shorten

MAX_EXAMPLES = 5


def shown(label: object) -> str:
    """Return a label for a message: text in quotes, so that spaces are seen.

    >>> shown(1), shown("yes ")
    ('1', "'yes '")
    """
    label = decoded(label)
    return shorten(repr(label)) if isinstance(label, str) else str(label)


def decoded(label: object) -> object:
    """Return a label, as text if it is bytes."""
    return label.decode("utf-8", "backslashreplace") if isinstance(label, bytes) else label


@dataclass(frozen=True)
class Labels:
    """The label column, and the values that the task knows: each row has one of them, each split has all."""

    column: str
    task: str
    values: Sequence[int | str]

    @property
    def words(self) -> str:
        """The values in a sentence.

        >>> Labels("late", "binary", (0, 1)).words
        '0 or 1'
        """
        return " or ".join(map(shown, self.values))


@dataclass
class LabelCounts:
    """The labels of a split, counted.

    Attributes:
        rows: all rows.
        missing: rows without a label.
        several: rows with several labels.
        unknown: labels that the task does not know.
        counts: rows by known label.
        examples: some of the unknown labels.
    """

    rows: int = 0
    missing: int = 0
    several: int = 0
    unknown: int = 0
    counts: Counter[object] = field(default_factory=Counter)
    examples: dict[object, None] = field(default_factory=dict)

    def add(self, column: pa.Array, known: Sequence[int | str]) -> None:
        """Count the labels of some rows, which are lists or single values."""
        lists = pa.types.is_list(column.type) or pa.types.is_large_list(column.type)
        lengths = pc.fill_null(pc.list_value_length(column), 0) if lists else column.is_valid().cast(pa.int32())
        self.rows += len(column)
        self.missing += pc.sum(pc.equal(lengths, 0)).as_py() or 0
        self.several += pc.sum(pc.greater(lengths, 1)).as_py() or 0
        counted = (column.flatten() if lists else column.drop_null()).value_counts()
        for value, count in zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True):
            label = decoded(value)
            if label in known:
                self.counts[label] += count
            else:
                self.unknown += count
                if len(self.examples) < MAX_EXAMPLES:
                    self.examples[value.encode() if isinstance(value, str) else value] = None


def label_problems(found: LabelCounts, labels: Labels, split: str) -> Iterator[str]:
    """Yield a description of everything that is wrong with the labels of a split."""
    of_rows = f"of {found.rows:,} rows of {split}"
    if found.missing:
        yield f"missing in {found.missing:,} {of_rows}"
    if found.several:
        yield f"several values in {found.several:,} {of_rows}"
    if found.unknown:
        some = ", ".join(format_value(value) for value in found.examples)  # type: ignore[arg-type]
        yield f"neither {' nor '.join(map(shown, labels.values))} in {found.unknown:,} {of_rows}, such as {some}"
    absent = [value for value in labels.values if not found.counts[value]]
    if absent and not (found.missing or found.several or found.unknown):
        yield f"{' or '.join(map(shown, absent))} in none {of_rows}"
