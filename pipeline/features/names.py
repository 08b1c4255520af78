"""Names of columns, from which the names of inputs, layers and files derive: they must be usable and distinct."""

import re
from collections.abc import Iterable

from pipeline.errors import ConfigError

USABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
# TensorFlow passes inputs as keyword arguments of a method.
RESERVED = {"self"}
# The file name of a vocabulary is longer by some letters, and file systems allow 255.
LONGEST = 128


def check_column(name: str) -> None:
    """Check the name of a column that a feature reads.

    Raises:
        ConfigError: the exported model could have no input of that name.
    """
    if not USABLE.fullmatch(name) or len(name) > LONGEST or name in RESERVED:
        raise ConfigError(
            f"feature table, column {name[:LONGEST]!r}", "TensorFlow takes no such name for an input of a model",
            expected=f"a letter, then letters without accents, digits and _; at most {LONGEST} in all, and not 'self'",
            received=repr(name) if len(name) <= LONGEST else f"{len(name)} characters",
            next_step=f"Rename the column in the files, in schemas/ and in the table, for example to {usable(name)!r}.",
        )  # fmt: skip


def usable(name: str) -> str:
    """Return the nearest name that can be used.

    >>> usable("home.city"), usable("1st floor"), usable("größe"), usable("")
    ('home_city', 'x_1st_floor', 'gr_e', 'column')
    """
    words = "_".join(re.findall("[A-Za-z0-9]+", name))[: LONGEST - 2] or "column"
    return words if words[0].isalpha() and words not in RESERVED else f"x_{words}"


def check_apart(named: Iterable[tuple[str, str]]) -> None:
    """Check that names are distinct; each comes with what it names.

    Raises:
        ConfigError: two are equal, or differ only by case.
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
