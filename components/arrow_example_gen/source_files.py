"""The files of rows of a split, and the fingerprint of these alone, by which a run is cached."""

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


def folder_of(input_base: str, pattern: str) -> str:
    """Where the files of a split lie, whose pattern is ``*.*`` in there."""
    return f"{input_base}/{pattern}".rpartition("/")[0]


def rows_of(input_base: str, pattern: str) -> list[str]:
    """The files of rows of a split.

    Raises:
        DataError: there is none, or there are several kinds, or one is no file, or has a name by which it is not read.
        MachineError: one may not be read.
    """
    names = of_one_kind(f"{input_base}/{pattern}", files_in(folder_of(input_base, pattern)))
    for name in names:
        check_is_file(name)
    return names


def of_one_kind(pattern: str, names: list[str]) -> list[str]:
    """Those that can be read; other files may lie beside them.

    Raises:
        DataError: there is none, or there are several kinds, or one looks like rows and would not be read.
    """
    readable = [name for name in names if kind(name) in KINDS]
    passed_over = next((name for name in names if is_nearly(name)), None)
    if passed_over is not None:
        raise DataError(
            passed_over, "its rows would not be read", expected=f"a name that ends with {', '.join(KINDS)}",
            next_step="Unpack it, give it such a name, or take it away.",
        )  # fmt: skip
    kinds = sorted({kind(name) for name in readable})
    if len(kinds) != 1:
        raise DataError(
            pattern, "the files of a split are not of one kind" if kinds else "no file matches",
            expected=f"files of one of the kinds {', '.join(KINDS)}", received=", ".join(kinds),
            next_step="Check data.path.",
        )  # fmt: skip
    return readable


def check_is_file(name: str) -> None:
    """Looks whether a path is a file that may be read.

    Raises:
        DataError: it is a folder, a pipe, or a link to nothing.
        MachineError: it may not be read.
    """
    if "://" in name:
        wrong = tf.io.gfile.isdir(name)
    else:
        try:
            wrong = not stat.S_ISREG(os.stat(name).st_mode)
        except OSError as error:
            raise refused(error, DataError)(
                name, "it cannot be read", received=error.strerror or str(error), next_step="Mend it, or take it away."
            ) from error
        if not wrong and not os.access(name, os.R_OK):
            raise MachineError(name, "it may not be read", next_step="Look at its permissions.")
    if wrong:
        raise DataError(name, "it is no file", expected="a file of rows", received=_what(name),
                        next_step="Give it another name, or take it away.")  # fmt: skip


def _what(name: str) -> str:
    return "a folder" if tf.io.gfile.isdir(name) else "a pipe or a device"


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
