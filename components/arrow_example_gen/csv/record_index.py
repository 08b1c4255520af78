"""Where the records are in a part of a CSV file, by its quotes and line ends: a count that is not the parser's own.

Whole arrays are looked at where every quote stands where one opens or closes a cell, which is nearly always; around
others ``csv_walk`` looks at one record after another.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.arrow_example_gen.csv.record_parser import Fault, Shape, walk

QUOTE, COMMA, LF, CR = b'",\n\r'
# How much is walked at least before whole arrays are looked at again; twice as much each time.
WALK_BYTES = 1 << 16
Places = NDArray[np.int64]
# By a product with it, each byte of a word, the lowest first, becomes the sum of those up to it.
EIGHT_ONES = np.uint64(0x0101010101010101)
LINE_ENDS = np.isin(np.arange(256), (LF, CR))
CELL_ENDS = np.isin(np.arange(256), (COMMA, LF, CR))


@dataclass(frozen=True)
class Found:
    """The whole records of some data, which end at a byte: how many there are, on how many lines, and which are faults.

    An empty line is no record. ``starts`` are where the records that are no faults begin, if that was looked for.
    """

    end: int
    records: int
    lines: int
    faults: tuple[Fault, ...] = ()
    starts: Places | None = None


def scan(data: bytes, shape: Shape, final: bool) -> Found:
    """The records of data that begin with one; if they are not ``final``, the last may not be whole.

    >>> found = scan(b'1,"a\\nb"\\n\\n2,c\\n3,', Shape(2), final=False)
    >>> found.end, found.records, found.lines
    (13, 2, 4)
    """
    ends = _plain_ends(data)
    if ends is None:
        return _Scan(data, shape, final).run()
    tail = final and data[-1:] not in (b"", b"\n")
    end = len(data) if tail else int(ends[-1]) if len(ends) else 0
    return Found(end, len(ends) + tail, len(ends))


def full_starts(data: bytes, shape: Shape) -> Places:
    """Where the records begin that are no faults."""
    scanned = _Scan(data, shape, True)
    scanned.run()
    return scanned.all_starts()


def _plain_ends(data: bytes) -> Places | None:
    """The byte after each LF, if each ends a record that is not empty, and nothing else does."""
    if CR in data and data.count(b"\r") != data.count(b"\r\n"):
        return None
    text = np.frombuffer(data, np.uint8)
    line_end = text == LF
    ends = np.flatnonzero(line_end) + 1
    empty = 2 if CR in data else 1
    if len(ends) and (ends[0] <= empty or (np.diff(ends) <= empty).any()):
        return None
    return ends if QUOTE not in data or _are_within_lines(text, line_end) else None


def _are_within_lines(text: NDArray[np.uint8], line_end: NDArray[np.bool_]) -> bool:
    """Whether each quote stands where a cell opens or ends, and no line end between two."""
    quote = text == QUOTE
    quoted = _quoted(quote)
    beside = line_end | quote | (text == COMMA) | (text == CR)
    misfits = (quote[1:] & quoted[1:] & ~beside[:-1]).any() or (quote[:-1] & ~quoted[:-1] & ~beside[1:]).any()
    return not misfits and not (line_end & quoted).any() and not quoted[-1]


def _quoted(quote: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether an odd number of quotes stands up to each byte: counted in words of eight bytes, and over these."""
    words = np.zeros(-(-len(quote) // 8), np.uint64)
    words.view(np.uint8)[: len(quote)] = quote
    words *= EIGHT_ONES
    sums = words >> np.uint64(56)
    words += ((np.cumsum(sums) - sums) & np.uint64(1)) * EIGHT_ONES
    return (words.view(np.uint8)[: len(quote)] & np.uint8(1)).view(np.bool_)


def line_ends(data: bytes, final: bool) -> Places:
    """The byte after each line end; a CR that is the last byte is one in the final data only."""
    text = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(text == LF) + 1
    if CR not in data:
        return ends
    after = np.flatnonzero(text == CR) + 1
    if not final:
        after = after[after < len(data)]
    lone = after[text[np.minimum(after, len(data) - 1)] != LF]
    return np.sort(np.concatenate([ends, lone]))


class _Scan:
    def __init__(self, data: bytes, shape: Shape, final: bool) -> None:
        self.data, self.shape, self.final = data, shape, final
        self.text = np.frombuffer(data, np.uint8)
        self.lines = line_ends(data, final)
        self.quotes = np.flatnonzero(self.text == QUOTE)
        self.opens, self.closes, self.openers = _fitting(self.text, self.quotes)
        self.starts: list[Places] = [np.empty(0, np.int64)]
        self.faults: list[Fault] = []

    def run(self) -> Found:
        start, walked = 0, WALK_BYTES
        while start < len(self.data):
            start = self._by_arrays(start)
            stop = self._by_walking(start, start + walked)
            if stop == start:
                break
            start, walked = stop, walked * 2
        starts = self.all_starts()
        lines = int(np.searchsorted(self.lines, start, "right"))
        return Found(start, len(starts), lines, tuple(self.faults), starts)

    def all_starts(self) -> Places:
        """Where those taken begin that are no empty lines."""
        starts = np.concatenate(self.starts)
        return starts[~LINE_ENDS[self.text[starts]]]

    def _by_arrays(self, start: int) -> int:
        """Takes the records from a byte up to the first that must be walked; gives its first byte."""
        first = int(np.searchsorted(self.quotes, start))
        lines = _between(self.lines, start, self._first_misfit(first))
        quoted = (np.searchsorted(self.quotes, lines) - first) % 2 == 1
        ends = lines[~quoted]
        if not len(ends):
            return start
        within = lines[quoted & (lines < ends[-1])]
        if len(within):
            ends = ends[: self._first_fault(np.concatenate([[start], ends]), within, first)]
        return self._take(start, ends)

    def _take(self, start: int, ends: Places) -> int:
        if not len(ends):
            return start
        self.starts.append(np.concatenate([[start], ends[:-1]]))
        return int(ends[-1])

    def _first_misfit(self, first: int) -> int:
        """The first quote out of place if the one with this number opens a cell, the next closes it, and so on."""
        wrong = [first + step + 2 * int(fits.argmin()) for step, fits in
                 ((0, self.opens[first::2]), (1, self.closes[first + 1 :: 2])) if not fits.all()]  # fmt: skip
        return int(self.quotes[min(wrong)]) if wrong else len(self.data)

    def _first_fault(self, bounds: Places, within: Places, first: int) -> int:
        """The number of the first record between bounds that is a fault, of those with line ends within their cells."""
        quotes = self.quotes[first : np.searchsorted(self.quotes, bounds[-1])]
        opens, closes = _cells(quotes[::2], quotes[1::2])
        cells, inner = np.unique(np.searchsorted(opens, within) - 1, return_counts=True)
        opens, closes = opens[cells], closes[cells]
        part, commas_of_row = self.text[bounds[0] : bounds[-1]], self.shape.width - 1
        at = np.flatnonzero(part == COMMA)
        free = at[~_quoted(part == QUOTE)[at]] + bounds[0]
        quoted = _count(at + bounds[0], opens, closes)
        record = np.searchsorted(bounds, opens, "right") - 1
        over_lines = np.unique(record)
        wrong = over_lines[_count(free, bounds[over_lines], bounds[over_lines + 1]) != commas_of_row]
        rows = record[(quoted == inner * commas_of_row) & (quoted > 0)]
        for number in np.union1d(wrong, rows):
            if isinstance(walk(self.data, int(bounds[number]), self.shape, self.final), Fault):
                return int(number)
        return len(bounds) - 1

    def _by_walking(self, start: int, stop: int) -> int:
        """Takes the records from a byte up to another, or the last whole one; gives the byte after them."""
        while start < min(stop, len(self.data)):
            # On lines before it, quotes are text.
            opener = self.openers[np.searchsorted(self.openers, start) :][:1]
            start = self._take(start, _between(self.lines, start, int(opener[0]) if len(opener) else len(self.data)))
            if start == len(self.data):
                break
            found = walk(self.data, start, self.shape, self.final)
            if found is None:
                break
            if isinstance(found, Fault):
                self.faults.append(found)
                start = found.end
            else:
                start = self._take(start, np.array([found]))
        return start


def _fitting(text: NDArray[np.uint8], quotes: Places) -> tuple[NDArray[np.bool_], NDArray[np.bool_], Places]:
    """For each quote whether it can open a cell, and whether it can close one, or be one of two; those that open."""
    before = text[np.maximum(quotes - 1, 0)]
    after = text[np.minimum(quotes + 1, len(text) - 1)]
    twice = np.diff(quotes) == 1
    opens = CELL_ENDS[before] | (quotes == 0)
    closes = CELL_ENDS[after] | (quotes == len(text) - 1)
    openers = quotes[opens]
    opens[1:] |= twice
    closes[:-1] |= twice
    return opens, closes, openers


def _cells(opens: Places, closes: Places) -> tuple[Places, Places]:
    """The quotes around whole cells; two within one have closed and opened it again."""
    apart = opens[1:] != closes[:-1] + 1
    return opens[np.append(True, apart)], closes[np.append(apart, True)]


def _between(places: Places, start: int, end: int) -> Places:
    """Those after a place, up to another."""
    return places[np.searchsorted(places, start, "right") : np.searchsorted(places, end, "right")]


def _count(places: Places, starts: Places, ends: Places) -> Places:
    """How many places are between each start and its end."""
    return np.searchsorted(places, ends) - np.searchsorted(places, starts)
