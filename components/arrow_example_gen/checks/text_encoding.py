"""Text is UTF-8, whatever the format that it comes in; which value is not."""

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import DataError

NOT_UTF8 = "a byte that is not UTF-8"


def is_utf8(content: bytes) -> bool:
    r"""Whether bytes are text; half a pair of surrogates is none.

    >>> is_utf8("Köln".encode()), is_utf8(b"K\xf6ln"), is_utf8(b"\xed\xa0\xbd")
    (True, False, False)
    """
    if content.isascii():
        return True
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def first_not_utf8(values: pa.Array) -> int | None:
    r"""The place of the first value that is not text, among texts, bytes, lists or a dictionary of these.

    >>> first_not_utf8(pa.array([b"a", None, b"\xff"])), first_not_utf8(pa.array(["a", "\u00e4"]))
    (2, None)
    """
    if pa.types.is_dictionary(values.type):
        return None if _are_utf8(values.dictionary) else first_not_utf8(values.dictionary_decode())
    if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
        place = first_not_utf8(pc.list_flatten(values))
        return None if place is None else int(pc.list_parent_indices(values)[place].as_py())
    return None if _are_utf8(values) else first_failing(values, _are_utf8)


def first_failing(values: pa.Array, fits: Callable[[pa.Array], bool]) -> int:
    """The place of the first of some values that do not all fit, found by halves.

    >>> first_failing(pa.array([1, 2, 3, 4]), lambda values: 3 not in values.to_pylist())
    2
    """
    start, count = 0, len(values)
    while count > 1:
        half = count // 2
        if fits(values.slice(start, half)):
            start, count = start + half, count - half
        else:
            count = half
    return start


def _are_utf8(values: pa.Array) -> bool:
    kind = values.type
    if pa.types.is_null(kind):
        return True
    large = pa.types.is_large_binary(kind) or pa.types.is_large_string(kind)
    try:
        values.cast(pa.large_binary() if large else pa.binary()).cast(pa.large_string() if large else pa.string())
    except pa.ArrowInvalid:
        return False
    return True


def not_utf8(where: str, received: str = "", encoding: str = "latin1") -> DataError:
    """A text of another encoding."""
    return DataError(where, NOT_UTF8, expected="UTF-8 text", received=received,
                     next_step=f"Convert the file, for example: iconv -f {encoding} -t utf-8.")  # fmt: skip


def shown(value: bytes | str, limit: int = 100) -> str:
    r"""What can be shown of bytes that may be no text.

    >>> shown(b"Z\xfcrich")
    'Z\\xfcrich'
    """
    text = value if isinstance(value, str) else value[: limit + 1].decode("utf-8", "backslashreplace")
    return text if len(text) <= limit else f"{text[:limit]}…"
