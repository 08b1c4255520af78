"""The Kubernetes API as the launcher of a training needs it: plain objects, patience, and errors that say what to do.

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
from components.support.error_text import first_line
from components.support.retry import Backoff, retry
from pipeline.errors import ConfigError, MainlineError

with without_validation():
    from kubernetes import client, config
    from kubernetes.client.exceptions import ApiException as ApiException

# What may pass: https://kubernetes.io/docs/reference/using-api/api-concepts/#api-verbs, RFC 9110 and RFC 6585.
PASSING = frozenset({0, 429, 500, 502, 503, 504})
MISSING, ALREADY_THERE = 404, 409
TIMEOUT_S = (5, 30)
# A log may be silent for long; a connection that died without a word must be noticed all the same.
LOG_TIMEOUT_S = (5, 300)
CONNECTION = "Kubernetes API"


class UnreachableError(MainlineError):
    """The API did not answer, or not with what was asked."""


def connect() -> client.ApiClient:
    """A client with the rights of this pod; on a machine of one's own, of the file that KUBECONFIG names."""
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
    # How often to try, and for how long, is decided here alone.
    settings.retries = False
    return client.ApiClient(settings)


class Api:
    """Jobs, Services and pods of a namespace.

    Args:
        connection: by which the API is reached.
        namespace: of all objects.
        patience_s: how long a call that fails of what may pass is tried again.
    """

    def __init__(self, connection: client.ApiClient, namespace: str, patience_s: float = 60.0) -> None:
        core = client.CoreV1Api(connection)
        self._kinds = {"pod": core, "pod_log": core, "service": core, "job": client.BatchV1Api(connection)}
        self.namespace = namespace
        self._patience_s = patience_s

    def create(self, kind: str, body: Json) -> None:
        """Makes an object; one that an earlier try has made already is the same.

        Raises:
            MainlineError: the name is taken by another one, or the API does not want it.
        """
        if self._ask("create", kind, body=body, allowed=(ALREADY_THERE,)) is not None:
            return
        name = body["metadata"]["name"]
        there = self.read(kind, name)
        if there is None or there["metadata"].get("ownerReferences") != body["metadata"]["ownerReferences"]:
            raise MainlineError(
                f"{CONNECTION}, create {kind}s", "the name is taken", received=name,
                next_step=f"Delete it: kubectl delete {kind} {name} -n {self.namespace}",
            )  # fmt: skip

    def read(self, kind: str, name: str) -> Json | None:
        """An object, None where there is none of that name."""
        return self._ask("read", kind, name, allowed=(MISSING,))

    def listed(self, kind: str, labels: Mapping[str, str], patience_s: float | None = None) -> list[Json]:
        """The objects that have these labels."""
        selector = ",".join(f"{key}={value}" for key, value in labels.items())
        found = self._ask("list", kind, label_selector=selector, patience_s=patience_s) or {}
        objects: list[Json] = found["items"]
        return objects

    def patch(self, kind: str, name: str, operations: Sequence[Json]) -> bool:
        """Changes an object by a JSON patch, RFC 6902; whether it was still there."""
        return self._ask("patch", kind, name, body=list(operations), allowed=(MISSING,)) is not None

    def delete(self, kind: str, name: str) -> None:
        """Deletes an object, and by the garbage collector what it owns; that it is gone already is fine."""
        self._ask("delete", kind, name, propagation_policy="Background", allowed=(MISSING,))

    def log(self, pod: str) -> Iterator[bytes]:
        """The lines of a pod from its start, each after its time, until it ends or the connection does.

        Raises:
            ApiException, HTTPError: as they come; a log is no reason to stop.
        """
        call = self._kinds["pod_log"].read_namespaced_pod_log
        lines: Iterator[bytes] = call(
            pod, self.namespace, container=CONTAINER, follow=True, timestamps=True,
            _preload_content=False, _request_timeout=LOG_TIMEOUT_S,
        )  # fmt: skip
        return iter(lines)

    def _ask(
        self, verb: str, kind: str, *names: str, allowed: Sequence[int] = (), patience_s: float | None = None,
        **options: Any,
    ) -> Json | None:  # fmt: skip
        call = getattr(self._kinds[kind], f"{verb}_namespaced_{kind}")
        where = f"{CONNECTION}, {'get' if verb == 'read' else verb} {kind}s in namespace {self.namespace}"

        def ask() -> Json:
            answer = call(*names, self.namespace, _preload_content=False, _request_timeout=TIMEOUT_S, **options)
            found: Json = json.loads(answer.data)
            return found

        try:
            return retry_call(ask, self._patience_s if patience_s is None else patience_s)
        except ApiException as error:
            if error.status in allowed:
                return None
            raise refusal(error, where) from error
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
    return error.status in PASSING if isinstance(error, ApiException) else isinstance(error, HTTPError)


def log_retry(error: BaseException, pause_s: float) -> None:
    """Log an error that is retried."""
    logging.getLogger(__name__).warning("Kubernetes API, again in %.1f s: %s", pause_s, summary_of(error))


def retry_after_s(error: BaseException) -> float:
    """The pause in seconds that the server asks for by Retry-After, RFC 9110."""
    headers = getattr(error, "headers", None) or {}
    text = str(headers.get("Retry-After", ""))
    return float(text) if text.isdigit() else 0.0


def refusal(error: ApiException, where: str) -> MainlineError:
    """What the API did not want, in our words."""
    said = message_of(error)
    if error.status in (401, 403):
        return ConfigError(
            where, "not allowed", received=said,
            expected="get, list and delete pods; get pods/log; create, get, list, patch and delete jobs and services",
            next_step="Bind the role of deploy/kubeflow to the service account of this pod: docs/training.md.",
        )  # fmt: skip
    if error.status in PASSING:
        return UnreachableError(where, "no answer that is of use", received=f"{error.status}: {said}")
    return MainlineError(where, "refused", received=f"{error.status}: {said}")


def message_of(error: ApiException) -> str:
    """What the Status object of an answer says, or its reason."""
    try:
        return str(json.loads(error.body)["message"])
    except (TypeError, ValueError, KeyError):
        return str(error.reason)


def summary_of(error: BaseException) -> str:
    """An error of the client in one line."""
    return f"{error.status}: {message_of(error)}" if isinstance(error, ApiException) else first_line(error)
