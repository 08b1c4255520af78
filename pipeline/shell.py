"""Commands printed for the user, which run as printed from the user's current folder."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def near(path: str | Path | None) -> str | None:
    """A path relative to the current folder if it is below it; never one that looks like an option."""
    if path is None:
        return None
    try:
        found = str(Path(path).relative_to(Path.cwd()))
    except ValueError:
        found = str(path)
    return f"./{found}" if found.startswith("-") else found


def line(*words: str | Path | None) -> str:
    """Words quoted for a shell; ``None`` is left out.

    >>> line("less", "my runs/run.log", None)
    "less 'my runs/run.log'"
    """
    return shlex.join(str(word) for word in words if word is not None)


def option(name: str, value: str | Path) -> list[str]:
    """The words of an option with its value, which may start with a dash.

    >>> option("--root", "my runs"), option("--root", "-x")
    (['--root', 'my runs'], ['--root=-x'])
    """
    text = str(value)
    return [f"{name}={text}"] if text.startswith("-") else [name, text]


def script(name: str) -> list[str]:
    """The words that start a script in the top folder."""
    return [str(near(sys.executable)), str(near(ROOT / name))]


def module(name: str) -> list[str]:
    """The words that start a module of the project, with PYTHONPATH unless the top folder is the current one."""
    found: Sequence[str] = () if Path.cwd() == ROOT else ("env", f"PYTHONPATH={ROOT}")
    return [*found, str(near(sys.executable)), "-m", name]


def tool(name: str) -> str:
    """A program of the current Python environment."""
    return str(near(Path(sys.executable).parent / name))
