"""Counting the rows of a file independently of the readers, so that rows which a reader loses are noticed."""

import codecs
import gzip
import io
import struct
from typing import BinaryIO, cast

import numpy as np
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from components.arrow_example_gen.checks.columns import Columns
from components.arrow_example_gen.csv.blocks import count_records
from components.arrow_example_gen.formats.byte_ranges import scan
from components.arrow_example_gen.formats.tfrecord import NOT_GZIP, not_gzip
from components.compat.pyarrow import parquet
from components.support.row_files import kind

BLOCK_BYTES = 8 << 20
BLANKS = np.frombuffer(b" \t\r\n", np.uint8)


def count_rows(name: str, columns: Columns) -> int:
    """Count the rows of a file: CSV records, lines that are not blank, TFRecord frames, or what a Parquet footer says.

    Raises:
        DataError: the file cannot be decompressed.
    """
    with FileSystems.open(name, compression_type=CompressionTypes.UNCOMPRESSED) as file:
        rows = cast(BinaryIO, gzip.GzipFile(fileobj=file)) if name.endswith(".gz") else file
        try:
            return count_records(name, rows, columns) if kind(name) == ".csv" else COUNTERS[kind(name)](rows)
        except NOT_GZIP as error:
            raise not_gzip(name, error) from error


def count_lines(file: BinaryIO) -> int:
    r"""Count the lines that are not blank, apart from a byte order mark.

    >>> count_lines(io.BytesIO(b"{}\n \r\n\n{}"))
    2
    """
    rows, mark = 0, codecs.BOM_UTF8
    while block := file.read(BLOCK_BYTES):
        block += b"" if block.endswith(b"\n") else file.readline()
        rows += _lines_with_text(block.removeprefix(mark))
        mark = b""
    return rows


def _lines_with_text(block: bytes) -> int:
    data = np.frombuffer(block, np.uint8)
    starts = np.concatenate([[0], np.flatnonzero(data == ord("\n")) + 1])
    starts = starts[starts < len(data)]
    blank_at_first = starts[np.isin(data[starts], BLANKS)]
    lines = (block[start : _end(block, start)] for start in blank_at_first.tolist())
    return len(starts) - sum(not line.strip(b" \t\r\n") for line in lines)


def _end(block: bytes, start: int) -> int:
    end = block.find(b"\n", start)
    return len(block) if end < 0 else end


def count_frames(file: BinaryIO) -> int:
    """Count TFRecord frames, each a length, its checksum, the data and their checksum; a truncated one counts too.

    https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details
    """
    frames, buffered = 0, io.BufferedReader(file, BLOCK_BYTES)  # type: ignore[type-var]
    while head := buffered.read(12):
        frames += 1
        if len(head) < 12:
            break
        for _ in scan(buffered, struct.unpack("<Q", head[:8])[0] + 4):
            pass
    return frames


def count_in_metadata(file: BinaryIO) -> int:
    """Return the number of rows that a Parquet footer states."""
    return int(parquet.read_metadata(file).num_rows)


COUNTERS = {".jsonl": count_lines, ".parquet": count_in_metadata, ".tfrecord": count_frames}
