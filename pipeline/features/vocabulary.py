"""The meaning of the ids of a feature, or of the entries of its vector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tensorflow_transform as tft

UNUSED = "unused"


@dataclass(frozen=True)
class Vocabulary:
    """The ids of a feature, ``size`` of them.

    ``terms`` in the order of their ids, from 0; ids from ``first_oov`` on, ``oov`` of them, are shared by the hashes of
    all other values. ``kind`` names the remaining ids: unused ones, or buckets and hashes, which mean the same wherever
    the kind is the same.
    """

    size: int
    terms: tuple[str, ...] = ()
    oov: int = 0
    first_oov: int = 0
    kind: str = UNUSED

    def rows(self) -> list[str]:
        """Return a name for each id; two vocabularies share a name if and only if those ids stand for the same.

        >>> Vocabulary(5, ("a", "b"), oov=1, first_oov=2).rows()
        ['=a', '=b', 'other 0', 'unused 3', 'unused 4']
        """
        named = {index: f"={term}" for index, term in enumerate(self.terms)}
        named |= {self.first_oov + bucket: f"other {bucket}" for bucket in range(self.oov)}
        return [named.get(index, f"{self.kind} {index}") for index in range(self.size)]

    def other(self, term: str) -> str | None:
        """Return the row that serves a term outside of the vocabulary, or None if there is no such row."""
        import tensorflow as tf

        return f"other {int(tf.strings.to_hash_bucket_fast(term, self.oov))}" if self.oov else None


def learned_vocabulary(filename: str, size: int, oov: int, transform: tft.TFTransformOutput) -> Vocabulary:
    """Return a vocabulary that ``ids.vocabulary_ids`` learned on the training rows."""
    found = transform.vocabulary_by_name(filename)
    terms = tuple(term.decode("utf-8", "backslashreplace") for term in found)
    return Vocabulary(size + oov, terms, oov, size)
