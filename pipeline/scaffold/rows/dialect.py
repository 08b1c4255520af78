"""The encoding and the delimiter of a CSV file, told from its bytes. Pure."""

import codecs
import csv
from collections.abc import Sequence

from pipeline.errors import DataError

DELIMITERS = (",", ";", "\t", "|")
SAMPLE_LINES = 200
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def decode(name: str, data: bytes, encoding: str | None = None) -> str:
    """Return the text of a file; a byte order mark tells UTF-8 or UTF-16, and anything else must be UTF-8.

    Raises:
        DataError: it is in another encoding, or not in the one given.
    """
    found = encoding or ("utf-16" if data.startswith(UTF_16) else "utf-8-sig")
    try:
        text = data.decode(found)
    except LookupError as error:
        raise DataError(name, "no such encoding", received=found, expected="such as utf-8, cp1252, latin-1") from error
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise DataError(
            f"{name}, line {line}", f"the text is not {'UTF-8' if encoding is None else found}",
            received=f"byte 0x{data[error.start]:02x}", next_step="Name the encoding: --encoding cp1252, for example.",
        ) from error  # fmt: skip
    if "\0" in text[:10_000]:
        raise DataError(name, "the file is not text", expected="CSV", received="zero bytes",
                        next_step="Name the encoding with --encoding, or write the file as CSV.")  # fmt: skip
    return text


def delimiter_of(text: str) -> str:
    r"""Return the delimiter that cuts the first lines into the same number of cells, the most cells winning.

    >>> delimiter_of("a;b\n1,5;2\n"), delimiter_of("a,b\n1,2\n"), delimiter_of("a\n1\n")
    (';', ',', ',')
    """
    lines = text.split("\n", SAMPLE_LINES)[:SAMPLE_LINES]
    sample = [line.rstrip("\r") for line in lines if line.strip()]
    return max(DELIMITERS, key=lambda sign: (_agreement(sample, sign), -DELIMITERS.index(sign)))


def _agreement(lines: Sequence[str], delimiter: str) -> tuple[bool, int]:
    """Return whether nearly all lines have as many cells as the header, and that number; quotes are respected."""
    try:
        widths = [len(row) for row in csv.reader(lines, delimiter=delimiter)]
    except csv.Error:
        return False, 0
    if not widths or widths[0] < 2:
        return False, 0
    same = sum(width == widths[0] for width in widths)
    return same >= 0.9 * len(widths), widths[0]
