"""Standard output and error that never fail: output that cannot be written is dropped or escaped."""

import contextlib
import io
import json
import os
import select
import signal
import sys
from collections.abc import Callable
from typing import Any, NoReturn, TextIO


class BestEffortFile(io.FileIO):
    """An unbuffered file descriptor whose reader may be gone, whose disk may be full, or whose terminal may be closed.

    Without a buffer, nothing is left that could fail when the interpreter exits.
    """

    def write(self, data: Any) -> int:
        """Accept all data, and write as much of it as possible."""
        view = memoryview(data).cast("B")
        rest = view
        with contextlib.suppress(OSError, ValueError):
            while rest:
                written = super().write(rest)
                if written is None:
                    select.select([], [self], [])
                rest = rest[written or 0 :]
        return len(view)


def best_effort_stream(descriptor: int, encoding: str) -> io.TextIOWrapper:
    """A text stream on a descriptor; closing the stream leaves the descriptor open."""
    raw = BestEffortFile(descriptor, "w", closefd=False)
    return io.TextIOWrapper(raw, encoding, "backslashreplace", write_through=True)


def run_main(main: Callable[[list[str]], int]) -> NoReturn:
    """Run the main function of a command and exit with its code, even if its output can no longer be written.

    Ctrl-C interrupts it, even where a script started it in the background, where SIGINT is ignored.
    """
    tolerate_broken_streams()
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        code = main(sys.argv[1:])
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        code = 1
    sys.exit(code)


def tolerate_broken_streams() -> None:
    """Make standard output and error best-effort streams for the rest of the process."""
    reopen_closed_descriptors()
    sys.stdout = best_effort_stream(1, encoding_of(sys.stdout))
    sys.stderr = best_effort_stream(2, encoding_of(sys.stderr))


def reopen_closed_descriptors() -> None:
    """Open closed standard descriptors on /dev/null; otherwise the next file to be opened would get their numbers."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            # open() returns the lowest free descriptor, which is this one. Children inherit it.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def encoding_of(stream: TextIO | None) -> str:
    """The encoding of a stream, by default UTF-8.

    >>> encoding_of(None)
    'utf-8'
    """
    return getattr(stream, "encoding", None) or "utf-8"


def json_text(content: Any, encoding: str, indent: int | None = None) -> str:
    r"""JSON that can be written in an encoding: readable if possible, otherwise with escapes.

    >>> json_text(["→"], "utf-8"), json_text(["→"], "ascii")
    ('["→"]', '["\\u2192"]')
    """
    text = json.dumps(content, indent=indent, ensure_ascii=False)
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return json.dumps(content, indent=indent)
    return text
