"""Finding the records of CSV by quotes and line ends, which also counts them independently of Arrow's parser.

Where every quote stands where one may open or close a cell, which is nearly always, whole arrays are processed at once.
Around other quotes, ``record_parser`` takes one record after another.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.arrow_example_gen.csv.record_parser import QuoteError, RowShape, parse_record

QUOTE, COMMA, LF, CR = b'",\n\r'
# How much is parsed record by record before arrays are tried again; twice as much each time.
PARSE_BYTES = 1 << 16
Offsets = NDArray[np.int64]
# Multiplying a word by it makes each byte the sum of those up to it, the lowest first.
EIGHT_ONES = np.uint64(0x0101010101010101)
LINE_ENDS = np.isin(np.arange(256), (LF, CR))
CELL_ENDS = np.isin(np.arange(256), (COMMA, LF, CR))


@dataclass(frozen=True)
class RecordIndex:
    """The whole records of some data up to the offset ``end``: their number, their lines, and those with wrong quotes.

    ``records`` and ``starts``, the offsets, are of the good records; ``starts`` is None if it was not computed. Empty
    lines are not records.
    """

    end: int
    records: int
    lines: int
    errors: tuple[QuoteError, ...] = ()
    starts: Offsets | None = None


def index_records(data: bytes, shape: RowShape, final: bool) -> RecordIndex:
    """Index data that begin with a record; unless they are ``final``, the last record may continue after them.

    >>> found = index_records(b'1,"a\\nb"\\n\\n2,c\\n3,', RowShape(2), final=False)
    >>> found.end, found.records, found.lines
    (13, 2, 4)
    """
    ends = _plain_ends(data)
    if ends is None:
        return _Indexer(data, shape, final).run()
    tail = final and data[-1:] not in (b"", b"\n")
    end = len(data) if tail else int(ends[-1]) if len(ends) else 0
    return RecordIndex(end, len(ends) + tail, len(ends))


def full_starts(data: bytes, shape: RowShape) -> Offsets:
    """Return the offsets of the good records."""
    scanned = _Indexer(data, shape, True)
    scanned.run()
    return scanned.all_starts()


def _plain_ends(data: bytes) -> Offsets | None:
    """Return the offset after each LF if exactly these end records and none is empty, else None."""
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
    """Return whether each quote stands at the start or end of a cell, and no line end is quoted."""
    quote = text == QUOTE
    quoted = _quoted(quote)
    beside = line_end | quote | (text == COMMA) | (text == CR)
    misfits = (quote[1:] & quoted[1:] & ~beside[:-1]).any() or (quote[:-1] & ~quoted[:-1] & ~beside[1:]).any()
    return not misfits and not (line_end & quoted).any() and not quoted[-1]


def _quoted(quote: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return for each byte whether an odd number of quotes comes up to it, by prefix sums over words of eight bytes."""
    words = np.zeros(-(-len(quote) // 8), np.uint64)
    words.view(np.uint8)[: len(quote)] = quote
    words *= EIGHT_ONES
    sums = words >> np.uint64(56)
    words += ((np.cumsum(sums) - sums) & np.uint64(1)) * EIGHT_ONES
    return (words.view(np.uint8)[: len(quote)] & np.uint8(1)).view(np.bool_)


def line_ends(data: bytes, final: bool) -> Offsets:
    """Return the offset after each line end; a CR at the end of data counts only if they are ``final``."""
    text = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(text == LF) + 1
    if CR not in data:
        return ends
    after = np.flatnonzero(text == CR) + 1
    if not final:
        after = after[after < len(data)]
    lone = after[text[np.minimum(after, len(data) - 1)] != LF]
    return np.sort(np.concatenate([ends, lone]))


class _Indexer:
    def __init__(self, data: bytes, shape: RowShape, final: bool) -> None:
        self.data, self.shape, self.final = data, shape, final
        self.text = np.frombuffer(data, np.uint8)
        self.lines = line_ends(data, final)
        self.quotes = np.flatnonzero(self.text == QUOTE)
        self.opens, self.closes, self.openers = _fitting(self.text, self.quotes)
        self.starts: list[Offsets] = [np.empty(0, np.int64)]
        self.errors: list[QuoteError] = []

    def run(self) -> RecordIndex:
        start, parsed = 0, PARSE_BYTES
        while start < len(self.data):
            start = self._by_arrays(start)
            stop = self._by_parsing(start, start + parsed)
            if stop == start:
                break
            start, parsed = stop, parsed * 2
        starts = self.all_starts()
        lines = int(np.searchsorted(self.lines, start, "right"))
        return RecordIndex(start, len(starts), lines, tuple(self.errors), starts)

    def all_starts(self) -> Offsets:
        """Return the offsets of the records found so far, without empty lines."""
        starts = np.concatenate(self.starts)
        return starts[~LINE_ENDS[self.text[starts]]]

    def _by_arrays(self, start: int) -> int:
        """Add the records from an offset up to the first that must be parsed; return the offset of that."""
        first = int(np.searchsorted(self.quotes, start))
        lines = _between(self.lines, start, self._first_misfit(first))
        quoted = (np.searchsorted(self.quotes, lines) - first) % 2 == 1
        ends = lines[~quoted]
        if not len(ends):
            return start
        within = lines[quoted & (lines < ends[-1])]
        if len(within):
            ends = ends[: self._first_wrong_record(np.concatenate([[start], ends]), within, first)]
        return self._take(start, ends)

    def _take(self, start: int, ends: Offsets) -> int:
        if not len(ends):
            return start
        self.starts.append(np.concatenate([[start], ends[:-1]]))
        return int(ends[-1])

    def _first_misfit(self, first: int) -> int:
        """Return the offset of the first misplaced quote if quotes open and close cells in turn from this one on."""
        wrong = [first + step + 2 * int(fits.argmin()) for step, fits in
                 ((0, self.opens[first::2]), (1, self.closes[first + 1 :: 2])) if not fits.all()]  # fmt: skip
        return int(self.quotes[min(wrong)]) if wrong else len(self.data)

    def _first_wrong_record(self, bounds: Offsets, within: Offsets, first: int) -> int:
        """Return the index of the first record with wrong quotes among those with line ends within their cells."""
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
            if isinstance(parse_record(self.data, int(bounds[number]), self.shape, self.final), QuoteError):
                return int(number)
        return len(bounds) - 1

    def _by_parsing(self, start: int, stop: int) -> int:
        """Add records one by one from an offset up to another, or the last whole one; return the offset after them."""
        while start < min(stop, len(self.data)):
            # Before it, quotes are text.
            opener = self.openers[np.searchsorted(self.openers, start) :][:1]
            start = self._take(start, _between(self.lines, start, int(opener[0]) if len(opener) else len(self.data)))
            if start == len(self.data):
                break
            found = parse_record(self.data, start, self.shape, self.final)
            if found is None:
                break
            if isinstance(found, QuoteError):
                self.errors.append(found)
                start = found.end
            else:
                start = self._take(start, np.array([found]))
        return start


def _fitting(text: NDArray[np.uint8], quotes: Offsets) -> tuple[NDArray[np.bool_], NDArray[np.bool_], Offsets]:
    """Return for each quote whether it may open a cell and whether it may close one, and the offsets of openers."""
    before = text[np.maximum(quotes - 1, 0)]
    after = text[np.minimum(quotes + 1, len(text) - 1)]
    twice = np.diff(quotes) == 1
    opens = CELL_ENDS[before] | (quotes == 0)
    closes = CELL_ENDS[after] | (quotes == len(text) - 1)
    openers = quotes[opens]
    opens[1:] |= twice
    closes[:-1] |= twice
    return opens, closes, openers


def _cells(opens: Offsets, closes: Offsets) -> tuple[Offsets, Offsets]:
    """Return the quotes around whole cells, leaving out escaped ones, which close and reopen a cell."""
    apart = opens[1:] != closes[:-1] + 1
    return opens[np.append(True, apart)], closes[np.append(apart, True)]


def _between(offsets: Offsets, start: int, end: int) -> Offsets:
    """Return the offsets after ``start``, up to ``end``."""
    return offsets[np.searchsorted(offsets, start, "right") : np.searchsorted(offsets, end, "right")]


def _count(offsets: Offsets, starts: Offsets, ends: Offsets) -> Offsets:
    """Return how many offsets lie between each start and its end."""
    return np.searchsorted(offsets, ends) - np.searchsorted(offsets, starts)
