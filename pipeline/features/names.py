"""Names of columns and of what becomes of them: TensorFlow names inputs, layers and files so, each of its own."""

import re
from collections.abc import Iterable

from pipeline.errors import ConfigError

USABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
# Inputs are arguments of a method of TensorFlow.
TAKEN = {"self"}
# A vocabulary's file is named so, with some letters more, and no file system takes more than 255.
LONGEST = 128


def check_column(name: str) -> None:
    """Looks at the name of a column that a feature reads.

    Raises:
        ConfigError: the exported model could have no input of that name.
    """
    if not USABLE.fullmatch(name) or len(name) > LONGEST or name in TAKEN:
        raise ConfigError(
            f"feature table, column {name[:LONGEST]!r}", "TensorFlow takes no such name for an input of a model",
            expected=f"a letter, then letters without accents, digits and _; at most {LONGEST} in all, and not 'self'",
            received=repr(name) if len(name) <= LONGEST else f"{len(name)} characters",
            next_step=f"Rename the column in the files, in schemas/ and in the table, for example to {usable(name)!r}.",
        )  # fmt: skip


def usable(name: str) -> str:
    """The nearest name that can be used.

    >>> usable("home.city"), usable("1st floor"), usable("größe"), usable("")
    ('home_city', 'x_1st_floor', 'gr_e', 'column')
    """
    words = "_".join(re.findall("[A-Za-z0-9]+", name))[: LONGEST - 2] or "column"
    return words if words[0].isalpha() and words not in TAKEN else f"x_{words}"


def check_apart(named: Iterable[tuple[str, str]]) -> None:
    """Compares names, each with what it is of.

    Raises:
        ConfigError: two have one name, or names that differ only by case.
    """
    found: dict[str, tuple[str, str]] = {}
    for name, of in named:
        other, before = found.get(name.casefold(), ("", ""))
        if other:
            what = "come to one name" if other == name else "come to names that differ only by case"
            raise ConfigError(
                "feature table", f"{before} and {of} {what}", expected="a name of its own for each",
                received=" and ".join(dict.fromkeys([other, name])),
                next_step="Drop one of them, or rename its column in the files, in schemas/ and in the table.",
            )  # fmt: skip
        found[name.casefold()] = (name, of)
