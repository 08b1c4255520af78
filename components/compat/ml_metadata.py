"""A hook into the calls of ML Metadata (1.16.0, 1.21.0), which has none."""

import functools
from collections.abc import Callable
from typing import Any

from google.protobuf.message import Message

Call = Callable[[Message, Message], None]
Wrapper = Callable[[Call, Message, Message], None]


def wrap_calls(backend: str, wrapper: Wrapper) -> None:
    """Let ``wrapper(call, request, response)`` make every call of the stores of this process on a backend.

    Only the first wrapper of a process counts.

    Why: on PostgreSQL ML Metadata writes wrong SQL and returns rows in no order: see pipeline/metadata/postgresql.py.
    Upstream: every method of ``MetadataStore`` calls ``_pywrap_cc_call(method, request, response)`` in
    ml_metadata/metadata_store/metadata_store.py; ``_config`` is the ``ConnectionConfig`` of the store.
    If it goes: ``AttributeError`` when a config names PostgreSQL; SQLite and MySQL are not affected.
    """
    from ml_metadata.metadata_store import MetadataStore

    original = MetadataStore._pywrap_cc_call
    if hasattr(original, "__wrapped__"):
        return

    @functools.wraps(original)
    def wrapped(self: Any, method: Any, request: Message, response: Message) -> None:
        call = functools.partial(original, self, method)
        if self._config.WhichOneof("config") == backend:
            wrapper(call, request, response)
        else:
            call(request, response)

    MetadataStore._pywrap_cc_call = wrapped
