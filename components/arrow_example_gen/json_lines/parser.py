"""Parsing lines of JSON by Arrow, made strict: each line that is not blank must be one object."""

import io
import json
import re
import secrets

import numpy as np
import pyarrow as pa
from pyarrow import json as arrow_json

from components.arrow_example_gen.checks.columns import ARROW_TYPES, Columns
from components.support.text import is_utf8

UNEXPECTED_FIELD = {"fail": "error", "ignore": "ignore"}
BLANK = b" \t\r\n"
# Arrow crashes on a null that is not inside an object.
NULL_AFTER_OBJECT = re.compile(rb"\}[ \t\r]*null")


def parse(block: bytes, columns: Columns) -> pa.Table | None:
    """Return the rows of some lines, one for each that is not blank, or None if any line is not one object.

    Arrow itself is lenient: it takes what follows an object for the next one, wherever lines end, and stops at one of
    ``, ] } :`` without an error. So each line must begin and end with a brace, a last object that we append must be
    read, and there must be as many objects as lines: then none spans lines, and nothing follows one on its line.
    """
    schema = pa.schema([(name, ARROW_TYPES[rule.type]) for name, rule in columns.items()])
    rows = _count_objects(block)
    if not rows:
        return schema.empty_table() if rows == 0 else None
    column, number = next(iter(columns)), secrets.randbits(24)
    sentinel = str(number) if columns[column].type == "BYTES" else number
    content = b"%b\n%b\n" % (block, json.dumps({column: sentinel}).encode())
    try:
        table = arrow_json.read_json(
            io.BytesIO(content),
            # As one block: Arrow cannot read a record that is longer than a block.
            read_options=arrow_json.ReadOptions(use_threads=False, block_size=len(content) + 1),
            parse_options=arrow_json.ParseOptions(
                explicit_schema=schema, unexpected_field_behavior=UNEXPECTED_FIELD[columns.others]
            ),
        )
    except (pa.ArrowInvalid, UnicodeDecodeError):
        return None
    if table.num_rows != rows + 1 or table[column][rows].as_py() != sentinel:
        return None
    return table.slice(0, rows)


def _count_objects(block: bytes) -> int | None:
    """Count the lines that begin and end with a brace; return None if another line is not blank."""
    if not block:
        return 0
    if not is_utf8(block) or _has_null_after_object(block):
        return None
    data = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(data == ord("\n"))
    ends = ends if block.endswith(b"\n") else np.append(ends, len(data))
    starts = np.concatenate([[0], ends[:-1] + 1])
    objects = (
        (ends - starts >= 2) & (data[np.minimum(starts, len(data) - 1)] == ord("{")) & (data[ends - 1] == ord("}"))
    )
    rows = int(objects.sum())
    for line in np.flatnonzero(~objects).tolist():
        text = block[starts[line] : ends[line]].strip(BLANK)
        if text and not (text.startswith(b"{") and text.endswith(b"}")):
            return None
        rows += bool(text)
    return rows


def _has_null_after_object(block: bytes) -> bool:
    for found in NULL_AFTER_OBJECT.finditer(block):
        start, end = block.rfind(b"\n", 0, found.start()) + 1, block.find(b"\n", found.end())
        try:
            # Within a string it is harmless.
            json.loads(block[start : end if end >= 0 else len(block)])
        except (ValueError, RecursionError):
            return True
    return False
