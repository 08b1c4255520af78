"""Text of unknown encoding and length: check that it is UTF-8, quote values and errors in messages."""

# These would break the single line on which a message shows a value.
_ESCAPES = str.maketrans({"\n": "\\n", "\r": "\\r", "\0": "\\x00"})


def is_utf8(content: bytes) -> bool:
    r"""Return whether bytes are valid UTF-8; an encoded surrogate is not.

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


def shorten(value: str | bytes, limit: int = 100) -> str:
    r"""Return a value as one line for a message, cut after ``limit`` characters; invalid UTF-8 is escaped.

    >>> shorten(b"Z\xfcrich\n"), shorten("abcdef", limit=3)
    ('Z\\xfcrich\\n', 'abc… (6 characters)')
    """
    if len(value) > limit:
        cut, unit = value[:limit], "bytes" if isinstance(value, bytes) else "characters"
        return f"{_one_line(cut)}… ({len(value)} {unit})"
    return _one_line(value)


def first_line(error: BaseException, limit: int = 300) -> str:
    """Return the first line of an error's message, cut after ``limit`` characters; empty if it has no message.

    >>> first_line(ValueError(" no such column\\nsee above")), first_line(ValueError())
    ('no such column', '')
    """
    return (str(error).strip().splitlines() or [""])[0][:limit]


def _one_line(value: str | bytes) -> str:
    text = value if isinstance(value, str) else value.decode("utf-8", "backslashreplace")
    return text.translate(_ESCAPES)
