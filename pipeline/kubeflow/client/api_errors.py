"""What an API server, or the way to it, answered wrong, in plain words. The SDK is not needed to read its errors."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from pipeline.errors import InputError, MainlineError, causes

T = TypeVar("T")
# Answers that another try may mend: too many requests, and all that a server says of itself or a proxy of it.
TRANSIENT = {0, 429, 500, 502, 503, 504}


@dataclass(frozen=True)
class Patience:
    """How often a question is put, and the pauses between, which double."""

    tries: int
    first_s: float
    most_s: float

    def pauses(self) -> Iterator[float]:
        """The pauses in seconds, one less than the tries.

        >>> list(Patience(4, 1.0, 3.0).pauses())
        [1.0, 2.0, 3.0]
        """
        for turn in range(self.tries - 1):
            yield min(self.first_s * 2**turn, self.most_s)


ONCE = Patience(1, 0.0, 0.0)
READING = Patience(4, 0.3, 2.0)
# About five minutes: an API server that is replaced is back by then.
WAITING = Patience(14, 1.0, 30.0)


def patiently(call: Callable[[], T], patience: Patience, tell: Callable[[str], None] = lambda _: None) -> T:
    """Calls until there is an answer, or an error that another try will not mend."""
    for pause_s in patience.pauses():
        try:
            return call()
        except Exception as error:
            if not is_transient(error):
                raise
            tell(f"no answer: {reason_of(error)}; once more in {pause_s:g} s")
            time.sleep(pause_s)
    return call()


def named(error: BaseException, *names: str) -> bool:
    """Whether an error, or one that led to it, is of a class of these names.

    >>> named(ValueError(), "ValueError", "KeyError")
    True
    """
    return any(kind.__name__ in names for current in causes(error) for kind in type(current).__mro__)


def is_transient(error: BaseException) -> bool:
    """Whether another try may help: not where TLS fails, for an unknown name or a request that is wrong."""
    if is_about_tls(error) or any(isinstance(current, socket.gaierror) for current in causes(error)):
        return False
    if named(error, "ApiException"):
        return status_of(error) in TRANSIENT
    return named(error, "HTTPError", "ConnectionError", "TimeoutError")


def is_about_trust(error: BaseException) -> bool:
    """Whether a certificate is the reason."""
    return is_about_tls(error) and any("CERTIFICATE" in str(current).upper() for current in causes(error))


def is_about_tls(error: BaseException) -> bool:
    """Whether the two sides did not come to speak TLS; the SDK makes an answer without a status of some of these."""
    words = (str(getattr(current, "reason", "")) for current in causes(error))
    return named(error, "SSLError") or any(word.startswith("SSLError") for word in words)


def status_of(error: BaseException) -> int:
    """The HTTP status that an ``ApiException`` carries, 0 for none."""
    return int(getattr(error, "status", 0) or 0)


def reason_of(error: BaseException) -> str:
    """What the server said, or the innermost error, as one line."""
    body = getattr(error, "body", None)
    if body:
        return said(body)
    if named(error, "ApiException"):
        return f"{status_of(error)} {getattr(error, 'reason', '')}".strip()
    return " ".join(str(list(causes(error))[-1]).split())[:300]


def said(body: Any) -> str:
    """The message in the body of an answer.

    >>> said(b'{"code": 5, "message": "Run 7 not found"}')
    'Run 7 not found'
    """
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else str(body)
    try:
        facts = json.loads(text)
    except ValueError:
        return " ".join(text.split())[:300]
    if not isinstance(facts, dict):
        return text[:300]
    return str(facts.get("message") or facts.get("error_message") or facts.get("error") or text)[:600]


def explained(error: BaseException, host: str, doing: str) -> MainlineError:
    """An error of the SDK or of HTTP as one of ours; ``doing`` says what was asked for."""
    if is_about_trust(error):
        return InputError(
            host, "its certificate is not trusted", received=reason_of(error),
            next_step="Pass the certificate of its authority with --ca-cert FILE.",
        )  # fmt: skip
    if is_about_tls(error):
        return InputError(host, "it does not speak TLS as expected", received=reason_of(error),
                          next_step="Check --host: http:// or https://, and the port.")  # fmt: skip
    if any(isinstance(current, socket.gaierror) for current in causes(error)):
        return InputError(host, "no such host", received=reason_of(error), next_step="Correct --host.")
    if named(error, "ApiException"):
        return answered(error, host, doing)
    return MainlineError(
        host, f"{doing}: no answer", received=reason_of(error),
        next_step="Check that it runs; kubectl port-forward -n kubeflow svc/ml-pipeline-ui 8080:80 opens a way.",
    )  # fmt: skip


def answered(error: BaseException, host: str, doing: str) -> MainlineError:
    """What a status of HTTP means here."""
    status, received = status_of(error), f"{status_of(error)}: {reason_of(error)}"
    if status in (401, 403):
        missing = "is not known to the server" if status == 401 else "may not do this"
        return InputError(host, f"{doing}: the caller {missing}", received=received,
                          next_step="Give a valid token with --token-file or MAINLINE_KFP_TOKEN, and --namespace if "
                                    "it is yours.")  # fmt: skip
    if status == 404:
        return InputError(host, f"{doing}: not found", received=received)
    if status == 409:
        return MainlineError(host, f"{doing}: somebody else did at the same moment", received=received,
                             next_step="Run the same command again.")  # fmt: skip
    if 400 <= status < 500 and status != 429:
        return InputError(host, f"{doing}: refused", received=received)
    return MainlineError(host, f"{doing}: the server failed", received=received,
                         next_step="Look at the log of the deployment ml-pipeline.")  # fmt: skip
