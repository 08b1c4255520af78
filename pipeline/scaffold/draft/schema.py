"""The text of schema.pbtxt: every column of the rows, with presence, domain, and a range with room."""

from collections.abc import Iterator

import numpy as np
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from pipeline.scaffold.columns.profile import Profile
from pipeline.scaffold.draft.workload import Draft, rounded
from pipeline.splits import SPLITS

REQUIRED = ("presence { min_fraction: 1.0 min_count: 1 }", "shape { dim { size: 1 } }")
INT64 = 2**63 - 1
OPTIONAL = ("presence { min_count: 1 }", "value_count { min: 1 max: 1 }")


def schema_text(draft: Draft) -> str:
    """Return the text of schema.pbtxt; the columns without any value are not in it."""
    lines = [
        "# proto-file: tensorflow_metadata/proto/v0/schema.proto",
        "# proto-message: Schema",
        "#",
        f"# Drafted from {draft.rows:,} rows of {draft.source}: correct what you know better.",
        "# Ranges have room: as wide again as the values seen on each side, and not below 0 where nothing was.",
        "# The label is absent when serving.",
        "",
        'default_environment: "TRAINING"',
        'default_environment: "SERVING"',
        "",
    ]
    for each in draft.plan.profiles:
        if each.kind != "empty":
            lines += feature(each, draft)
    return "\n".join([*lines, *label(draft), ""])


def feature(each: Profile, draft: Draft) -> Iterator[str]:
    """Yield the lines of a column."""
    yield f"# {remark(each)}"
    yield "feature {"
    yield f"  name: {quoted(each.name)}"
    yield f"  type: {each.column.type}"
    given = np.flatnonzero(each.column.values.is_valid().to_numpy(zero_copy_only=False))
    in_all = len(np.unique(draft.plan.split.index[given])) == len(SPLITS)
    # A split in which no row has the column would be an anomaly.
    yield from (f"  {line}" for line in ((OPTIONAL if in_all else OPTIONAL[1:]) if each.missing else REQUIRED))
    yield from (f"  {line}" for line in domain(each))
    yield "}"


def remark(each: Profile) -> str:
    """Return what the rows say about a column."""
    renamed = f"; {each.column.source!r} in the source" if each.column.source != each.name else ""
    seen = ""
    if each.numbers is not None and not each.column.is_date:
        seen = f", {each.numbers.minimum:g} to {each.numbers.maximum:g}"
    absent = f", missing in {each.missing:,} rows" if each.missing else ""
    return f"{each.why}{seen}{absent}{renamed}".replace("\n", " ")


def domain(each: Profile) -> Iterator[str]:
    """Yield the values of a closed category, or the range of a number."""
    if each.is_closed:
        yield "string_domain {"
        yield from (f"  value: {quoted(value)}" for value in sorted(each.counts))
        yield "}"
    elif each.numbers is not None and each.kind in ("number", "whole") and not each.column.is_date:
        least, most = each.numbers.minimum, each.numbers.maximum
        width = most - least
        low = 0.0 if least >= 0 else rounded(least - width, up=False)
        high = 0.0 if most <= 0 else rounded(most + width, up=True)
        if each.column.type == "INT":
            yield f"int_domain {{ min: {int(max(low, -INT64))} max: {int(min(high, INT64))} }}"
        else:
            yield f"float_domain {{ min: {low} max: {high} }}"


def label(draft: Draft) -> Iterator[str]:
    """Yield the lines of the label."""
    target = draft.plan.target
    yield f"# The label: {quoted(target.event)} in {target.rate:.1%} of the rows."
    yield "feature {"
    yield f"  name: {quoted(draft.label)}"
    yield f"  type: {target.column.type}"
    yield from (f"  {line}" for line in REQUIRED)
    if target.values:
        yield "  string_domain {"
        yield from (f"    value: {quoted(value)}" for value in target.values)
        yield "  }"
    else:
        yield "  int_domain { min: 0 max: 1 }"
    yield '  not_in_environment: "SERVING"'
    yield "}"


def quoted(value: str) -> str:
    r"""Return a text as the text format of protocol buffers writes it.

    >>> quoted('5" pipe')
    '"5\\" pipe"'
    """
    written = text_format.MessageToString(schema_pb2.StringDomain(value=[value]), as_utf8=True)
    return written.removeprefix("value: ").rstrip("\n")
