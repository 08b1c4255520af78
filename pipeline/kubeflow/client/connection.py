"""A connection to Kubeflow Pipelines by its SDK, with a bearer token, a CA certificate and a timeout of each request.

https://kubeflow-pipelines.readthedocs.io/en/stable/source/client.html
"""

import contextlib
import io
import logging
import os
import re
import ssl
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.compat.kfp import get_json, get_response, limit_request_time
from components.compat.kubernetes import without_validation
from components.support.retry import Backoff
from pipeline.errors import InputError, MainlineError
from pipeline.kubeflow.client.api_errors import ONCE, READING, explained, retry_call, status_of
from pipeline.kubeflow.command_line import HOST_ENV, TOKEN_ENV
from pipeline.kubernetes_names import is_name

# To connect, and between bytes of the response.
TIMEOUT_S = (10, 60)
# Older servers cannot pass the id of a run to a task.
OLDEST_VERSION = (2, 5)
PAGE_SIZE = 100


@dataclass(frozen=True)
class Server:
    """Address and credentials of an API server; ``token`` returns the current bearer token."""

    host: str
    namespace: str = ""
    token: Callable[[], str] | None = None
    ca_cert: Path | None = None


@dataclass(frozen=True)
class TokenCredentials:
    """Credentials for the SDK that read the token before each request: Kubernetes renews token files."""

    read: Callable[[], str]

    def refresh_api_key_hook(self, configuration: Any) -> None:
        """Set the current token in the configuration of the SDK."""
        configuration.api_key["authorization"] = self.read()


