"""The command line: from the user's files to a workload's, and what happens to them later."""

import argparse
import importlib.util
import keyword
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import ConfigError, MainlineError, fail
from pipeline.features.names import usable
from pipeline.shell import line, near, option, script

EPILOG = "exit codes: 0 done; 1 any other failure; 2 bad input"
EXAMPLES = "python -m pipeline.scaffold customers.csv --label churned"
# Options that read the rows; kept in the record, so that --check and --update read them the same way.
READING = ("encoding", "delimiter", "decimal", "order")
DECIDING = ("label", "positive", "time", "group", "keep", "drop")


def parse(arguments: list[str], program: str = "python -m pipeline.scaffold") -> argparse.Namespace:
    """Parse the command line; ``program`` is what the user has typed before it."""
    parser = argparse.ArgumentParser(
        prog=program, epilog=EPILOG,
        description=f"Draft a workload from a table: {EXAMPLES}. The source is never changed.",
    )  # fmt: skip
    parser.add_argument("rows", nargs="*", type=Path, metavar="FILE", help="CSV, JSON Lines or Parquet, .gz or not")
    parser.add_argument("--label", metavar="COL", help="the column to predict, of two values")
    parser.add_argument("--positive", metavar="VALUE", help="of the label: the event; default: 1, yes or true")
    parser.add_argument("--name", metavar="NAME", help="of the workload and its folder; default: that of the file")
    parser.add_argument("--time", metavar="COL", help="when each row was known: the latest rows are the test")
    parser.add_argument("--group", metavar="COL", help="rows with the same value stay in one split")
    parser.add_argument("--keep", action="append", default=[], metavar="COL", help="a feature, whatever speaks against")
    parser.add_argument("--drop", action="append", default=[], metavar="COL", help="no feature")
    parser.add_argument("--encoding", metavar="NAME", help="of CSV; default: UTF-8, or as a byte order mark says")
    parser.add_argument("--delimiter", type=_sign, metavar="SIGN", help="of CSV; default: told from the rows")
    parser.add_argument("--decimal", choices=(".", ","), help="default: told from the rows")
    parser.add_argument("--date-order", dest="order", choices=("dmy", "mdy"), help="for dates such as 1/2/2024")
    later = parser.add_mutually_exclusive_group()
    later.add_argument("--check", type=Path, metavar="FOLDER", help="compare an edited workload with its rows")
    later.add_argument("--update", type=Path, metavar="FOLDER", help="draft again; edited files are kept")
    later.add_argument("--remove", type=Path, metavar="FOLDER", help="remove the files that nobody edited")
    options = parser.parse_args(arguments)
    if not (options.check or options.update or options.remove) and not (options.rows and options.label):
        parser.error(f"give the rows and the label, such as: {EXAMPLES}")
    return options


def _sign(given: str) -> str:
    r"""Return a delimiter; ``\t``, as people type it, is a tab."""
    sign = "\t" if given == "\\t" else given
    if len(sign) != 1 or sign in '"\r\n':
        raise argparse.ArgumentTypeError(f"expected one character, received {given!r}")
    return sign


def main(arguments: list[str], program: str = "python -m pipeline.scaffold") -> int:
    """Run the command; print an error as a message and return the exit code."""
    options = parse(arguments, program)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Threads of scikit-learn that wait by spinning take the time of those that work, if the machine has other work.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        if options.remove:
            return _remove(options.remove)
        if options.check:
            return _check(options)
        return _update(options) if options.update else _draft(options)
    except (MainlineError, OSError) as error:
        return fail(error)


def _draft(options: argparse.Namespace) -> int:
    from pipeline.scaffold.changes import write_new
    from pipeline.scaffold.draft.files import files_of

    package = package_name(options.name or _stem(options.rows[0]))
    folder = Path(package)
    given = {"sources": [str(path) for path in options.rows], **_given(options)}
    draft = _drafted(package, given)
    write_new(folder, files := files_of(draft), given)
    print(f"wrote          {len(files)} files in {near(folder)}; next: read features.py, fill in card.py, and run")
    print(f"  {line(*script('local_runner.py'), *option('--config', package))}")
    return 0


