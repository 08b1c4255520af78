"""The columns of a table as a workload can take them: with usable names, typed, with missing cells as null."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from components.arrow_example_gen.splitting.timestamps import parse_times
from pipeline.errors import DataError
from pipeline.features.names import usable
from pipeline.scaffold.rows.cells import Decimal, Order, decimal_vote, finite, iso_texts, read_cells, whole_if_exact

# Whole numbers that are seconds since 1970 if all lie in the years 2000 to 2040, and dates if all are YYYYMMDD.
FIRST_SECOND, LAST_SECOND = 946_684_800, 2_208_988_800
FIRST_DAY, LAST_DAY = 1900_01_01, 2100_12_31
FEW_DATES = 30
# What the names of features add to that of their column.
DERIVED = ("_bucket", "_value", "_date", "_missing", "_date_missing")


@dataclass(frozen=True)
class Column:
    """A column of the rows.

    Attributes:
        name: usable for inputs of a model, and not used by another column.
        source: the name in the user's files.
        values: int64, float64 or string; null where the value is missing.
        is_date: whether the texts are ISO 8601, or the whole numbers seconds since 1970.
        note: how its cells were read, for people.
    """

    name: str
    source: str
    values: pa.Array
    is_date: bool = False
    note: str = ""

    @property
    def type(self) -> str:
        """The type in the schema: INT, FLOAT or BYTES."""
        if pa.types.is_integer(self.values.type):
            return "INT"
        return "FLOAT" if pa.types.is_floating(self.values.type) else "BYTES"

    @property
    def is_number(self) -> bool:
        """Whether its values are numbers that can be more or less, unlike dates."""
        return self.type != "BYTES" and not self.is_date

    def numbers(self) -> NDArray[np.float64]:
        """Return numbers, and dates as seconds since 1970, as float64 with NaN for missing."""
        if self.type == "BYTES":
            micros, kinds = parse_times(self.values.fill_null(""))
            return np.where(kinds > 0, micros / 1e6, np.nan)
        return self.values.cast(pa.float64(), safe=False).fill_null(np.nan).to_numpy(zero_copy_only=False)

    def take(self, rows: NDArray[np.integer[Any]]) -> "Column":
        """Return the column with some of the rows."""
        return replace(self, values=self.values.take(pa.array(rows)))


def read_columns(table: pa.Table, decimal: Decimal | None = None, order: Order | None = None) -> list[Column]:
    """Return all columns of a table; those of lists and objects, which no feature reads, are left out.

    Raises:
        DataError: it is not clear whether dates begin with the day or the month.
    """
    texts = [column.combine_chunks() for column in table.columns if pa.types.is_string(column.type)]
    votes = [vote for vote in map(decimal_vote, texts) if vote]
    sign: Decimal = decimal or ("," if votes.count(",") > votes.count(".") else ".")
    names = usable_names(table.column_names)
    found = [
        _column(names[source], source, pa.concat_arrays(table[source].chunks), sign, order)
        for source in table.column_names if table[source].num_chunks
    ]  # fmt: skip
    return [column for column in found if column is not None]


def usable_names(sources: Sequence[str]) -> dict[str, str]:
    """Return a usable name for each column; two that would collide, also in what derives from them, are numbered.

    >>> usable_names(["home city", "home_city", "age"])
    {'home city': 'home_city', 'home_city': 'home_city_2', 'age': 'age'}
    >>> usable_names(["age_bucket", "age"])
    {'age_bucket': 'age_bucket_2', 'age': 'age'}
    """
    stems = {usable(source).casefold() for source in sources}
    # Features of one column take these names, too.
    taken = {f"{stem}{end}" for stem in stems for end in DERIVED} | {"score", "baseline_score"}
    names: dict[str, str] = {}
    for source in sources:
        base = name = usable(source)
        number = 2
        while name.casefold() in taken:
            name, number = f"{base}_{number}", number + 1
        names[source] = name
        taken.add(name.casefold())
    return names


def _column(name: str, source: str, values: pa.Array, decimal: Decimal, order: Order | None) -> Column | None:
    values = _decoded(values)
    kind = values.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        cells = read_cells(values.cast(pa.string()), decimal, order)
        if cells.question:
            raise DataError(f"column {source}", "dates are ambiguous", received=cells.question,
                            next_step="Say which: --date-order dmy or --date-order mdy.")  # fmt: skip
        return dated(Column(name, source, cells.values, cells.is_date, cells.note))
    if pa.types.is_temporal(kind) and not pa.types.is_time(kind) and not pa.types.is_duration(kind):
        zoned = getattr(kind, "tz", None) is not None
        micros = values.cast(pa.timestamp("us", tz="UTC" if zoned else None), safe=False).cast(pa.int64())
        kinds = np.where(values.is_valid(), 1 + zoned, 0)
        texts = iso_texts(micros.fill_null(0).to_numpy(zero_copy_only=False), kinds)
        return Column(name, source, texts, True, "times of Parquet, as ISO 8601")
    if pa.types.is_boolean(kind):
        return Column(name, source, values.cast(pa.int64()), note="true is 1, false is 0")
    if pa.types.is_null(kind):
        return Column(name, source, values.cast(pa.string()))
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        whole = pa.types.is_integer(kind)
        return dated(
            Column(name, source, _whole(values) if whole else whole_if_exact(finite(values.cast(pa.float64()))))
        )
    return None


def _whole(values: pa.Array) -> pa.Array:
    """Return whole numbers as int64; as texts if some do not fit, since such are codes."""
    fit = not pa.types.is_uint64(values.type) or (pc.max(values).as_py() or 0) < 2**63
    return values.cast(pa.int64() if fit else pa.string())


def _decoded(values: pa.Array) -> pa.Array:
    """Return a column of Parquet without its dictionary, and bytes as texts where they are UTF-8."""
    values = values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
    if pa.types.is_binary(values.type) or pa.types.is_large_binary(values.type):
        with contextlib.suppress(pa.ArrowInvalid):
            return values.cast(pa.string())
    return values


def dated(column: Column) -> Column:
    """Return a column of whole numbers as dates if it holds seconds since 1970 or days as YYYYMMDD.

    >>> dated(Column("day", "day", pa.array([20240100 + day for day in range(1, 32)]))).values[0].as_py()
    '2024-01-01'
    """
    if column.type != "INT" or column.values.null_count == len(column.values):
        return column
    least, most = (bound.as_py() for bound in (pc.min(column.values), pc.max(column.values)))
    if pc.count_distinct(column.values).as_py() < FEW_DATES:
        return column
    if least >= FIRST_SECOND and most <= LAST_SECOND:
        return replace(column, is_date=True, note="seconds since 1970")
    if least >= FIRST_DAY and most <= LAST_DAY:
        micros, kinds = parse_times(column.values.cast(pa.string()).fill_null(""))
        if (kinds > 0).sum() == len(kinds) - column.values.null_count:
            return replace(column, values=iso_texts(micros, kinds), is_date=True, note="days written as YYYYMMDD")
    return column