@dataclass(frozen=True)
class Connection:
    """A client of an API server that has answered."""

    client: Any
    host: str
    namespace: str | None

    def call(self, doing: str, method: Callable[..., Any], *args: Any, backoff: Backoff = ONCE,
             tell: Callable[[str], None] = lambda _: None, **kwargs: Any) -> Any:  # fmt: skip
        """Call a method of the SDK and discard what it prints; ``doing`` names the request in errors.

        Raises:
            InputError: the request was refused, or an object does not exist.
            MainlineError: the server failed or did not answer.
        """
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                return retry_call(lambda: method(*args, **kwargs), backoff, tell)
        except MainlineError:
            raise
        except Exception as error:
            raise explained(error, self.host, doing) from error

    def read(self, doing: str, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a method that changes nothing, again if the server fails for a moment."""
        return self.call(doing, method, *args, backoff=READING, **kwargs)

    def items(self, doing: str, method: Callable[..., Any], field: str, **kwargs: Any) -> Iterator[Any]:
        """Yield the items of all pages of a list."""
        token = ""
        while True:
            page = self.read(doing, method, page_token=token, page_size=PAGE_SIZE, **kwargs)
            yield from getattr(page, field) or ()
            token = page.next_page_token or ""
            if not token:
                return

    def text(self, path: str) -> str | None:
        """The response of a path as text, None if the server has no such path."""
        api = self.client.runs.api_client
        try:
            response = retry_call(lambda: get_response(api, path), READING)
        except Exception as error:
            if status_of(error) == 404:
                return None
            raise explained(error, self.host, "reading a log") from error
        return str(response.data.decode("utf-8", "replace"))

    def run_url(self, run: str) -> str:
        """The address of the page of a run."""
        return f"{self.host}/#/runs/details/{run}"


def server_of(options: Any) -> Server:
    """The server that the command line and the environment name.

    Raises:
        InputError: no valid address, namespace or service account, or a file that cannot be read.
    """
    host = options.host.split("/#")[0].rstrip("/")
    if not re.match(r"https?://[^/\s]+", host):
        raise InputError(
            "--host", "not an address of Kubeflow Pipelines", expected="such as https://kubeflow.example.com/pipeline",
            received=options.host or "nothing", next_step=f"Pass --host URL, or set {HOST_ENV}.",
        )  # fmt: skip
    check_names(options)
    if options.ca_cert is not None:
        check_certificates(options.ca_cert)
    return Server(host, options.namespace, token_of(options.token_file), options.ca_cert)


def check_names(options: Any) -> None:
    """Check namespace and service account: a run with an invalid one would start, but get no pods.

    Raises:
        InputError: one of them is not a name that Kubernetes allows.
    """
    for option, name in (
        ("--namespace", options.namespace),
        ("--service-account", vars(options).get("service_account")),
    ):
        if name and not is_name(name):
            raise InputError(
                option, "not a valid name in Kubernetes", received=name,
                expected="at most 253 lower-case letters, digits, '-' and '.'",
            )  # fmt: skip


def check_certificates(file: Path) -> None:
    """Check a CA file; the SDK would report a bad one as an error of OpenSSL.

    Raises:
        InputError: the file has no certificate.
    """
    read_text(file, "--ca-cert")
    try:
        ssl.create_default_context(cafile=str(file))
    except ssl.SSLError as error:
        raise InputError(f"--ca-cert {file}", "no certificate", expected="one or more, in PEM format",
                         received=str(error)) from error  # fmt: skip


def token_of(file: Path | None) -> Callable[[], str] | None:
    """A function that returns the bearer token, from a file or the environment; None without either."""
    if file is not None:
        read_text(file, "--token-file")
        return lambda: read_text(file, "--token-file").strip()
    token = os.environ.get(TOKEN_ENV, "").strip()
    return (lambda: token) if token else None


def read_text(file: Path, option: str) -> str:
    """Read a file that an option names.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{option} {file}", "cannot be read", received=str(error)) from error


def connect(server: Server) -> Connection:
    """Check the health of a server, and connect to it.

    Raises:
        InputError: an unknown host, an invalid certificate or token, a server that is too old, or no namespace where
            every user has one.
        MainlineError: the server does not answer.
    """
    silence_warnings()
    with without_validation():
        import kfp
        import kfp_server_api

    api = kfp_server_api.ApiClient(configuration_of(server, kfp_server_api.Configuration()))
    limit_request_time(api, TIMEOUT_S)
    try:
        health = retry_call(lambda: get_json(api, "/apis/v2beta1/healthz"), READING)
    except Exception as error:
        raise explained(error, server.host, "health check") from error
    check_health(health, server)
    # For kfp the namespace "kubeflow" means none; without it, kfp would read one from its own context file.
    credentials = TokenCredentials(server.token) if server.token else None
    ca_cert = str(server.ca_cert) if server.ca_cert else None
    client = kfp.Client(host=server.host, namespace=server.namespace or "kubeflow", credentials=credentials,
                        ssl_ca_cert=ca_cert)  # fmt: skip
    limit_request_time(client.runs.api_client, TIMEOUT_S)
    namespace = server.namespace or client.get_user_namespace() or None
    if health.get("multi_user") and not namespace:
        raise InputError(server.host, "multi-user mode needs a namespace", received="no namespace",
                         next_step="Pass --namespace NAME.")  # fmt: skip
    return Connection(client, server.host, namespace)


def configuration_of(server: Server, configuration: Any) -> Any:
    """Fill in the configuration of the SDK for the health check; that of kfp.Client repeats errors for 25 s."""
    configuration.host = server.host
    if server.ca_cert:
        configuration.ssl_ca_cert = str(server.ca_cert)
    if server.token:
        configuration.api_key["authorization"] = server.token()
        configuration.api_key_prefix["authorization"] = "Bearer"
    return configuration


def check_health(health: Any, server: Server) -> None:
    """Check that the server is Kubeflow Pipelines, and not too old; a tag that is not a version is accepted.

    Raises:
        InputError: it is something else, or too old.
    """
    if not isinstance(health, dict):
        raise InputError(
            server.host, "not a server of Kubeflow Pipelines", expected="JSON from /apis/v2beta1/healthz",
            received=" ".join(str(health).split())[:120] or "nothing",
            next_step="Correct --host; if it answered with a login page, pass a token.",
        )  # fmt: skip
    version = re.match(r"v?(\d+)\.(\d+)", str(health.get("tag_name", "")))
    if version and (int(version[1]), int(version[2])) < OLDEST_VERSION:
        raise InputError(server.host, "Kubeflow Pipelines is too old", expected="2.5 or newer",
                         received=str(health["tag_name"]), next_step="Upgrade its backend.")  # fmt: skip


def silence_warnings() -> None:
    """Silence, by category, warnings of the SDK that a user cannot act on."""
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"(google|kfp)\b")
    warnings.filterwarnings("ignore", category=FutureWarning, message="This client only works with Kubeflow Pipeline")
    # It logs each retry; the final error is reported anyway.
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