def _drafted(package: str, given: Mapping[str, Any]) -> Any:
    """Read the rows, decide, and print what was decided."""
    from pipeline.scaffold.draft.papers import session
    from pipeline.scaffold.draft.workload import Draft
    from pipeline.scaffold.plan import Options, make_plan
    from pipeline.scaffold.rows.files import read_files

    source = read_files([Path(path) for path in given["sources"]], given["encoding"], given["delimiter"])
    options = Options(
        given["label"], given["positive"], given["time"], given["group"], tuple(given["keep"]), tuple(given["drop"]),
        given["decimal"], given["order"],
    )  # fmt: skip
    plan = make_plan(source.table, options, ", ".join(map(str, source.files)))
    draft = Draft(package, tuple(map(str, source.files)), plan, source.lines)
    print("\n".join(session(draft)))
    return draft


def _update(options: argparse.Namespace) -> int:
    from pipeline.scaffold.changes import read_record, update
    from pipeline.scaffold.draft.files import files_of

    given = _again(options, read_record(options.update).arguments)
    draft = _drafted(options.update.resolve().name, given)
    changes = list(update(options.update, files_of(draft), given))
    print("\n".join(changes) if changes else "no file differs from its draft")
    return 0


def _check(options: argparse.Namespace) -> int:
    from pipeline.scaffold.changes import read_record
    from pipeline.scaffold.check import check_rows, check_workload
    from pipeline.scaffold.columns.column import read_columns
    from pipeline.scaffold.rows.files import read_files

    began = time.perf_counter()
    given = _again(options, read_record(options.check).arguments)
    schema = check_workload(options.check)
    source = read_files([Path(path) for path in given["sources"]], given["encoding"], given["delimiter"])
    columns = read_columns(source.table, given["decimal"], given["order"])
    check_rows(columns, given["sources"], schema, usable(given["label"]), str(options.check))
    print(f"{options.check}: config, features, schema and {source.table.num_rows:,} rows fit together "
          f"({time.perf_counter() - began:.1f} s)")  # fmt: skip
    return 0


def _remove(folder: Path) -> int:
    from pipeline.scaffold.changes import remove

    print("\n".join([*remove(folder), f"removed what was written into {folder}"]))
    return 0


def _given(options: argparse.Namespace) -> dict[str, Any]:
    return {name: getattr(options, name) for name in (*DECIDING, *READING)}


def _again(options: argparse.Namespace, before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of the record, replaced by those that are given now."""
    now = {name: value for name, value in _given(options).items() if value}
    return {**before, **now, **({"sources": [str(path) for path in options.rows]} if options.rows else {})}


def _stem(path: Path) -> str:
    return path.resolve().name.partition(".")[0]


def package_name(name: str) -> str:
    """Return the name of a package for a workload.

    >>> package_name("customer-churn"), package_name("Taxi 2024")
    ('customer_churn', 'taxi_2024')

    Raises:
        ConfigError: another package or a config of the project has it.
    """
    from pipeline.config.load import CONF

    package = usable(name).lower()[:63]
    if keyword.iskeyword(package):
        raise ConfigError(f"--name {name}", "a word of Python is no name of a package", received=package,
                          next_step=f"Such as --name {package}_model.")  # fmt: skip
    if any((CONF / f"{each}.yaml").exists() for each in (package, package.replace("_", "-"))):
        raise ConfigError(f"--name {name}", "a config of the project has this name, and --config would run that one",
                          received=package, next_step=f"Such as --name {package}_model.")  # fmt: skip
    found = importlib.util.find_spec(package)
    here = str(Path(package).resolve())
    if found is None or {os.path.abspath(path) for path in found.submodule_search_locations or ()} == {here}:
        return package
    raise ConfigError(f"--name {name}", "another package has this name", received=str(found.origin or package),
                      expected="a name of its own", next_step=f"Such as --name {package}_model.")  # fmt: skip
