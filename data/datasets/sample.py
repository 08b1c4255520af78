"""The data set ``impressions``: a moderate number of the rows of ``synthetic``, prepared as the others are."""

from pathlib import Path
from typing import Any

from data.simulation.impressions import SCHEMA, Source
from data.simulation.shop import World
from data.synthetic import split_bounds

ROWS = 100_000
COLUMNS = tuple(SCHEMA.names)


def rows_by_split(raw: Path, split: str, seed: int) -> dict[str, list[tuple[Any, ...]]]:
    """Return the impressions of each split, in the order of time; nothing is read from ``raw``.

    The only ``split`` is 'time': the earliest 80% are train, the latest 10% test. A seed is another world.
    """
    source = Source(World(ROWS, seed))
    return {name: as_rows(source, start, stop) for name, (start, stop) in split_bounds(ROWS).items()}


def as_rows(source: Source, start: int, stop: int) -> list[tuple[Any, ...]]:
    """Return impressions by number, as Python values; None where a cell is empty."""
    columns = source.rows(start, stop).batch().to_pydict()
    return list(zip(*(columns[name] for name in COLUMNS), strict=True))
