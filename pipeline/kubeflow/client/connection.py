"""A connection to Kubeflow Pipelines by its own SDK, with a token, a certificate authority and a bound on each answer.

The same code for kfp 2.5 and 2.16, whose generated parts differ: only ``kfp.Client`` and ``ApiClient.call_api`` are
used. https://kubeflow-pipelines.readthedocs.io/en/stable/source/client.html
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

from components.compat.kubernetes import without_validation
from pipeline.errors import InputError, MainlineError
from pipeline.kubeflow.client.api_errors import ONCE, READING, Patience, explained, patiently, status_of
from pipeline.kubeflow.command_line import HOST_ENV, TOKEN_ENV
from pipeline.kubernetes_names import is_name

# Seconds to connect, and to wait for an answer. The SDK has no bound of its own.
TIMEOUT_S = (10, 60)
# Older ones do not know the id of a run as a constant of a task.
OLDEST = (2, 5)
PAGE_SIZE = 100


@dataclass(frozen=True)
class Server:
    """Where to ask, and as whom; ``token`` gives the bearer token of the moment, or None."""

    host: str
    namespace: str = ""
    token: Callable[[], str] | None = None
    ca_cert: Path | None = None


@dataclass(frozen=True)
class Token:
    """What the SDK asks before each request; its file may be renewed meanwhile, as Kubernetes does with its own."""

    read: Callable[[], str]

    def refresh_api_key_hook(self, configuration: Any) -> None:
        """Puts the token of the moment into the SDK's configuration."""
        configuration.api_key["authorization"] = self.read()


