"""Tune Python's garbage collector to processes that import TensorFlow and trace models, and free their memory."""

import atexit
import contextlib
import ctypes
import gc
import sys
from collections.abc import Iterator


def collect_rarely() -> None:
    """Look for cyclic garbage after 50,000 new objects, instead of 700.

    Imports and traces make a million objects that stay. Walking them again and again took a tenth of the processor time
    of a start, and as much of tracing a model.
    """
    gc.set_threshold(50_000, 20, 20)


@contextlib.contextmanager
def ignoring_imports() -> Iterator[None]:
    """Keep the collector from walking all objects that exist now while the block runs: most belong to modules."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def release_memory() -> None:
    """Free garbage in cycles, and return empty pages to the operating system.

    glibc keeps freed pages below the last one in use. After a training on ten million rows these, and datasets that
    refer to each other, were 380 MB (https://man7.org/linux/man-pages/man3/malloc_trim.3.html).
    """
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)


def skip_final_collection() -> None:
    """Exit without the interpreter's last walk over all that TensorFlow made, which takes seconds."""
    atexit.unregister(gc.freeze)
    atexit.register(gc.freeze)
