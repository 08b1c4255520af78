"""Rows that do not fit in memory, parsed once into blocks on the local disk and read again in every epoch."""

import shutil
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import tensorflow as tf
from filelock import FileLock, Timeout

from components.support.heartbeat import beat
from pipeline.training.input.columns import Matrices, Spec, by_type, read_matrices, row_bytes, width

BLOCK_BYTES = 8 * 2**20
# Free space that other processes keep.
SPARE_BYTES = 2**30
PREFIX = "mainline-rows-"


@contextmanager
def scratch() -> Iterator[Path]:
    """Make a temporary folder on the local disk, and remove those of processes that were killed."""
    parent = Path(tempfile.gettempdir())
    for stale in parent.glob(f"{PREFIX}*.lock"):
        # A living process holds its lock.
        with suppress(Timeout, OSError), FileLock(stale, timeout=0):
            remove(stale)
    lock = parent / f"{PREFIX}{uuid.uuid4().hex}.lock"
    with FileLock(lock):
        lock.with_suffix("").mkdir()
        try:
            yield lock.with_suffix("")
        finally:
            remove(lock)


def remove(lock: Path) -> None:
    """Remove a folder, then its lock."""
    shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
    lock.unlink(missing_ok=True)


def has_room(folder: Path, wanted_bytes: int) -> bool:
    """Tell whether so many bytes can be written without filling the disk."""
    return shutil.disk_usage(folder).free >= wanted_bytes + SPARE_BYTES


def write_blocks(files: Sequence[str], spec: Spec, folder: Path) -> tuple[tuple[str, ...], int]:
    """Write the rows of some files, in order, to blocks of at most ``BLOCK_BYTES``.

    Returns:
        The paths of the blocks, and the number of rows in all.
    """
    size, rows = max(1, BLOCK_BYTES // row_bytes(spec)), 0
    names = []
    for number, matrices in enumerate(read_matrices(files, spec).rebatch(size)):
        beat()
        rows += len(matrices[0])
        path = folder / f"block-{number:06d}"
        with path.open("wb") as file:
            for matrix in matrices:
                matrix.numpy().tofile(file)
        names.append(str(path))
    return tuple(names), rows


def read_blocks(names: tf.Tensor, spec: Spec) -> tf.data.Dataset:
    """Read the matrices of each block, in the order of the names (blocks,)."""
    blocks = tf.data.Dataset.from_tensor_slices(names)
    return blocks.map(lambda name: read_block(name, spec), num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)


def read_block(name: tf.Tensor, spec: Spec) -> Matrices:
    """Read the matrices of one block, which follow one another in its file."""
    content, begin, matrices = tf.io.read_file(name), tf.constant(0), []
    rows = tf.strings.length(content) // row_bytes(spec)
    for columns in by_type(spec):
        (dtype, *_), values = [feature.dtype for feature in columns.values()], sum(map(width, columns.values()))
        size = rows * values * dtype.size
        matrices.append(tf.reshape(tf.io.decode_raw(tf.strings.substr(content, begin, size), dtype), [-1, values]))
        begin += size
    return tuple(matrices)