@dataclass(frozen=True)
class Connection:
    """An API server that answered."""

    client: Any
    host: str
    namespace: str | None

    def ask(self, doing: str, call: Callable[..., Any], *args: Any, patience: Patience = ONCE,
            tell: Callable[[str], None] = lambda _: None, **kwargs: Any) -> Any:  # fmt: skip
        """Calls the SDK, whose chatter on standard output is not for the user.

        Raises:
            InputError: the request was refused, or what it names is not there.
            MainlineError: the server fails or does not answer.
        """
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                return patiently(lambda: call(*args, **kwargs), patience, tell)
        except MainlineError:
            raise
        except Exception as error:
            raise explained(error, self.host, doing) from error

    def read(self, doing: str, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """The same for what changes nothing, and so can be asked again when the server stumbles."""
        return self.ask(doing, call, *args, patience=READING, **kwargs)

    def all(self, doing: str, call: Callable[..., Any], field: str, **kwargs: Any) -> Iterator[Any]:
        """Every item of a list that comes in pages."""
        token = ""
        while True:
            page = self.read(doing, call, page_token=token, page_size=PAGE_SIZE, **kwargs)
            yield from getattr(page, field) or ()
            token = page.next_page_token or ""
            if not token:
                return

    def text(self, path: str) -> str | None:
        """What a path that the SDK has no method for answers, as text; None if it is not there."""
        api = self.client.runs.api_client
        try:
            response = patiently(lambda: get_raw(api, path), READING)
        except Exception as error:
            if status_of(error) == 404:
                return None
            raise explained(error, self.host, "reading a log") from error
        return str(response.data.decode("utf-8", "replace"))

    def run_url(self, run: str) -> str:
        """The page of a run."""
        return f"{self.host}/#/runs/details/{run}"


def server_of(options: Any) -> Server:
    """The server that the command line and the environment name.

    Raises:
        InputError: no host, or none that is an address; a name that no cluster has; a file that cannot be read.
    """
    host = options.host.split("/#")[0].rstrip("/")
    if not re.match(r"https?://[^/\s]+", host):
        raise InputError(
            "--host", "no address of Kubeflow Pipelines", expected="such as https://kubeflow.example.com/pipeline",
            received=options.host or "nothing", next_step=f"Pass --host URL, or set {HOST_ENV}.",
        )  # fmt: skip
    check_names(options)
    if options.ca_cert is not None:
        check_certificates(options.ca_cert)
    return Server(host, options.namespace, token_of(options.token_file), options.ca_cert)


def check_names(options: Any) -> None:
    """Whether there may be such a namespace and account: a run with another one would start, and get no pod."""
    for option, name in (
        ("--namespace", options.namespace),
        ("--service-account", vars(options).get("service_account")),
    ):
        if name and not is_name(name):
            raise InputError(
                option, "nothing in a cluster can be called so", received=name,
                expected="lower-case letters, digits, '-' and '.', at most 253",
            )  # fmt: skip


def check_certificates(file: Path) -> None:
    """Whether a file has certificates in it, which the SDK would only say in the words of OpenSSL.

    Raises:
        InputError: it has none.
    """
    readable(file, "--ca-cert")
    try:
        ssl.create_default_context(cafile=str(file))
    except ssl.SSLError as error:
        raise InputError(f"--ca-cert {file}", "no certificates", expected="one or more in PEM", received=str(error)
                         ) from error  # fmt: skip


def token_of(file: Path | None) -> Callable[[], str] | None:
    """How to come by the bearer token; it is never printed."""
    if file is not None:
        readable(file, "--token-file")
        return lambda: readable(file, "--token-file").strip()
    token = os.environ.get(TOKEN_ENV, "").strip()
    return (lambda: token) if token else None


def readable(file: Path, option: str) -> str:
    """The text of a file that the command line names."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{option} {file}", "cannot be read", received=str(error)) from error


def connect(server: Server) -> Connection:
    """Asks whether the server is well, and gives the connection.

    Raises:
        InputError: an unknown host, a certificate or token that is not accepted, a version that is too old, no
            namespace where there are many.
        MainlineError: the server does not answer.
    """
    quieten()
    with without_validation():
        import kfp
        import kfp_server_api

    api = kfp_server_api.ApiClient(configuration_of(server, kfp_server_api.Configuration()))
    bound(api)
    try:
        health = patiently(lambda: get_json(api, "/apis/v2beta1/healthz"), READING)
    except Exception as error:
        raise explained(error, server.host, "asking for its health") from error
    check_health(health, server)
    # kfp reads "kubeflow" as "not given", and then what its own context file says.
    credentials = Token(server.token) if server.token else None
    ca_cert = str(server.ca_cert) if server.ca_cert else None
    client = kfp.Client(host=server.host, namespace=server.namespace or "kubeflow", credentials=credentials,
                        ssl_ca_cert=ca_cert)  # fmt: skip
    bound(client.runs.api_client)
    namespace = server.namespace or client.get_user_namespace() or None
    if health.get("multi_user") and not namespace:
        raise InputError(server.host, "it serves many users, each with a namespace", received="no namespace",
                         next_step="Pass --namespace NAME.")  # fmt: skip
    return Connection(client, server.host, namespace)


def configuration_of(server: Server, configuration: Any) -> Any:
    """Fills the SDK's configuration for the first question, which kfp.Client would repeat for 25 s on an error."""
    configuration.host = server.host
    if server.ca_cert:
        configuration.ssl_ca_cert = str(server.ca_cert)
    if server.token:
        configuration.api_key["authorization"] = server.token()
        configuration.api_key_prefix["authorization"] = "Bearer"
    return configuration


def bound(api: Any) -> None:
    """Bounds how long each request of an ``ApiClient`` may take."""
    send = api.rest_client.request

    def request(method: str, url: str, **options: Any) -> Any:
        options["_request_timeout"] = options.get("_request_timeout") or TIMEOUT_S
        return send(method, url, **options)

    api.rest_client.request = request


def get_json(api: Any, path: str) -> Any:
    """An answer in JSON, or the text that came in its place."""
    return api.call_api(path, "GET", header_params={"Accept": "application/json"}, response_type="object",
                        auth_settings=["Bearer"], _return_http_data_only=True)  # fmt: skip


def get_raw(api: Any, path: str) -> Any:
    """An answer as it comes."""
    return api.call_api(path, "GET", header_params={"Accept": "*/*"}, auth_settings=["Bearer"], _preload_content=False,
                        _return_http_data_only=True)  # fmt: skip


def check_health(health: Any, server: Server) -> None:
    """Whether this is Kubeflow Pipelines, and new enough; a tag that is no version is believed.

    Raises:
        InputError: it is not.
    """
    if not isinstance(health, dict):
        raise InputError(
            server.host, "it does not answer as Kubeflow Pipelines does", expected="JSON from /apis/v2beta1/healthz",
            received=" ".join(str(health).split())[:120] or "nothing",
            next_step="Correct --host; a page to log in means that a token is needed.",
        )  # fmt: skip
    version = re.match(r"v?(\d+)\.(\d+)", str(health.get("tag_name", "")))
    if version and (int(version[1]), int(version[2])) < OLDEST:
        raise InputError(server.host, "Kubeflow Pipelines is too old", expected="2.5 or newer",
                         received=str(health["tag_name"]), next_step="Upgrade its backend.")  # fmt: skip


def quieten() -> None:
    """Silences what the SDK and its libraries say that no user can act on, by category."""
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"(google|kfp)\b")
    warnings.filterwarnings("ignore", category=FutureWarning, message="This client only works with Kubeflow Pipeline")
    # Each retry of a connection; what comes of it is in the error.
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
