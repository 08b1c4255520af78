"""Parts of the Kubernetes client that we change.

``without_validation``
    The client imports ``kubernetes_validate`` if it is installed, and with it the JSON schemas of all versions of
    Kubernetes, which takes seconds and which nothing here uses. Upstream: ``kubernetes/dynamic/client.py``. When it
    goes: the client is imported more slowly, nothing else changes.
"""

import contextlib
import sys
from collections.abc import Iterator

VALIDATION = "kubernetes_validate"


@contextlib.contextmanager
def without_validation() -> Iterator[None]:
    """Hide the validation from a client that is imported inside the block."""
    if VALIDATION in sys.modules:
        yield
        return
    sys.modules[VALIDATION] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[VALIDATION]
