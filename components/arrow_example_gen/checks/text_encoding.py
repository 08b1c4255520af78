"""Finding the first value of an Arrow column that is not valid UTF-8, whatever the file format."""

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import DataError

NOT_UTF8 = "a byte that is not UTF-8"


def first_not_utf8(values: pa.Array) -> int | None:
    r"""Return the index of the first row that is not UTF-8; rows are strings, bytes, lists or a dictionary of these.

    >>> first_not_utf8(pa.array([b"a", None, b"\xff"])), first_not_utf8(pa.array(["a", "\u00e4"]))
    (2, None)
    """
    if pa.types.is_dictionary(values.type):
        return None if _are_utf8(values.dictionary) else first_not_utf8(values.dictionary_decode())
    if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
        index = first_not_utf8(pc.list_flatten(values))
        return None if index is None else int(pc.list_parent_indices(values)[index].as_py())
    return None if _are_utf8(values) else first_failing(values, _are_utf8)


def first_failing(values: pa.Array, is_valid: Callable[[pa.Array], bool]) -> int:
    """Return the index of the first value for which ``is_valid`` is False, by bisection; there must be one.

    >>> first_failing(pa.array([1, 2, 3, 4]), lambda values: 3 not in values.to_pylist())
    2
    """
    start, count = 0, len(values)
    while count > 1:
        half = count // 2
        if is_valid(values.slice(start, half)):
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
    """Return the error for text in another encoding, which ``encoding`` guesses for the advice."""
    return DataError(where, NOT_UTF8, expected="UTF-8 text", received=received,
                     next_step=f"Convert the file, for example: iconv -f {encoding} -t utf-8.")  # fmt: skip
