"""Path patterns of spans, with the placeholders of TFX's ExampleGen, and the folders that match them.

``{SPAN}`` stands for a number, ``{SPAN:3}`` for one of three digits, ``{YYYY}``, ``{MM}`` and ``{DD}`` for a date,
whose number is its days since 1970-01-01, ``{VERSION}`` for the number of a version of a span:
https://www.tensorflow.org/tfx/guide/examplegen#span.
"""

import datetime
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

EPOCH = datetime.date(1970, 1, 1)
DATE = ("YYYY", "MM", "DD")
FIELD = re.compile(r"\{(SPAN|VERSION|YYYY|MM|DD)(?::([^}]*))?\}")


@dataclass(frozen=True)
class Span:
    """A folder of rows, its number, and its version number if spans have versions."""

    number: int
    path: Path
    version: int | None = None

    @property
    def place(self) -> tuple[int, int]:
        """The key by which spans are ordered."""
        return self.number, self.version or 0

    def __str__(self) -> str:
        return f"span {self.number}" + (f", version {self.version}" if self.version is not None else "")


def has_span(path: str) -> bool:
    """Return whether a path has placeholders."""
    return FIELD.search(path) is not None


def fault(pattern: str) -> str:
    """Return what is wrong with a pattern, or an empty string.

    >>> fault("rows/{SPAN:x}"), fault("rows/{YYYY}-{MM}/v{VERSION}")
    ('the width in {SPAN:x} is not a positive number', '{DD} is missing')
    """
    seen = Counter(match[1] for match in FIELD.finditer(pattern))
    dates = [name for name in DATE if seen[name]]
    checks = [
        *(
            (f"the width in {match[0]} is not a positive number", not is_width(match[1], match[2]))
            for match in FIELD.finditer(pattern)
        ),
        *((f"{{{name}}} may occur once", count > 1) for name, count in seen.items()),
        ("it has both {SPAN} and a date", bool(seen["SPAN"] and dates)),
        *((f"{{{name}}} is missing", bool(dates) and not seen[name]) for name in DATE),
        ("{VERSION} needs {SPAN} or a date", bool(seen["VERSION"]) and not seen["SPAN"] and not dates),
    ]
    return next((problem for problem, is_so in checks if is_so), "")


def is_width(name: str, width: str | None) -> bool:
    """Return whether a placeholder can have that many digits."""
    return width is None or (name not in DATE and re.fullmatch("0*[1-9][0-9]?", width) is not None)


def spans(pattern: str) -> list[Span]:
    """Return the spans whose folders exist, unordered; raise OSError when a folder cannot be listed."""
    return [Span(number, path, version(fields)) for path, fields in folders(pattern) if (number := count(fields)) >= 0]


def folders(pattern: str) -> Iterator[tuple[Path, Mapping[str, str]]]:
    """Yield each folder that matches a pattern, with the digits in its placeholders."""
    found: list[tuple[Path, dict[str, str]]] = [(Path(), {})]
    for word in Path(pattern).parts:
        found = [step for path, fields in found for step in steps(path, fields, word)]
    return ((path, fields) for path, fields in found if path.is_dir())


def steps(path: Path, fields: dict[str, str], word: str) -> Iterator[tuple[Path, dict[str, str]]]:
    """Yield the entries of a folder that match one component of a pattern."""
    if not has_span(word):
        yield path / word, fields
    elif path.is_dir():
        name = re.compile(named(word))
        matches = ((entry, name.fullmatch(entry.name)) for entry in path.iterdir())
        yield from ((entry, {**fields, **match.groupdict()}) for entry, match in matches if match)


def named(word: str) -> str:
    """Return one component of a pattern as a regular expression.

    >>> named("day-{YYYY}.{MM}"), named("{SPAN:3}")
    ('day\\\\-(?P<YYYY>[0-9]{4})\\\\.(?P<MM>[0-9]{2})', '(?P<SPAN>[0-9]{3})')
    """
    parts, end = [], 0
    for match in FIELD.finditer(word):
        digits = {"YYYY": "4", "MM": "2", "DD": "2"}.get(match[1], match[2] or "1,18")
        parts += [re.escape(word[end : match.start()]), f"(?P<{match[1]}>[0-9]{{{digits}}})"]
        end = match.end()
    return "".join([*parts, re.escape(word[end:])])


def count(fields: Mapping[str, str]) -> int:
    """Return the number of a span, or -1 for digits that are not a date.

    >>> count({"SPAN": "007"}), count({"YYYY": "1970", "MM": "02", "DD": "01"})
    (7, 31)
    """
    if "SPAN" in fields:
        return int(fields["SPAN"])
    try:
        return (datetime.date(*(int(fields[name]) for name in DATE)) - EPOCH).days
    except ValueError:
        return -1


def version(fields: Mapping[str, str]) -> int | None:
    """Return the version number, or None."""
    return int(fields["VERSION"]) if "VERSION" in fields else None
