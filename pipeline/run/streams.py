"""Standard output and error that never end a run: what cannot be written, or not in its alphabet, is let go."""

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
    """A file descriptor, unbuffered: its reader may be gone, its disk full, its terminal closed.

    Nothing waits in a buffer, so that nothing is left that could fail when the interpreter ends.
    """

    def write(self, data: Any) -> int:
        """Takes all, and writes what can be written."""
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
    """A text stream on a descriptor, which stays open when the stream is closed."""
    raw = BestEffortFile(descriptor, "w", closefd=False)
    return io.TextIOWrapper(raw, encoding, "backslashreplace", write_through=True)


def run_main(main: Callable[[list[str]], int]) -> NoReturn:
    """Runs a command line of this process to its end, whatever becomes of those who read what it says.

    Ctrl-C interrupts it, even where a script started it in the background, which makes it ignore SIGINT.
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
    """Makes standard output and error such streams, for the rest of the process; closed ones lead nowhere."""
    reopen_closed_descriptors()
    sys.stdout = best_effort_stream(1, encoding_of(sys.stdout))
    sys.stderr = best_effort_stream(2, encoding_of(sys.stderr))


def reopen_closed_descriptors() -> None:
    """Standard descriptors that are closed lead nowhere: else the next file that is opened would take their place."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest free descriptor is this one; children find it open, too.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def encoding_of(stream: TextIO | None) -> str:
    """The alphabet of a stream.

    >>> encoding_of(None)
    'utf-8'
    """
    return getattr(stream, "encoding", None) or "utf-8"


def json_text(content: Any, encoding: str, indent: int | None = None) -> str:
    r"""JSON that can be written in an alphabet: as it reads best, or else with escapes.

    >>> json_text(["→"], "utf-8"), json_text(["→"], "ascii")
    ('["→"]', '["\\u2192"]')
    """
    text = json.dumps(content, indent=indent, ensure_ascii=False)
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return json.dumps(content, indent=indent)
    return text
