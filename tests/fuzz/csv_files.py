"""CSV files drawn at random, and what Python's csv module and a reader of single letters find in them."""

import csv
import io
import re
from dataclasses import dataclass, field
from random import Random

from drawn import COLUMNS, PIECES, Drawn, Row

NUMBERS = [index for index, name in enumerate(COLUMNS) if COLUMNS[name].type != "BYTES"]
NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
MARK = "\ufeff".encode()


def draw(random: Random) -> Drawn:
    """A file with any kind of line ends, quotes and, half of the time, bad rows."""
    end, share = random.choice(["\n", "\r\n", "\r"]), random.choice([0, 0, 0.02, 0.2])
    lines = [""] * random.choice([0, 0, 0, 2]) + [",".join(COLUMNS)]
    for _ in range(random.randrange(18)):
        lines.append("" if random.random() < 0.05 else _line(random, random.random() < share))
    text = end.join(lines) + random.choice([end, end, ""])
    content = text.encode("utf-8", "surrogateescape")
    found = read(content)
    if not found[1] and "\0" not in text:
        assert found[0] == by_module(content)
    return Drawn(random.choice([b"", b"", MARK]) + content, *found)


def _line(random: Random, bad: bool) -> str:
    cells = [str(random.randrange(-9, 10**6)), random.choice(["", str(random.randrange(99) / 4)]), *_texts(random)]
    if not bad:
        return ",".join(cells)
    place = random.randrange(len(cells))
    fault = random.randrange(6)
    if fault == 0:
        cells[random.choice(NUMBERS)] = random.choice(["far", "1e", "--1", "1 2", "0x1F"])
    elif fault == 1:
        del cells[place]
    elif fault == 2:
        cells.append("more")
    elif fault == 3:
        cells[2] = "K\udcf6ln"
    elif fault == 4:
        cells[place] = '"' + cells[place]
    else:
        cells[place] = random.choice(['"a" b', '"say \\"hi\\" twice"', '"a"b"', cells[place] + '"'])
    return ",".join(cells)


def _texts(random: Random) -> list[str]:
    texts = ("".join(random.choice(PIECES) for _ in range(random.randrange(4))) for _ in range(2))
    return [_quoted(text) if _needs(text) or random.random() < 0.3 else text for text in texts]


def _needs(text: str) -> bool:
    return text.startswith('"') or any(letter in text for letter in ",\r\n")


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def by_module(content: bytes) -> list[Row]:
    """The rows of a whole file by Python's csv module."""
    rows = csv.reader(io.StringIO(content.decode(), newline=""), strict=True)
    return [typed(row) for row in [row for row in rows if row][1:]]


def typed(cells: list[str]) -> Row:
    """Cells as values; raises ValueError for one that is none."""
    number = int(cells[0]) if cells[0] else None
    return (number, float(cells[1]) if cells[1] else None, *(cell or None for cell in cells[2:]))


def read(content: bytes) -> tuple[list[Row], list[int]]:
    """The good rows, and the lines of the bad ones; letters stand for bytes."""
    text = content.decode("latin-1")
    at, rows, bad = 0, list[Row](), list[int]()
    records = []
    while at < len(text):
        record = Record(text, at)
        end = record.read()
        if record.cells or record.fault is not None:
            records.append(record)
        at = end
    for record in records[1:]:
        try:
            if record.fault is not None or len(record.cells) != len(COLUMNS):
                raise ValueError
            rows.append(typed([cell.encode("latin-1").decode() for cell in record.cells]))
        except ValueError:
            start = record.start if record.fault is None else record.fault
            bad.append(len(re.findall(r"\r\n|\r|\n", text[:start])) + 1)
    return rows, bad


@dataclass
class Record:
    """One record that begins at a letter: its cells, and where the quote opens that is at fault."""

    text: str
    start: int
    cells: list[str] = field(default_factory=list)
    fault: int | None = None
    over_lines: list[tuple[int, int]] = field(default_factory=list)

    def read(self) -> int:
        """Where the next one begins."""
        at = self.start
        if self.text[at] in "\r\n":
            return self._line_end(at)
        while True:
            opened = at
            quoted = self.text[at : at + 1] == '"'
            cell, at = self._quoted(at + 1) if quoted else self._plain(at)
            if quoted and (at < 0 or self.text[at : at + 1] not in ("", ",", "\r", "\n")):
                return self._at_fault(opened)
            if quoted and ("\n" in cell or "\r" in cell):
                self.over_lines.append((opened, at))
            self.cells.append(cell)
            if self.text[at : at + 1] != ",":
                return self._judged(at)
            at += 1

    def _quoted(self, at: int) -> tuple[str, int]:
        """The text of a cell, and where it ends, or -1."""
        cell = ""
        while at < len(self.text):
            if self.text[at] == '"' and self.text[at + 1 : at + 2] != '"':
                return cell, at + 1
            cell += self.text[at]
            at += 2 if self.text[at] == '"' else 1
        return cell, -1

    def _plain(self, at: int) -> tuple[str, int]:
        cell = ""
        while at < len(self.text) and self.text[at] not in ",\r\n":
            cell += self.text[at]
            at += 1
        return cell, at

    def _judged(self, end: int) -> int:
        for opened, closed in self.over_lines:
            if len(self.cells) != len(COLUMNS) or self._swallows(opened, closed, end):
                return self._at_fault(opened)
        return self._line_end(end)

    def _at_fault(self, opened: int) -> int:
        self.fault = opened
        return self._line_end(opened)

    def _line_end(self, at: int) -> int:
        found = re.compile(r"\r\n|\r|\n").search(self.text, at)
        return found.end() if found else len(self.text)

    def _swallows(self, opened: int, closed: int, end: int) -> bool:
        """Whether the lines of the record are rows, once the quotes around the cell are no more."""
        before = self.text[self.start : opened]
        inner = re.split(r"\r\n|\r|\n", self.text[opened + 1 : closed - 1])
        rows = [Record(line, 0) for line in (before + inner[0], *inner[1:-1], inner[-1] + self.text[closed:end])]
        numbers = 0
        for index, row in enumerate(rows):
            if not row.text or row.text[0] in "\r\n" or row.read() != len(row.text) or len(row.cells) != len(COLUMNS):
                return False
            there = [row.cells[place] for place in NUMBERS if row.cells[place]]
            if not there or not all(map(NUMBER.fullmatch, there)):
                return False
            numbers += len(there) * (index > 0)
        return numbers >= 2
