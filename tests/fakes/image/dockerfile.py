"""Parse a Dockerfile with the instructions that ours uses; any other is an error.

https://docs.docker.com/reference/dockerfile/
"""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import ConfigError

INSTRUCTIONS = ("FROM", "ARG", "ENV", "LABEL", "WORKDIR", "COPY", "RUN", "USER", "ENTRYPOINT", "CMD")
VARIABLE = re.compile(r"\$\{(\w+)\}|\$(\w+)")
FLAG = re.compile(r"--([a-z]+)=(\S+)\s+")


@dataclass(frozen=True)
class Secret:
    """A file that is mounted at ``target`` for one RUN, and is in no layer."""

    id: str
    target: str


@dataclass(frozen=True)
class Run:
    """A shell command with its environment, user and working folder."""

    line: int
    text: str
    command: str
    environment: Mapping[str, str]
    folder: str
    user: str
    secrets: tuple[Secret, ...] = ()


@dataclass(frozen=True)
class Copy:
    """Files of the build context or of an earlier stage, and their target."""

    line: int
    text: str
    sources: tuple[str, ...]
    target: str
    stage: str | None = None


@dataclass(frozen=True)
class Stage:
    """The instructions from one FROM to the next, and the settings of a container of it."""

    name: str
    base: str
    steps: tuple[Run | Copy, ...]
    environment: Mapping[str, str]
    labels: Mapping[str, str]
    user: str
    folder: str
    command: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] | None = None


@dataclass
class _Draft:
    """A stage that is being parsed."""

    name: str
    base: str
    arguments: dict[str, str]
    environment: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    steps: list[Run | Copy] = field(default_factory=list)
    user: str = "root"
    folder: str = "/"
    command: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] | None = None

    def done(self) -> Stage:
        return Stage(
            self.name, self.base, tuple(self.steps), self.environment, self.labels, self.user, self.folder,
            self.command, self.entrypoint,
        )  # fmt: skip


def read_dockerfile(path: Path, **arguments: str) -> tuple[Stage, ...]:
    """Parse a Dockerfile into its stages, in order; ``arguments`` are those of ``--build-arg``.

    Raises:
        ConfigError: an unknown instruction, flag or variable.
    """
    given: dict[str, str] = {}
    drafts: list[_Draft] = []
    for line, text in instructions(path.read_text(encoding="utf-8")):
        name, _, rest = text.partition(" ")
        try:
            if name not in INSTRUCTIONS:
                raise ValueError(f"not one of {', '.join(INSTRUCTIONS)}")
            if name == "FROM":
                drafts.append(_from(rest, given, drafts))
            elif not drafts:
                given |= _argument(name, rest, given, arguments)
            else:
                _read(drafts[-1], line, name, rest.strip(), arguments)
        except ValueError as error:
            raise ConfigError(f"{path}, line {line}", str(error), received=text) from error
    return tuple(draft.done() for draft in drafts)


def instructions(text: str) -> Iterator[tuple[int, str]]:
    """Yield the number of the first line and the text of each instruction, lines joined, comments removed.

    >>> list(instructions("# x\\nRUN a \\\\\\n  # y\\n  && b\\n"))
    [(2, 'RUN a && b')]
    """
    begun, parts = 0, list[str]()
    for number, line in enumerate(text.splitlines(), start=1):
        content = line.strip()
        if not content or content.startswith("#"):
            continue
        begun = begun if parts else number
        parts.append(content.removesuffix("\\").strip())
        if not content.endswith("\\"):
            yield begun, " ".join(parts)
            parts = []
    if parts:
        yield begun, " ".join(parts)


def expand(text: str, values: Mapping[str, str]) -> str:
    """Replace variables by their values.

    >>> expand("/opt/${NAME}:$PATH", {"NAME": "a", "PATH": "/bin"})
    '/opt/a:/bin'
    """

    def value(found: "re.Match[str]") -> str:
        name = found.group(1) or found.group(2)
        if name not in values:
            raise ValueError(f"variable {name} is not set")
        return values[name]

    return VARIABLE.sub(value, text)


def _from(rest: str, given: Mapping[str, str], drafts: list[_Draft]) -> _Draft:
    words = expand(rest, given).split()
    if len(words) not in (1, 3) or (len(words) == 3 and words[1] != "AS"):
        raise ValueError("expected FROM image [AS name]")
    base = next((draft for draft in drafts if draft.name == words[0]), None)
    if base is None:
        return _Draft(words[-1] if len(words) == 3 else "", words[0], dict(given))
    return _Draft(
        words[-1], words[0], dict(given), environment=dict(base.environment), user=base.user, folder=base.folder
    )


def _argument(name: str, rest: str, given: Mapping[str, str], arguments: Mapping[str, str]) -> dict[str, str]:
    if name != "ARG":
        raise ValueError("only ARG is allowed before the first FROM")
    key, _, default = rest.partition("=")
    return {key: arguments.get(key, given.get(key, default))}


def _read(draft: _Draft, line: int, name: str, rest: str, arguments: Mapping[str, str]) -> None:
    """Apply one instruction to a draft."""
    values = draft.arguments | draft.environment
    match name:
        case "ARG":
            draft.arguments |= _argument(name, rest, draft.arguments, arguments)
        case "ENV" | "LABEL":
            (draft.environment if name == "ENV" else draft.labels).update(_pairs(rest, values))
        case "WORKDIR" | "USER":
            setattr(draft, {"WORKDIR": "folder", "USER": "user"}[name], expand(rest, values))
        case "ENTRYPOINT" | "CMD":
            setattr(draft, {"ENTRYPOINT": "entrypoint", "CMD": "command"}[name], tuple(json.loads(rest)))
        case "COPY":
            draft.steps.append(_copy(line, rest, values))
        case _:
            draft.steps.append(_run(draft, line, rest))


def _pairs(rest: str, values: Mapping[str, str]) -> dict[str, str]:
    words = [word.partition("=") for word in shlex.split(rest)]
    if not all(separator for _, separator, _ in words):
        raise ValueError("expected NAME=VALUE")
    return {key: expand(value, values) for key, _, value in words}


def _flags(rest: str) -> tuple[list[tuple[str, str]], str]:
    found = []
    while match := FLAG.match(rest):
        found.append((match.group(1), match.group(2)))
        rest = rest[match.end() :]
    if rest.startswith("--"):
        raise ValueError("unknown flag")
    return found, rest


def _copy(line: int, rest: str, values: Mapping[str, str]) -> Copy:
    flags, named = _flags(rest)
    words = expand(named, values).split()
    if [key for key, _ in flags] not in ([], ["from"]) or len(words) < 2:
        raise ValueError("expected COPY [--from=stage] source... target")
    return Copy(line, f"COPY {rest}", tuple(words[:-1]), words[-1], dict(flags).get("from"))


def _run(draft: _Draft, line: int, rest: str) -> Run:
    flags, command = _flags(rest)
    environment = draft.arguments | draft.environment
    secrets = tuple(_secret(*flag) for flag in flags)
    return Run(line, f"RUN {rest}", command, environment, draft.folder, draft.user, secrets)


def _secret(flag: str, value: str) -> Secret:
    parts = dict(part.partition("=")[::2] for part in value.split(","))
    if flag != "mount" or parts.keys() != {"type", "id", "target"} or parts["type"] != "secret":
        raise ValueError("the only flag allowed for RUN is --mount=type=secret,id=...,target=...")
    return Secret(parts["id"], parts["target"])
