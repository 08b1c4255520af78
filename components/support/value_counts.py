"""Values with their counts as Arrow tables, grouped as they come."""

import pyarrow as pa

# Rows that wait to be grouped, at least.
MIN_PENDING_ROWS = 1 << 16


class ValueCounts:
    """A table with the columns ``value``, ``count`` and perhaps ``weight``; compact, it has one row for each value."""

    def __init__(self) -> None:
        self.tables: list[pa.Table] = []
        self.grouped_rows = 0
        self.pending_rows = 0

    def add(self, table: pa.Table) -> None:
        """Add values with their counts; a value may occur again."""
        self.tables.append(table)
        self.pending_rows += table.num_rows
        # The threshold grows with the table, so that each value is regrouped a bounded number of times.
        if self.pending_rows > max(MIN_PENDING_ROWS, self.grouped_rows):
            self.compact()

    def compact(self) -> None:
        """Merge the rows of equal values."""
        if self.tables:
            table = group_values(pa.concat_tables(self.tables))
            self.tables, self.grouped_rows, self.pending_rows = [table], table.num_rows, 0


def group_values(table: pa.Table) -> pa.Table:
    """Return each value once, with the sums of its counts and weights."""
    summed = [name for name in table.column_names if name != "value"]
    groups = table.group_by("value").aggregate([(name, "sum") for name in summed])
    return pa.table({"value": groups["value"], **{name: groups[f"{name}_sum"] for name in summed}})
