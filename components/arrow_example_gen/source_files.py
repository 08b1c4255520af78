"""The files of rows of a split, and their fingerprint, by which a run is cached."""

import hashlib
import os
import stat
from collections.abc import Sequence

import google_crc32c
import tensorflow as tf

from components.support.folders import files_in
from components.support.row_files import KINDS, is_nearly, kind
from pipeline.errors import DataError, MachineError, refused

CHECKSUM_BLOCK_BYTES = 1 << 20


def row_files(input_base: str, pattern: str) -> list[str]:
    """Return the files of a split; ``pattern`` is its folder and ``*.*``.

    Raises:
        DataError: there are none, or of several formats, or one is not a file, or a name would leave rows unread.
        MachineError: one may not be read.
    """
    pattern = f"{input_base}/{pattern}"
    names = of_one_format(pattern, files_in(pattern.rpartition("/")[0]))
    for name in names:
        check_readable(name)
    return names


def of_one_format(pattern: str, names: list[str]) -> list[str]:
    """Return the files that can be read; unrelated files may lie beside them.

    Raises:
        DataError: there are none, or of several formats, or one is named almost like a file of rows.
    """
    readable = [name for name in names if kind(name) in KINDS]
    unread = next((name for name in names if is_nearly(name)), None)
    if unread is not None:
        raise DataError(
            unread, "its rows would not be read", expected=f"a name that ends with {', '.join(KINDS)}",
            next_step="Unpack it, rename it, or move it away.",
        )  # fmt: skip
    kinds = sorted({kind(name) for name in readable})
    if len(kinds) != 1:
        raise DataError(
            pattern, "the files of a split are not all of one format" if kinds else "no file matches",
            expected=f"files of one of the formats {', '.join(KINDS)}", received=", ".join(kinds),
            next_step="Check data.path.",
        )  # fmt: skip
    return readable


def check_readable(name: str) -> None:
    """Check that a path is a file that may be read.

    Raises:
        DataError: it is a folder, a pipe, or a broken link.
        MachineError: it may not be read.
    """
    if "://" in name:
        is_file = not tf.io.gfile.isdir(name)
    else:
        try:
            is_file = stat.S_ISREG(os.stat(name).st_mode)
        except OSError as error:
            raise refused(error, DataError)(
                name, "it cannot be read", received=error.strerror or str(error),
                next_step="Repair it, or move it away.",
            ) from error  # fmt: skip
        if is_file and not os.access(name, os.R_OK):
            raise MachineError(name, "it may not be read", next_step="Check its permissions.")
    if not is_file:
        received = "a folder" if tf.io.gfile.isdir(name) else "a pipe or a device"
        raise DataError(name, "it is not a file", expected="a file of rows", received=received,
                        next_step="Rename it, or move it away.")  # fmt: skip


def fingerprint(split: str, names: Sequence[str]) -> str:
    """Return a text that changes when a file of a split comes, goes, is renamed, or has other content.

    Times do not count: a copy is the same rows, and an edit within one second that keeps the size is another file.
    """
    facts = [(os.path.basename(name), *size_and_checksum(name)) for name in names]
    digest = hashlib.sha256(repr(facts).encode()).hexdigest()[:16]
    return f"split:{split},num_files:{len(facts)},total_bytes:{sum(size for _, size, _ in facts)},digest:{digest}"


def size_and_checksum(name: str) -> tuple[int, int]:
    """Return the number of bytes in a file and their CRC-32C, which takes 0.15 s a GiB on one core."""
    size, checksum = 0, 0
    with tf.io.gfile.GFile(name, "rb") if "://" in name else open(name, "rb", buffering=0) as file:
        while block := file.read(CHECKSUM_BLOCK_BYTES):
            size += len(block)
            checksum = google_crc32c.extend(checksum, block)
    return size, checksum
