"""The text of features.py: one line a feature, each with the reason beside it."""

import json
from collections.abc import Iterator

from pipeline.scaffold.columns.profile import Profile
from pipeline.scaffold.draft.workload import Draft, share_text

MOST_VALUES, EMBEDDING = 1000, 8
BUCKETS, LEAST_BUCKETS, ROWS_OF_BUCKET = 20, 4, 50
# Whole numbers of so few values are fine enough as they are.
FEW = 20
# Each whole number becomes a value of its own where train has so many rows of one on average.
ROWS_OF_VALUE = 5
OOV_OF_MANY = 10
LINE = 120
MODULES = {
    "Bucketized": "bucketized", "Categorical": "categorical", "Date": "date", "Exact": "exact", "Numeric": "numeric",
}  # fmt: skip


def features_text(draft: Draft) -> str:
    """Return the text of features.py."""
    lines = [line for each in draft.plan.profiles for line in lines_of(each, draft)]
    kinds = sorted({kind for kind in MODULES for line in lines if line.lstrip().startswith(f"{kind}(")})
    imports = [f"from pipeline.features.kinds.{MODULES[kind]} import {kind}" for kind in kinds]
    return "\n".join([
        f'"""The feature table of the {draft.name} workload: {draft.label} from the columns of {draft.source}.',
        "",
        "Drafted from the rows; yours to edit. A line that begins with # is a column that the model does not get.",
        "Crosses of two categories are often the next gain: docs/features.md has all kinds.",
        '"""',
        "",
        *imports,
        "from pipeline.features.table import Table",
        *(["from pipeline.label import Label"] if draft.plan.target.values else []),
        "",
        "FEATURES = (",
        *(f"    {line}" for line in lines),
        ")",
        "",
        f"TABLE = Table(FEATURES, label={label_text(draft)})",
        "",
    ])  # fmt: skip


def label_text(draft: Draft) -> str:
    """Return the label as code: the name of its column, with the text that counts as 1 if it holds texts."""
    target = draft.plan.target
    name = json.dumps(draft.label)
    return f"Label({name}, positive={json.dumps(target.event, ensure_ascii=False)})" if target.values else name


def lines_of(each: Profile, draft: Draft) -> Iterator[str]:
    """Yield the lines of a column; behind # where it is left out, with the reason above."""
    plan = draft.plan
    if each.kind == "empty":
        yield f"# {each.name}: {plan.left_out[each.name]}."
        return
    why_not = plan.left_out.get(each.name)
    if why_not:
        yield from wrapped(f"# {each.name}: {why_not}.")
        yield from (f"# {code}," for code, _ in rows_of(each, plan.train_rows))
        return
    for leak in plan.leaks:
        if leak.column == each.name:
            yield from wrapped(f"# LOOK: {leak.evidence}")
    for code, why in rows_of(each, plan.train_rows):
        if len(code) + len(why) + 9 <= LINE:
            yield f"{code},  # {why}"
        else:
            yield from wrapped(f"# {why}")
            yield f"{code},"


def rows_of(each: Profile, train_rows: int) -> Iterator[tuple[str, str]]:
    """Yield the features of a column as code, with the reason for each."""
    name = each.name
    if each.column.is_date:
        yield f'Date("{name}", reference="{latest(each)}")', f"{each.why}; the reference is the latest of them"
    elif each.column.type == "BYTES":
        yield category(each)
    else:
        scaled = each.numbers is None or each.numbers.can_be_scaled
        if scaled:
            yield number(each)
        if each.distinct > FEW or not scaled:
            why = "for what is not a straight line" if scaled else "buckets alone: too great for a variance"
            buckets = min(BUCKETS, max(LEAST_BUCKETS, train_rows // ROWS_OF_BUCKET))
            yield f'Bucketized("{name}", buckets={buckets}, embedding={EMBEDDING})', why
        if each.kind == "whole" and train_rows >= ROWS_OF_VALUE * each.distinct:
            yield (f'Exact("{name}", vocabulary={each.distinct}, embedding={EMBEDDING})',
                   f"{each.distinct} values: each may mean something")  # fmt: skip


def latest(each: Profile) -> str:
    """Return the latest day of a column of dates."""
    import numpy as np

    return str(np.datetime64(int(np.nanmax(each.column.numbers())), "s").astype("M8[D]"))


def category(each: Profile) -> tuple[str, str]:
    """Return the feature of a category: closed where the values are few and frequent, else a learned vocabulary."""
    size = min(max(each.distinct, 1), MOST_VALUES)
    more = missing(each)
    if each.is_closed:
        fewest = f"{min(each.counts.values()):,}"
        return (f'Categorical("{each.name}", vocabulary={size}, closed=True, embedding={EMBEDDING})',
                f"{each.distinct} values, of at least {fewest} rows each: closed{more}")  # fmt: skip
    if each.distinct > MOST_VALUES:
        return (f'Categorical("{each.name}", vocabulary={size}, oov={OOV_OF_MANY}, embedding={EMBEDDING})',
                f"{each.distinct:,} values: the {size:,} most frequent, the others hashed{more}")  # fmt: skip
    return f'Categorical("{each.name}", vocabulary={size}, embedding={EMBEDDING})', f"{each.why}{more}"


def number(each: Profile) -> tuple[str, str]:
    """Return a number as a feature: as its logarithm if it is skewed, with a flag if rows lack it."""
    log = each.numbers is not None and each.numbers.is_skewed
    words = [", log=True" if log else "", ", optional=True" if each.missing else ""]
    why = f"{each.why}{', skewed' if log else ''}{missing(each)}"
    note = f" ({each.column.note})" if each.column.note else ""
    return f'Numeric("{each.name}"{"".join(words)})', f"{why}{note}"


def missing(each: Profile) -> str:
    """Return the share of rows without a value, for a comment."""
    share = each.missing / each.rows
    return f", {share_text(share)} missing" if share else ""


def wrapped(comment: str) -> Iterator[str]:
    """Yield a comment as lines that fit."""
    import textwrap

    for number, line in enumerate(textwrap.wrap(comment, LINE - 6)):
        yield line if number == 0 else f"# {line}"
