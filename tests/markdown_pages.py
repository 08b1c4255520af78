"""The Markdown pages of the documentation: their fenced blocks, commands, sections and inline code."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *(ROOT / folder / "README.md" for folder in ("data", "benchmarks")),
]
# Pages whose commands need files of their own; tests/e2e/test_own_workload.py and test_scaffold.py run them.
OWN_FILES = ("own-workload.md", "scaffold.md")
MARKDOWN = sorted({*DOCS, *ROOT.glob("*.md"), *(ROOT / "benchmarks").glob("*.md")})
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Command:
    """A command in a shell block: its document, and its words without comments and redirections."""

    document: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.document}: {' '.join(self.words)}"

    def starts(self, *words: str) -> bool:
        """Whether the command starts with these words."""
        return self.words[: len(words)] == words


def blocks(document: Path, *languages: str) -> list[str]:
    """Return the fenced blocks of a document in the given languages."""
    text = document.read_text(encoding="utf-8")
    return [content for language, content in FENCED.findall(text) if language in languages]


def commands_of(document: Path, *languages: str) -> list[Command]:
    lines = [line for block in blocks(document, *(languages or ("sh", "bash"))) for line in whole_lines(block)]
    split = (shlex.split(line.replace(" > ", " #"), comments=True) for line in lines)
    return [Command(document.relative_to(ROOT).as_posix(), tuple(words)) for words in split if words]


def whole_lines(block: str) -> list[str]:
    """Return the lines of a block, joined where they end with a backslash."""
    return block.replace("\\\n", " ").splitlines()


def section(document: str, title: str) -> str:
    """Return a section of a document by its heading, up to the next heading of any level."""
    text = (ROOT / document).read_text(encoding="utf-8")
    found = re.search(rf"^#+ {title}\n(.*?)(?=^#+ |\Z)", text, re.DOTALL | re.MULTILINE)
    assert found, f"{document}: {title}"
    return found.group(1)


def code_spans(document: Path) -> list[str]:
    """Return the inline code of a document."""
    return re.findall(r"`([^`\n]+)`", FENCED.sub("", document.read_text(encoding="utf-8")))


def page_name(document: Path) -> str:
    """Return the path of a page below the root, as the id of a test."""
    return document.relative_to(ROOT).as_posix()
