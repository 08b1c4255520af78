"""Errors of the API server, and of the connection to it, as ours. Reading them does not need the SDK."""

import json
import socket
from collections.abc import Callable
from typing import Any, TypeVar

from components.support.retry import Backoff, retry
from pipeline.errors import InputError, MainlineError, causes

Result = TypeVar("Result")
# Too many requests, and errors of the server or of a proxy before it; 0 is no answer.
TRANSIENT_STATUSES = {0, 429, 500, 502, 503, 504}

ONCE = Backoff(0.0, 0.0, attempts=1)
READING = Backoff(first_s=0.3, longest_s=2.0, attempts=4)
# About five minutes, in which an API server is replaced.
WAITING = Backoff(first_s=1.0, longest_s=30.0, attempts=14)


def retry_call(call: Callable[[], Result], backoff: Backoff, tell: Callable[[str], None] = lambda _: None) -> Result:
    """Call, again while errors are transient; ``tell`` is given a line before each retry."""

    def before_retry(error: BaseException, pause_s: float) -> None:
        tell(f"no answer: {reason_of(error)}; retrying in {pause_s:g} s")

    return retry(call, backoff, is_transient, before_retry)


def has_class(error: BaseException, *names: str) -> bool:
    """Whether an error, or one of its causes, is of a class with one of these names.

    >>> has_class(ValueError(), "ValueError", "KeyError")
    True
    """
    return any(kind.__name__ in names for current in causes(error) for kind in type(current).__mro__)


def is_transient(error: BaseException) -> bool:
    """Whether another attempt may succeed: not if TLS fails, the host is unknown or the request is wrong."""
    if is_about_tls(error) or any(isinstance(current, socket.gaierror) for current in causes(error)):
        return False
    if has_class(error, "ApiException"):
        return status_of(error) in TRANSIENT_STATUSES
    return has_class(error, "HTTPError", "ConnectionError", "TimeoutError")


def is_about_trust(error: BaseException) -> bool:
    """Whether the certificate of the server is not trusted."""
    return is_about_tls(error) and any("CERTIFICATE" in str(current).upper() for current in causes(error))


def is_about_tls(error: BaseException) -> bool:
    """Whether TLS failed; the SDK turns some of these errors into an ``ApiException`` without a status."""
    reasons = (str(getattr(current, "reason", "")) for current in causes(error))
    return has_class(error, "SSLError") or any(reason.startswith("SSLError") for reason in reasons)


def status_of(error: BaseException) -> int:
    """The HTTP status of an ``ApiException``, 0 if there is none."""
    return int(getattr(error, "status", 0) or 0)


def reason_of(error: BaseException) -> str:
    """The message of the server, or of the innermost error, in one line."""
    body = getattr(error, "body", None)
    if body:
        return message_in(body)
    if has_class(error, "ApiException"):
        return f"{status_of(error)} {getattr(error, 'reason', '')}".strip()
    return " ".join(str(list(causes(error))[-1]).split())[:300]


def message_in(body: Any) -> str:
    """The message in the body of a response.

    >>> message_in(b'{"code": 5, "message": "Run 7 not found"}')
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
    """Convert an error of the SDK or of HTTP; ``doing`` names the request, as in "uploading pipeline census"."""
    if is_about_trust(error):
        return InputError(
            host, "the certificate is not trusted", received=reason_of(error),
            next_step="Pass the certificate of its CA with --ca-cert FILE.",
        )  # fmt: skip
    if is_about_tls(error):
        return InputError(host, "TLS failed", received=reason_of(error),
                          next_step="Check the scheme (http or https) and the port of --host.")  # fmt: skip
    if any(isinstance(current, socket.gaierror) for current in causes(error)):
        return InputError(host, "unknown host", received=reason_of(error), next_step="Correct --host.")
    if has_class(error, "ApiException"):
        return explained_status(error, host, doing)
    return MainlineError(
        host, f"{doing}: no answer", received=reason_of(error),
        next_step="Check that it runs. To reach it: kubectl port-forward -n kubeflow svc/ml-pipeline-ui 8080:80",
    )  # fmt: skip


def explained_status(error: BaseException, host: str, doing: str) -> MainlineError:
    """Convert an ``ApiException`` by its HTTP status."""
    status, received = status_of(error), f"{status_of(error)}: {reason_of(error)}"
    if status in (401, 403):
        problem = "not authenticated" if status == 401 else "permission denied"
        return InputError(host, f"{doing}: {problem}", received=received,
                          next_step="Pass a valid token with --token-file or MAINLINE_KFP_TOKEN, and your own "
                                    "--namespace.")  # fmt: skip
    if status == 404:
        return InputError(host, f"{doing}: not found", received=received)
    if status == 409:
        return MainlineError(host, f"{doing}: conflicts with a request at the same time", received=received,
                             next_step="Run the same command again.")  # fmt: skip
    if 400 <= status < 500 and status != 429:
        return InputError(host, f"{doing}: refused", received=received)
    return MainlineError(host, f"{doing}: the server failed", received=received,
                         next_step="Look at the log of the deployment ml-pipeline.")  # fmt: skip
