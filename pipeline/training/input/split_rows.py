"""The transformed rows of one split: in memory, in parsed blocks on the local disk, or in the files themselves.

Files have recorded rows if our Transform wrote them; others are counted. Either way, what reads them compares.
"""

import dataclasses
import logging
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import tensorflow as tf

from components.support.folders import all_files
from components.support.heartbeat import beat
from pipeline.errors import MainlineError
from pipeline.nodes import TRAINER
from pipeline.training.input.columns import Matrices, Spec, read_matrices, read_serialized, row_bytes
from pipeline.training.input.disk_cache import has_room, read_blocks, write_blocks

progress = logging.getLogger("mainline.progress")

Batches: TypeAlias = tf.data.Dataset
HELD_BYTES = 128 * 2**20
WINDOW_BYTES = 32 * 2**20
# Batches that are counted between two heartbeats.
BATCHES_AT_ONCE = 64


@dataclass(frozen=True)
class Split:
    """The transformed rows of one split, gzipped TFRecords of tf.Example.

    Attributes:
        files: the paths, in order.
        rows: as recorded or counted; whoever reads the files compares.
        spec: parses an example, including label and weight.
        blocks: hold the same rows, parsed.
        rows_by_file: the recorded rows of each file, as far as they are known.
    """

    files: tuple[str, ...]
    rows: int
    spec: Spec
    label: str
    weight: str | None = None
    blocks: tuple[str, ...] = ()
    rows_by_file: Mapping[str, int] = field(default_factory=dict)

    @property
    def parsed_bytes(self) -> int:
        """The size of all rows when parsed."""
        return self.rows * row_bytes(self.spec)

    def is_held(self) -> bool:
        """Tell whether all rows are kept in memory."""
        return self.parsed_bytes <= HELD_BYTES

    def window(self) -> int:
        """Return how many rows are shuffled at a time if not all are in memory."""
        return max(1, WINDOW_BYTES // row_bytes(self.spec))

    @property
    def parts(self) -> tuple[str, ...]:
        """The files to read if not all rows are in memory."""
        return self.blocks or self.files

    def read(self, parts: tf.Tensor) -> Batches:
        """Return the rows of some parts, in order, as matrices."""
        return read_blocks(parts, self.spec) if self.blocks else read_matrices(parts, self.spec)


def list_files(patterns: Sequence[str]) -> tuple[str, ...]:
    """Return the files of some patterns, in order: a pattern is a file, or ends with ``/*`` for all of a folder."""
    return tuple(all_files(patterns))


def count_records(file_patterns: Sequence[str]) -> int:
    """Count the records of the files."""
    sizes = read_serialized(list_files(file_patterns)).map(tf.size).batch(BATCHES_AT_ONCE)
    total = 0
    for counts in sizes.as_numpy_iterator():
        total += int(counts.sum())
        beat()
    return total


def check_count(split: Split, read: int) -> None:
    """Compare the number of rows that were read with that of the split.

    Raises:
        MainlineError: rows were lost or duplicated.
    """
    if read != split.rows:
        raise MainlineError(
            f"{TRAINER}, {', '.join(split.files)}", "not as many rows as Transform wrote",
            expected=f"{split.rows:,}", received=f"{read:,}",
            next_step="Run again with --no-cache: the rows are then written anew.",
        )  # fmt: skip


def in_blocks(split: Split, folder: Path | None) -> Split:
    """Return the split with parsed blocks below ``folder``, if it is not kept in memory and there is room for them.

    A split without is counted here, since a stream that begins anew at any step does not see whether rows are missing.

    Raises:
        MainlineError: the files do not have the rows of the split.
    """
    if split.is_held():
        return split
    gigabytes = split.parsed_bytes / 1e9
    if folder is None or not has_room(folder, split.parsed_bytes):
        if folder is not None:
            progress.info("no room in %s for %.1f GB of parsed rows: parsing them in each epoch", folder, gigabytes)
        check_count(split, count_records(split.files))
        return split
    progress.info("parsing %d rows once, %.1f GB in %s", split.rows, gigabytes, folder)
    blocks, rows = write_blocks(split.files, split.spec, Path(tempfile.mkdtemp(dir=folder)))
    check_count(split, rows)
    return dataclasses.replace(split, blocks=blocks)


def hold(split: Split) -> Matrices:
    """Read all rows into memory.

    Raises:
        MainlineError: the files do not have the rows of the split.
    """
    # One row more, so that a surplus shows.
    read = read_matrices(split.files, split.spec).rebatch(split.rows + 1).take(1)
    if not tf.executing_eagerly():
        return tuple(read.get_single_element())
    whole: Matrices = next(iter(read), ())
    if not whole or len(whole[0]) != split.rows:
        check_count(split, count_records(split.files))
    return whole
