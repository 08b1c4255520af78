"""Everything that is decided about a table before a file is written: which columns, which split, which bounds. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa

from pipeline.errors import ConfigError, DataError, did_you_mean
from pipeline.scaffold.checks import split as splits
from pipeline.scaffold.checks.leaks import Leak, find_leaks
from pipeline.scaffold.checks.references import TOO_GOOD_AUC, References, measure
from pipeline.scaffold.checks.split import Split
from pipeline.scaffold.columns.column import Column, read_columns
from pipeline.scaffold.columns.label import Target, find_label, read_label
from pipeline.scaffold.columns.profile import Profile, profile
from pipeline.scaffold.rows.cells import Decimal, Order

# The name only breaks a tie: whether a column that repeats names an entity, the rows alone cannot say.
ENTITY = re.compile(r"(?i:(^|_)(id|uuid|guid|key|e_?mail|phone|customer|user|patient|member|account)$)|[a-z]I[dD]$")
FEWEST_ENTITIES, ROWS_OF_ENTITY = 50, 50
SENSITIVE = re.compile(
    r"(^|_)(sex|gender|race|ethnic\w*|religion|nationality|native_country|disab\w*|marital_status)(_|$)", re.IGNORECASE
)
SLICES, SLICE_VALUES = 4, (2, 8)
WHY_NOT = {
    "text": "there is no feature kind for free text yet",
    "id": "a model would learn the rows by heart",
    "constant": "it tells nothing",
    "empty": "it tells nothing",
}


@dataclass(frozen=True)
class Options:
    """What the user said beside the files."""

    label: str
    positive: str | None = None
    time: str | None = None
    group: str | None = None
    keep: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    decimal: Decimal | None = None
    order: Order | None = None
    seed: int = 0


@dataclass(frozen=True)
class Plan:
    """The decisions about a table.

    Attributes:
        profiles: of all columns but the label that have a value.
        left_out: by column, why a model does not get it.
        leaks: the columns that tell the answer, or may.
        lines: facts about the rows for people, such as how many had no label.
    """

    target: Target
    profiles: tuple[Profile, ...]
    left_out: Mapping[str, str]
    leaks: tuple[Leak, ...]
    split: Split
    references: References
    lines: tuple[str, ...] = field(default=())

    @property
    def inputs(self) -> list[Profile]:
        """The columns that a model gets."""
        return [each for each in self.profiles if each.name not in self.left_out]

    @property
    def train_rows(self) -> int:
        """The number of rows in train."""
        return self.split.sizes()["train"]

    @property
    def sensitive(self) -> list[str]:
        """The columns that may name a group of people, by their names."""
        return [each.name for each in self.profiles if each.kind == "category" and SENSITIVE.search(each.name)]

    @property
    def slices(self) -> list[str]:
        """Up to four categories of few values, the sensitive ones first, so that no group is overlooked."""
        least, most = SLICE_VALUES
        fit = [each.name for each in self.inputs if each.kind == "category" and least <= each.distinct <= most]
        return sorted(fit, key=lambda name: name not in self.sensitive)[:SLICES]


def make_plan(table: pa.Table, options: Options, where: str) -> Plan:
    """Decide about a table; ``where`` names it in messages.

    Raises:
        DataError: the label or the split cannot be used, or nothing is left to learn from.
        ConfigError: an option names a column that is not there.
    """
    columns = read_columns(table, options.decimal, options.order)
    label = find_label(columns, options.label, where)
    options = with_names(options, [column for column in columns if column is not label])
    target, has_one = read_label(label, options.positive)
    rows = np.flatnonzero(has_one)
    columns = [column.take(rows) for column in columns if column is not label]
    profiles = [profile(column) for column in columns]
    by_name = {each.name: each for each in profiles}
    if not any(each.is_model_input or each.name in options.keep for each in profiles):
        raise nothing_left(where, {each.name: each.why for each in profiles})
    split = choose_split(by_name, target, options)
    splits.check_labels(split, target.ones)
    time = by_name[options.time].column.numbers() if options.time else None
    judged = [each for each in profiles if each.name not in (options.time, *options.drop)]
    leaks = find_leaks(judged, target.ones, options.seed, time)
    left_out = why_left_out(profiles, leaks, split, options)
    inputs = [each for each in profiles if each.name not in left_out]
    if not inputs:
        raise nothing_left(where, left_out)
    references = measure(inputs, target.ones, split, options.seed)
    plan = Plan(target, tuple(profiles), left_out, tuple(leaks), split, references)
    return replace(plan, lines=(*not_read(table, [label, *columns]), *warnings(plan)))


def nothing_left(where: str, left_out: Mapping[str, str]) -> DataError:
    """Return the error for a table without a column to learn from."""
    return DataError(where, "no column is left to learn from",
                     received="; ".join(f"{name}: {why}" for name, why in left_out.items()) or "only the label",
                     next_step="Keep one with --keep." if left_out else "Give more columns.")  # fmt: skip


def with_names(options: Options, columns: Sequence[Column]) -> Options:
    """Return the options with the names that columns have in the workload.

    Raises:
        ConfigError: there is no such column beside the label, or the rows are to be divided in two ways.
    """
    if options.time and options.group:
        raise ConfigError(f"--time {options.time} --group {options.group}", "rows are divided in one way",
                          expected="one of them", next_step="Leave out --group or --time.")  # fmt: skip
    known = {column.source: column.name for column in columns} | {column.name: column.name for column in columns}

    def name(option: str, given: str) -> str:
        if given == options.label:
            raise ConfigError(f"--{option} {given}", "that is the label", expected="another column")
        if given not in known:
            raise ConfigError(f"--{option} {given}", "no such column", expected=", ".join(list(known)[:40]),
                              next_step=did_you_mean(given, known))  # fmt: skip
        return known[given]

    return replace(
        options,
        keep=tuple(name("keep", given) for given in options.keep),
        drop=tuple(name("drop", given) for given in options.drop),
        time=name("time", options.time) if options.time else None,
        group=name("group", options.group) if options.group else None,
    )


def choose_split(profiles: Mapping[str, Profile], target: Target, options: Options) -> Split:
    """Divide by time or group where one is named, by an entity that repeats, else by a hash of the rows."""
    if options.time:
        return splits.by_time(profiles[options.time].column)
    if options.group:
        return splits.by_group(profiles[options.group].column, f"by {options.group}: all its rows are in one split")
    if entity := next(filter(is_entity, profiles.values()), None):
        why = f"by {entity.name}: its {entity.distinct:,} values repeat in {entity.rows:,} rows"
        return splits.by_group(entity.column, why)
    compared = [each.column for each in profiles.values() if each.kind != "id"]
    return splits.by_rows(compared, target.ones)


def is_entity(each: Profile) -> bool:
    """Whether a column names something that several rows are about, such as a customer."""
    if each.missing or each.column.type == "FLOAT" or each.column.is_date or each.distinct == each.rows:
        return False
    named = ENTITY.search(each.name) is not None and each.rows / each.distinct <= ROWS_OF_ENTITY
    return each.distinct >= FEWEST_ENTITIES and (each.kind == "id" or named)


def why_left_out(
    profiles: Sequence[Profile], leaks: Sequence[Leak], split: Split, options: Options
) -> dict[str, str]:  # fmt: skip
    """Return the columns that a model does not get, each with the reason."""
    sure = {leak.column: f"LEAK? {leak.evidence}" for leak in leaks if leak.is_sure}
    found = {}
    for each in profiles:
        if each.name in options.drop:
            found[each.name] = "left out as asked by --drop"
        elif each.name in options.keep and each.kind != "empty":
            continue
        elif each.name in sure:
            found[each.name] = sure[each.name]
        elif each.kind in WHY_NOT:
            found[each.name] = f"{each.why}: {WHY_NOT[each.kind]}"
        elif each.name == split.column and split.by == "time":
            found[each.name] = "the time of the row: later rows have values that no model has seen"
        elif each.name == split.column:
            found[each.name] = "the group by which rows are divided: no group of the test has been seen"
    return found


def not_read(table: pa.Table, columns: Sequence[Column]) -> list[str]:
    """Say which columns of a table no feature could read."""
    known = {column.source for column in columns}
    return [
        f"{name} is left out: no feature reads {table.schema.field(name).type}"
        for name in table.column_names if name not in known
    ]  # fmt: skip


def warnings(plan: Plan) -> list[str]:
    """Return what people should know before they trust the numbers."""
    found = []
    # The time of a row tells rows apart that are the same otherwise: copies in train of what the test asks.
    when = plan.split.column if plan.split.by == "time" else ""
    compared = [each.column for each in plan.profiles if each.kind != "id" and each.name != when]
    again, across = splits.repeated(splits.row_hashes(compared), plan.split)
    if again:
        where = f"{across:,} of them in several splits" if across else "each with its copies in one split"
        found.append(f"{again:,} rows are equal to another one, {where}")
    for each in plan.profiles:
        if is_entity(each) and (several := splits.in_several(each.column, plan.split)):
            found.append(f"{several:,} values of {each.name} are in several splits; --group {each.name} prevents it")
    if plan.target.is_rare:
        share = f"{plan.target.rate:.1%}"
        found.append(f"label {plan.target.event} is {share} of the rows: the decision threshold is that share")
    if plan.references.noise > 0.03:
        found.append(f"few test rows: the interval of AUC is about ± {plan.references.noise:.2f}")
    if plan.references.trees > TOO_GOOD_AUC:
        found.append("boosted trees are almost perfect: do some columns together tell the answer?")
    return found
