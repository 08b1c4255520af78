"""The columns of a small table, as a schema would have them."""

from components.arrow_example_gen.checks.columns import ColumnRule, Columns

REQUIRED = Columns(
    {
        "age": ColumnRule("INT", required=True),
        "score": ColumnRule("FLOAT", required=True),
        "city": ColumnRule("BYTES", required=True),
    }
)
WITH_LABEL = Columns({**REQUIRED, "label": ColumnRule("INT", required=False)})
