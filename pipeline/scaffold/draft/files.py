"""All files of a drafted workload, by name: its modules, schema, config, README, and the copy of the rows."""

from collections.abc import Mapping

import pyarrow as pa

from components.compat.pyarrow import parquet
from pipeline.scaffold.draft.code import code_texts
from pipeline.scaffold.draft.features import features_text
from pipeline.scaffold.draft.judgement import card_text, evaluation_text
from pipeline.scaffold.draft.papers import ROWS, config_text, readme_text
from pipeline.scaffold.draft.schema import schema_text
from pipeline.scaffold.draft.workload import Draft
from pipeline.splits import SPLITS

TEXTS = {
    "README.md": readme_text,
    "features.py": features_text,
    "evaluation.py": evaluation_text,
    "card.py": card_text,
    "schema.pbtxt": schema_text,
    "config.yaml": config_text,
}


def files_of(draft: Draft) -> dict[str, bytes]:
    """Return the content of each file."""
    texts = {**code_texts(draft), **{name: text(draft) for name, text in TEXTS.items()}}
    return {"__init__.py": b"", **{name: text.encode() for name, text in texts.items()}, **row_files(draft)}


def row_files(draft: Draft) -> Mapping[str, bytes]:
    """Return the rows as Parquet: a folder a split where rows are divided here, else one file."""
    plan = draft.plan
    columns = {each.name: each.column.values for each in plan.profiles if each.kind != "empty"}
    table = pa.table({**columns, draft.label: plan.target.column.values})
    if plan.split.by != "rows":
        return {f"{ROWS}/rows.parquet": as_parquet(table)}
    return {
        f"{ROWS}/{name}/rows.parquet": as_parquet(table.take(pa.array(plan.split.rows(number))))
        for number, name in enumerate(SPLITS)
    }


def as_parquet(table: pa.Table) -> bytes:
    """Return a table as the content of a Parquet file, the same bytes for the same rows."""
    out = pa.BufferOutputStream()
    parquet.write_table(table, out, compression="zstd")
    return bytes(out.getvalue())
