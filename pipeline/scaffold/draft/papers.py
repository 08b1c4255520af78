"""The texts of config.yaml and README.md, and what is printed: every decision in words."""

from collections.abc import Iterator

from pipeline.scaffold.columns.profile import Profile
from pipeline.scaffold.draft.workload import Draft, share_text, yaml_text
from pipeline.splits import SPLITS

ROWS = "rows"
WORDS = 100


def config_text(draft: Draft) -> str:
    """Return the text of config.yaml."""
    plan = draft.plan
    sizes = ", ".join(f"{rows:,} {name}" for name, rows in plan.split.sizes().items())
    report = ""
    if plan.sensitive:
        report = ("# The report compares groups of people by these columns, proposed by their names: confirm them.\n"
                  f"# report:\n#   sensitive: [{', '.join(map(yaml_text, plan.sensitive))}]\n")  # fmt: skip
    return f"""\
# {draft.label} from {draft.source}; start runs in the folder above this one.
name: {yaml_text(draft.name)}
workload: ./{draft.package}
data:
  # A copy of the rows as they were read: the source is not changed. --update writes it again.
  path: {draft.package}/{ROWS}
  # {plan.split.why}: {sizes}.
{split_lines(draft)}\
training:
  # Enough steps for a small table; training stops when eval no longer improves.
  epochs: {draft.epochs}
  early_stopping_patience: {4 if draft.epochs < 30 else 8}
  # About a hundredth of the train rows.
  batch_size: {draft.batch_size}
  learning_rate: 2e-3
  weight_decay: 1e-4
  weight_averaging: 0.6
{report}"""


def split_lines(draft: Draft) -> str:
    """Return the lines of the split: divided folders, or by a column."""
    split = draft.plan.split
    if split.by == "rows":
        return "  split: given\n"
    if split.by == "time":
        first, second = (f'"{cut}"' if isinstance(cut, str) else str(cut) for cut in split.cuts or ())
        return f"  split_by: {{time: {yaml_text(split.column)}, cuts: [{first}, {second}]}}\n"
    shares = ", ".join(f"{name}: {share:g}" for name, share in zip(SPLITS, split.shares, strict=True))
    return f"  split_by: {{key: {yaml_text(split.column)}, shares: {{{shares}}}}}\n"


def readme_text(draft: Draft) -> str:
    """Return the text of README.md: what was decided, and what to look at."""
    plan, found = draft.plan, draft.plan.references
    left_out = ", ".join(plan.left_out) or "none"
    return f"""\
# {draft.name}

Predicts `{draft.label}` from {draft.source}: {draft.rows:,} rows, {plan.target.rate:.1%} of them {draft.event}.

- Run it in the folder above this one: `python local_runner.py --config {draft.package}`
- The model gets {len(plan.inputs)} columns. Left out, with reasons in `features.py`: {left_out}.
- Split: {plan.split.why}.
- Test AUC of a logistic regression {found.linear:.3f}, of boosted trees {found.trees:.3f}; bound {found.auc_bound}.
- Look at `features.py` (is each column known before the event?) and `evaluation.py` (which slices matter?).
- Fill in `card.py`: the report marks its blanks.
- After an edit: `python -m pipeline.scaffold --check {draft.package}`. With new rows: `--update`. To undo: `--remove`.
"""


def session(draft: Draft) -> Iterator[str]:
    """Yield the lines that are printed."""
    plan, found = draft.plan, draft.plan.references
    without = f"; {plan.target.without:,} rows without a label are left out" if plan.target.without else ""
    yield f"{draft.name}: {draft.rows:,} rows, label {draft.label}: {draft.event} in {plan.target.rate:.1%}{without}"
    read = [f"{each.name} {each.column.note}" for each in plan.profiles if each.column.note]
    renamed = [f"{each.column.source!r} is {each.name}" for each in plan.profiles if each.column.source != each.name]
    yield from named("read", [*draft.notes, *read, *renamed])
    yield from named("features", [shown(each) for each in plan.inputs])
    leaks = {leak.column for leak in plan.leaks if leak.is_sure}
    out = [f"{name} ({why.partition(':')[0]})" for name, why in plan.left_out.items() if not why.startswith("LEAK?")]
    yield from named("left out", out)
    for leak in plan.leaks:
        out_of_model = leak.column in leaks and leak.column in plan.left_out
        end = f"commented out; --keep {leak.column} keeps it" if out_of_model else "kept"
        yield line("LEAK?" if leak.is_sure else "LOOK", f"{leak.column}: {leak.evidence}; {end}")
    sizes = ", ".join(f"{rows:,} {name}" for name, rows in plan.split.sizes().items())
    yield line("split", f"{plan.split.why} ({sizes})")
    yield line("reference", f"log loss of the base rate {found.rate_log_loss:.3f}; AUC of a logistic regression "
               f"{found.linear:.3f}, of boosted trees {found.trees:.3f}; bound AUC ≥ {found.auc_bound}")  # fmt: skip
    yield from (line("warning", text) for text in plan.lines)
    if plan.sensitive:
        yield line("sensitive?", f"{', '.join(plan.sensitive)}: confirm in config.yaml")


def shown(each: Profile) -> str:
    """Return a column with what matters of it."""
    kinds = {"category": f"{each.distinct:,} values", "date": "date", "whole": f"{each.distinct} numbers"}
    parts = [kinds.get(each.kind, ""), f"{share_text(each.missing / each.rows)} missing" if each.missing else ""]
    inside = ", ".join(filter(None, parts))
    return f"{each.name} ({inside})" if inside else each.name


def named(name: str, items: list[str]) -> Iterator[str]:
    """Yield items behind a name, on as many lines as they need; nothing if there are none."""
    rest = ""
    for number, item in enumerate(items):
        end = "" if number == len(items) - 1 else ","
        if rest and len(rest) + len(item) > WORDS:
            yield line(name, rest)
            name, rest = "", ""
        rest = f"{rest} {item}{end}".strip()
    if rest:
        yield line(name, rest)


def line(name: str, text: str) -> str:
    """Return a line of what is printed.

    >>> line("split", "by day")
    '  split        by day'
    """
    return f"  {name:12} {text}"
