"""JSON Lines drawn at random, and what Python's json module finds in them, line by line."""

import json
import re
from random import Random
from typing import Any

import numpy as np
from drawn import COLUMNS, PIECES, Drawn, Row

MARK = "\ufeff".encode()
SURROGATE = re.compile("[\ud800-\udfff]")
BEHIND = (b",", b"]", b"}", b":", b"\0", b"x", b"null", b" null {}", b"{}", b'{"n": 1}', b"},", b"\r{}", b"//", b"\xff")
INSTEAD = (
    b"]",
    b"[",
    b"null",
    b"7",
    b'"a"',
    b"[{}]",
    b"{",
    b"}",
    b",{}",
    b"true",
    b"\xef\xbb\xbf{}",
    b"\x0b",
    b"{},{}",
)
WRONG = (b'"n": "1"', b'"n": 1.5', b'"n": true', b'"x": "1"', b'"text": 1', b'"text": ["a"]', b'"note": {"a": 1}',
         b'"more": 1', b'"n": 9223372036854775808', b'"x": 1e400', b'"n": 1, "n": 2', b'"n": 1, "\\u006e": 1',
         b'"text": "\\ud83d"', b'"text": "\\ude00\\ud83d"', b'"text": "K\xf6ln"', b'"text": "a\tb"', b'"text": "\\q"',
         b'"n": 01', b'"n": +1', b'"x": .5', b"'n': 1", b"n: 1", b'"n": 1,', b'"text": "a\0b"')  # fmt: skip


def draw(random: Random) -> Drawn:
    """A file with any kind of line ends and, half of the time, bad lines."""
    end, share = random.choice([b"\n", b"\n", b"\r\n"]), random.choice([0, 0, 0.02, 0.2])
    lines = [_line(random, random.random() < share) for _ in range(random.randrange(25))]
    content = random.choice([b"", b"", MARK]) + end.join(lines) + random.choice([end, end, b""])
    return Drawn(content, *read(content.removeprefix(MARK)))


def _line(random: Random, bad: bool) -> bytes:
    if random.random() < 0.05:
        return random.choice([b"", b" ", b"\t \t"])
    names = [name for name in random.sample([*COLUMNS], len(COLUMNS)) if random.random() < 0.8]
    text = json.dumps(
        {name: _value(random, name) for name in names},
        ensure_ascii=random.random() < 0.5,
        separators=random.choice([(",", ":"), (", ", ": "), (" ,\t", " : ")]),
    )
    line = random.choice(["", "", " ", "\t"]).encode() + text.encode() + random.choice([b"", b"", b" ", b"\t"])
    return _spoiled(random, line) if bad else line


def _value(random: Random, name: str) -> Any:
    if random.random() < 0.1:
        return None
    if COLUMNS[name].type == "INT":
        return random.choice([0, -1, 7, 2**53 + 1, 2**63 - 1, -(2**63), random.randrange(-9, 10**6)])
    if COLUMNS[name].type == "FLOAT":
        return random.choice([random.randrange(99) / 4, random.randrange(9), 1e5, -0.0, 1e-7])
    return "".join(random.choice([*PIECES, "} null", "😀", "\0"]) for _ in range(random.randrange(4)))


def _spoiled(random: Random, line: bytes) -> bytes:
    fault, place = random.randrange(5), random.randrange(len(line))
    if fault == 0:
        return line + random.choice(BEHIND)
    if fault == 1:
        return random.choice(INSTEAD)
    if fault == 2:
        return b"{" + random.choice(WRONG) + b"}"
    if fault == 3:
        return line[:place]
    # Anything, which may be no fault at all.
    return line[:place] + random.choice(b'{}[],:"\\0 x\0\xff-'.decode("latin-1")).encode("latin-1") + line[place + 1 :]


def read(content: bytes) -> tuple[list[Row], list[int]]:
    """The good rows, and the numbers of the bad lines."""
    rows, bad = list[Row](), list[int]()
    for number, line in enumerate(content.split(b"\n"), 1):
        if line.strip(b" \t\r"):
            row = row_of(line)
            rows += [] if row is None else [row]
            bad += [number] if row is None else []
    return rows, bad


def row_of(line: bytes) -> Row | None:
    """The row of a line; none for one that is bad."""
    try:
        pairs = json.loads(line.decode().strip(" \t\r"), object_pairs_hook=Pairs)
    except ValueError:
        return None
    keys = [key for key, _ in pairs] if isinstance(pairs, Pairs) else ["no object"]
    if len(keys) != len(set(keys)) or not set(keys) <= set(COLUMNS) or not all(_fits(*pair) for pair in pairs):
        return None
    row = {key: float(np.float32(value)) if key == "x" and value is not None else value for key, value in pairs}
    return tuple(row.get(name) for name in COLUMNS)


class Pairs(list[tuple[str, Any]]):
    """An object, with all of its keys."""


def _fits(name: str, value: Any) -> bool:
    if value is None:
        return True
    if isinstance(value, str):
        return COLUMNS[name].type == "BYTES" and not SURROGATE.search(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 3e38:
        return False
    return COLUMNS[name].type == "FLOAT" or (isinstance(value, int) and -(2**63) <= value < 2**63 and name == "n")
