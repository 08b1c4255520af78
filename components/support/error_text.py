"""Messages of foreign errors, cut to what fits into one of ours."""


def first_line(error: BaseException, length: int = 300) -> str:
    """The first line of an error's message, at most ``length`` characters; empty if it has no message.

    >>> first_line(ValueError(" no such column\\nsee above")), first_line(ValueError())
    ('no such column', '')
    """
    return (str(error).strip().splitlines() or [""])[0][:length]
