"""A Python file as the cache sees it: a hash of its compiled code, its imports, and the dotted names in its strings.

The hash is of bytecode rather than of text, so that an edit to a comment or to the layout costs no run. Compiling is
also three times as fast as walking syntax trees, which matters because every start hashes some 200 files.
"""

import dis
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from modulefinder import ModuleFinder
from types import CodeType
from typing import Any

# Of a file or a folder.
FILE_NAME = re.compile(r"\w[\w.-]*")
DOTTED_NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")
# Of a module's data files and of their folder, at most.
NAME_LENGTH = 64
_IMPORT = dis.opmap["IMPORT_NAME"]
_FINDER = ModuleFinder(path=[])


@dataclass(frozen=True)
class CompiledSource:
    """``imports`` are absolute; ``from a import b`` may mean the module a.b, so that both are in there.

    ``words`` are the strings that could name a file or folder beside it, ``dotted_names`` those that could name a
    module.
    """

    digest: str
    imports: frozenset[str]
    dotted_names: frozenset[str]
    words: frozenset[str]


def compile_source(content: bytes, package: str, file: str) -> CompiledSource:
    """Compile the text of a module, without running it.

    Args:
        content: the text, as the file holds it.
        package: the package that the module is in, or is; a relative import starts there.
        file: named by a SyntaxError.

    Raises:
        SyntaxError: the text is not Python.
    """
    codes = list(_nested(compile(content, file, "exec", dont_inherit=True)))
    digest = hashlib.sha256(repr([_facts(code) for code in codes]).encode()).hexdigest()
    imports = frozenset(name for code in codes for name in _imports(code, package))
    texts = {value for code in codes for value in _flat(code.co_consts) if isinstance(value, str)}
    names = frozenset(filter(DOTTED_NAME.fullmatch, texts))
    words = frozenset(text for text in texts if len(text) <= NAME_LENGTH and FILE_NAME.fullmatch(text))
    return CompiledSource(digest, imports, names, words)


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)


def _facts(code: CodeType) -> tuple[Any, ...]:
    """Everything that a code object does; not where its lines are."""
    return (
        code.co_name, code.co_code, getattr(code, "co_exceptiontable", b""), code.co_names, code.co_varnames,
        code.co_freevars, code.co_cellvars, code.co_flags, code.co_argcount, code.co_posonlyargcount,
        code.co_kwonlyargcount, [_constant(value) for value in code.co_consts],
    )  # fmt: skip


def _constant(value: Any) -> Any:
    if isinstance(value, CodeType):
        return "code"
    # The order of a set differs from process to process.
    return sorted(map(repr, value)) if isinstance(value, frozenset) else repr(value)


def _flat(constants: tuple[Any, ...] | frozenset[Any]) -> Iterator[Any]:
    for value in constants:
        if isinstance(value, (tuple, frozenset)):
            yield from _flat(value)
        else:
            yield value


def _imports(code: CodeType, package: str) -> Iterator[str]:
    if _IMPORT not in code.co_code[::2]:
        return
    for kind, found in _FINDER.scan_opcodes(code):
        if kind == "absolute_import":
            names, module = found
        elif kind == "relative_import":
            level, names, module = found
            module = ".".join(filter(None, [package.rsplit(".", level - 1)[0], module]))
        else:
            continue
        yield module
        yield from (f"{module}.{name}" for name in names or ())
