"""A small client of the Kubernetes API for the launcher of a training: plain objects, retries, and helpful errors.

https://kubernetes.io/docs/reference/using-api/api-concepts/
"""

import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from urllib3.exceptions import HTTPError

from components.compat.kubernetes import without_validation
from components.distributed_trainer.kubernetes.indexed_job import CONTAINER, Json
from components.support.retry import Backoff, retry
from components.support.text import first_line
from pipeline.errors import ConfigError, MainlineError

with without_validation():
    from kubernetes import client, config
    from kubernetes.client.exceptions import ApiException as ApiException

# Worth a retry: https://kubernetes.io/docs/reference/using-api/api-concepts/#api-verbs, RFC 9110 and RFC 6585.
RETRYABLE = frozenset({0, 429, 500, 502, 503, 504})
NOT_FOUND, CONFLICT = 404, 409
TIMEOUT_S = (5, 30)
# A log may be silent for long, but a dead connection must be noticed.
LOG_TIMEOUT_S = (5, 300)
CONNECTION = "Kubernetes API"


class UnreachableError(MainlineError):
    """The API did not answer, or answered with a temporary error."""


def connect() -> client.ApiClient:
    """Return a client with the rights of this pod, or of the file that KUBECONFIG names.

    Raises:
        ConfigError: there is neither.
    """
    settings = client.Configuration()
    if path := os.environ.get("KUBECONFIG"):
        config.load_kube_config(path, client_configuration=settings)
    else:
        try:
            config.load_incluster_config(client_configuration=settings)
        except config.ConfigException as error:
            raise ConfigError(
                CONNECTION, "this pod has no access to it", received=str(error),
                expected="a service account whose token is mounted, or KUBECONFIG",
            ) from error  # fmt: skip
    # Retries are made here, by ``retry``, and nowhere else.
    settings.retries = False
    return client.ApiClient(settings)


class Api:
    """Jobs, Services and pods of a namespace.

    Args:
        connection: the client.
        namespace: of all objects.
        retry_s: how long a call is retried after temporary errors.
    """

    def __init__(self, connection: client.ApiClient, namespace: str, retry_s: float = 60.0) -> None:
        core = client.CoreV1Api(connection)
        self._kinds = {"pod": core, "pod_log": core, "service": core, "job": client.BatchV1Api(connection)}
        self.namespace = namespace
        self._retry_s = retry_s

    def create(self, kind: str, body: Json) -> None:
        """Create an object, unless an earlier try has already created it.

        Raises:
            MainlineError: the name is taken, or the API refuses the object.
        """
        if self._ask("create", kind, body=body, allowed=(CONFLICT,)) is not None:
            return
        name = body["metadata"]["name"]
        existing = self.read(kind, name)
        if existing is None or existing["metadata"].get("ownerReferences") != body["metadata"]["ownerReferences"]:
            raise MainlineError(
                f"{CONNECTION}, create {kind}s", "the name is taken", received=name,
                next_step=f"Delete it: kubectl delete {kind} {name} -n {self.namespace}",
            )  # fmt: skip

    def read(self, kind: str, name: str) -> Json | None:
        """Return an object, None if there is none of that name."""
        return self._ask("read", kind, name, allowed=(NOT_FOUND,))

    def listed(self, kind: str, labels: Mapping[str, str], retry_s: float | None = None) -> list[Json]:
        """Return the objects that have these labels."""
        selector = ",".join(f"{key}={value}" for key, value in labels.items())
        found = self._ask("list", kind, label_selector=selector, retry_s=retry_s) or {}
        objects: list[Json] = found["items"]
        return objects

    def patch(self, kind: str, name: str, operations: Sequence[Json]) -> bool:
        """Change an object by a JSON patch (RFC 6902); return whether it exists."""
        return self._ask("patch", kind, name, body=list(operations), allowed=(NOT_FOUND,)) is not None

    def delete(self, kind: str, name: str) -> None:
        """Delete an object, if it exists, and what it owns."""
        self._ask("delete", kind, name, propagation_policy="Background", allowed=(NOT_FOUND,))

    def log(self, pod: str) -> Iterator[bytes]:
        """Yield the log of a pod from its start, a timestamp before each line, until the pod or the connection ends.

        Raises:
            ApiException, HTTPError: without retries; a training does not depend on its log.
        """
        call = self._kinds["pod_log"].read_namespaced_pod_log
        lines: Iterator[bytes] = call(
            pod, self.namespace, container=CONTAINER, follow=True, timestamps=True,
            _preload_content=False, _request_timeout=LOG_TIMEOUT_S,
        )  # fmt: skip
        return iter(lines)

    def _ask(
        self, verb: str, kind: str, *names: str, allowed: Sequence[int] = (), retry_s: float | None = None,
        **options: Any,
    ) -> Json | None:  # fmt: skip
        call = getattr(self._kinds[kind], f"{verb}_namespaced_{kind}")
        where = f"{CONNECTION}, {'get' if verb == 'read' else verb} {kind}s in namespace {self.namespace}"

        def ask() -> Json:
            answer = call(*names, self.namespace, _preload_content=False, _request_timeout=TIMEOUT_S, **options)
            found: Json = json.loads(answer.data)
            return found

        try:
            return retry_call(ask, self._retry_s if retry_s is None else retry_s)
        except ApiException as error:
            if error.status in allowed:
                return None
            raise as_mainline_error(error, where) from error
        except HTTPError as error:
            raise UnreachableError(where, "no answer", received=str(error)) from error


def retry_call(call: Callable[[], Json], timeout_s: float) -> Json:
    """Call the API, again while its errors are transient, for ``timeout_s`` at most.

    Raises:
        ApiException, HTTPError: the last error.
    """
    backoff = Backoff(first_s=0.25, longest_s=8.0, timeout_s=timeout_s)
    return retry(call, backoff, is_transient, log_retry, retry_after_s)


def is_transient(error: BaseException) -> bool:
    """Whether another attempt may succeed: no connection, a server that is busy or starting."""
    return error.status in RETRYABLE if isinstance(error, ApiException) else isinstance(error, HTTPError)


def log_retry(error: BaseException, pause_s: float) -> None:
    """Log an error that is retried."""
    logging.getLogger(__name__).warning("Kubernetes API, again in %.1f s: %s", pause_s, summary_of(error))


def retry_after_s(error: BaseException) -> float:
    """The pause in seconds that the server asks for by Retry-After, RFC 9110."""
    headers = getattr(error, "headers", None) or {}
    text = str(headers.get("Retry-After", ""))
    return float(text) if text.isdigit() else 0.0


def as_mainline_error(error: ApiException, where: str) -> MainlineError:
    """Return our error for one of the API."""
    message = message_of(error)
    if error.status in (401, 403):
        return ConfigError(
            where, "not allowed", received=message,
            expected="get, list and delete pods; get pods/log; create, get, list, patch and delete jobs and services",
            next_step="Bind the role of deploy/kubeflow to the service account of this pod: docs/training.md.",
        )  # fmt: skip
    if error.status in RETRYABLE:
        return UnreachableError(where, "no answer", received=f"{error.status}: {message}")
    return MainlineError(where, "refused", received=f"{error.status}: {message}")


def message_of(error: ApiException) -> str:
    """Return the message of the Status object in an answer, or the reason of the HTTP status."""
    try:
        return str(json.loads(error.body)["message"])
    except (TypeError, ValueError, KeyError):
        return str(error.reason)


def summary_of(error: BaseException) -> str:
    """An error of the client in one line."""
    return f"{error.status}: {message_of(error)}" if isinstance(error, ApiException) else first_line(error)
