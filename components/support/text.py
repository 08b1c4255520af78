"""Text of unknown encoding and length: check that it is UTF-8, quote values and errors in messages."""

import re

# Line ends and control characters, which a terminal should not get, and lone surrogates, which cannot be encoded.
_UNPRINTABLE = re.compile("[\x00-\x08\n-\x1f\x7f\ud800-\udfff]")


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
    r"""Return a value as one line for a message, cut after ``limit`` characters.

    Invalid UTF-8, line ends and control characters are escaped.

    >>> shorten(b"Z\xfcrich\n"), shorten("abcdef", limit=3), shorten("a\x1b\ud800b")
    ('Z\\xfcrich\\n', 'abc… (6 characters)', 'a\\x1b\\ud800b')
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
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)
