"""A Kubernetes API on loopback: it enforces the published schemas and a role, and real processes stand for containers.

What the controllers of a cluster do is in ``controllers``.
"""

import copy
import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import kubernetes_validate
from fakes.kubeflow.api_objects import NAMESPACE, kubeconfig, launcher_pod
from fakes.kubeflow.controllers import Cluster

Json = dict[str, Any]
VERSIONS = ("1.27", kubernetes_validate.latest_version())
GROUPS = {"pods": "api/v1", "services": "api/v1", "jobs": "apis/batch/v1"}
KINDS = {"pods": "Pod", "services": "Service", "jobs": "Job"}
PATH = re.compile(r"^/(apis?(?:/batch)?/v1)/namespaces/([^/]+)/(pods|services|jobs)(?:/([^/]+)(/log)?)?$")
DNS_LABEL = re.compile(r"^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$")
# What docs/training.md says that the role of the launcher has.
ROLE = frozenset({
    *((verb, "pods") for verb in ("get", "list", "delete")), ("get", "pods/log"),
    *((verb, kind) for verb in ("create", "get", "list", "patch", "delete") for kind in ("jobs", "services")),
})  # fmt: skip


@dataclass
class Fault:
    """An answer of the server instead of the right one, a number of times; 0 is a connection that is cut."""

    status: int
    verb: str
    resource: str
    times: int


class Refused(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason = status, reason


class FakeCluster:
    """A cluster; ``with`` starts and stops it.

    Args:
        folder: where the file for KUBECONFIG goes; the shared volume is below it.
    """

    def __init__(self, folder: Path) -> None:
        self.volume = folder / "volume"
        self.volume.mkdir(parents=True)
        self.cluster = Cluster()
        self.faults: list[Fault] = []
        self.role = set(ROLE)
        self.asked: list[tuple[str, str, int]] = []
        self.cut_log_after: int | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"world": self}))
        self._server.daemon_threads = True
        self.kubeconfig = folder / "kubeconfig"
        self.kubeconfig.write_text(json.dumps(kubeconfig(self._server.server_port)))

    def __enter__(self) -> "FakeCluster":
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self.cluster.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self.cluster.stop()

    def launcher(self, name: str = "census-trainer-1", **variables: str) -> Json:
        """The pod of a node, as Kubeflow Pipelines makes it; no process is behind it."""
        return self.create("pods", NAMESPACE, launcher_pod(name, self.volume, variables))

    def environment(self, pod: Json) -> dict[str, str]:
        """The environment variables of a launcher in that pod."""
        metadata = pod["metadata"]
        own = {"MAINLINE_POD_NAME": metadata["name"], "MAINLINE_POD_UID": metadata["uid"]}
        return {**own, "MAINLINE_NAMESPACE": metadata["namespace"], "KUBECONFIG": str(self.kubeconfig)}

    def objects(self, resource: str) -> list[Json]:
        """All of a kind, as they are now."""
        with self.cluster.lock:
            return copy.deepcopy(self.cluster.listed(KINDS[resource]))

    def workers(self) -> dict[int, Json]:
        """The newest pod of every index."""
        pods = [pod for pod in self.objects("pods") if "ownerReferences" in pod["metadata"]]
        return {
            self.cluster.index(pod): pod for pod in sorted(pods, key=lambda pod: pod["metadata"]["creationTimestamp"])
        }

    def pids(self) -> dict[int, int]:
        """The processes of the workers by index."""
        return {index: pid for index, pod in self.workers().items() if (pid := self.cluster.pid(pod)) is not None}

    def create(self, resource: str, namespace: str, body: Json) -> Json:
        """POST."""
        if body.get("metadata", {}).get("namespace", namespace) != namespace:
            raise Refused(400, "BadRequest", "the namespace of the object is not that of the request")
        check(body, KINDS[resource])
        with self.cluster.lock:
            if self.cluster.get(KINDS[resource], body["metadata"]["name"]) is not None:
                raise Refused(409, "AlreadyExists", f'{resource} "{body["metadata"]["name"]}" already exists')
            return self.cluster.put({**body, "metadata": {**body["metadata"], "namespace": namespace}})

    def read(self, resource: str, name: str) -> Json:
        """GET."""
        found = self.cluster.get(KINDS[resource], name)
        if found is None:
            raise Refused(404, "NotFound", f'{resource} "{name}" not found')
        return found

    def patch(self, resource: str, name: str, operations: list[Json]) -> Json:
        """PATCH, by RFC 6902."""
        with self.cluster.lock:
            there = self.read(resource, name)
            changed = copy.deepcopy(there)
            for operation in operations:
                apply(changed, operation)
            check(changed, KINDS[resource])
            there.update(changed)
            return there

    def answer(self, verb: str, resource: str, namespace: str, name: str, body: Any, query: Mapping[str, str]) -> Json:
        """Return status and body for a request."""
        if (verb, resource) not in self.role:
            raise Refused(403, "Forbidden", f'{resource} is forbidden: User "system:serviceaccount:{namespace}:runner" '
                          f'cannot {verb} resource "{resource}" in the namespace "{namespace}"')  # fmt: skip
        if namespace != NAMESPACE:
            raise Refused(404, "NotFound", f'namespaces "{namespace}" not found')
        if verb == "create":
            return self.create(resource, namespace, body)
        if verb == "list":
            with self.cluster.lock:
                found = self.cluster.listed(KINDS[resource])
                wanted = dict(pair.split("=") for pair in filter(None, query.get("labelSelector", "").split(",")))
                return {"kind": "List", "items": [one for one in found if has(one, wanted)]}
        if verb == "patch":
            return self.patch(resource, name, body)
        found = self.read(resource, name)
        if verb == "delete":
            self.cluster.delete(found, query.get("propagationPolicy", "Background"))
        return found

    def fault(self, verb: str, resource: str) -> Fault | None:
        """A fault that is due."""
        for fault in self.faults:
            if (fault.verb, fault.resource) == (verb, resource) and fault.times > 0:
                fault.times -= 1
                return fault
        return None


class Handler(BaseHTTPRequestHandler):
    """The HTTP of it."""

    protocol_version = "HTTP/1.1"
    world: FakeCluster

    def do_GET(self) -> None:
        self._serve("get")

    def do_POST(self) -> None:
        self._serve("create")

    def do_PATCH(self) -> None:
        self._serve("patch")

    def do_DELETE(self) -> None:
        self._serve("delete")

    def _serve(self, verb: str) -> None:
        url = urlsplit(self.path)
        query = {key: values[-1] for key, values in parse_qs(url.query).items()}
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        found = PATH.match(url.path)
        if found is None or GROUPS[found.group(3)] != found.group(1):
            self._send(404, status(404, "NotFound", "the server could not find the requested resource"))
            return
        _, namespace, resource, name, log = found.groups()
        resource += log or ""
        verb = "list" if verb == "get" and name is None else verb
        fault = self.world.fault(verb, resource)
        if fault is not None and not fault.status:
            self.close_connection = True
            return
        try:
            if fault is not None:
                raise Refused(fault.status, "ServiceUnavailable", "the server is starting")
            if verb == "patch" and self.headers["Content-Type"] != "application/json-patch+json":
                raise Refused(415, "UnsupportedMediaType", self.headers["Content-Type"])
            if log:
                self._send_log(namespace, name, query)
                return
            self._send(201 if verb == "create" else 200, self.world.answer(
                verb, resource, namespace, name, json.loads(content or "null"), query))  # fmt: skip
        except Refused as refused:
            self.world.asked.append((verb, resource, refused.status))
            self._send(refused.status, status(refused.status, refused.reason, str(refused)))
        else:
            self.world.asked.append((verb, resource, 200))

    def _send(self, code: int, body: Json) -> None:
        with self.world.cluster.lock:
            content = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _send_log(self, namespace: str, name: str, query: Mapping[str, str]) -> None:
        if ("get", "pods/log") not in self.world.role:
            raise Refused(403, "Forbidden", "pods/log is forbidden")
        lines = self.world.cluster.log(self.world.read("pods", name), follow=query.get("follow") == "True")
        if lines is None:
            raise Refused(400, "BadRequest", f'container "{query.get("container")}" is waiting to start')
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number, (stamp, text) in enumerate(lines):
            if number == self.world.cut_log_after:
                self.world.cut_log_after, self.close_connection = None, True
                return
            line = f"{stamp} {text}\n" if query.get("timestamps") == "True" else f"{text}\n"
            self._send_chunk(line.encode())
        self._send_chunk(b"")

    def _send_chunk(self, content: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(content), content))
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def check(body: Json, kind: str) -> None:
    """Refuses what the schemas of the oldest and the newest release that we know do not allow."""
    if body.get("kind") != kind:
        raise Refused(400, "BadRequest", f"a {kind} was expected")
    if not DNS_LABEL.match(body["metadata"]["name"]):
        raise Refused(422, "Invalid", f"metadata.name: not a DNS-1035 label: {body['metadata']['name']}")
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(body, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            raise Refused(422, "Invalid", f"{list(error.path)}: {error.message}") from error


def apply(document: Json, operation: Json) -> None:
    """One operation of a JSON patch on the members of objects."""
    *way, last = operation["path"].strip("/").split("/")
    for key in way:
        document = document[key]
    if operation["op"] == "test" and document.get(last) != operation["value"]:
        raise Refused(422, "Invalid", f"test of {operation['path']} failed")
    if operation["op"] in ("add", "replace"):
        document[last] = operation["value"]


def has(body: Json, labels: Mapping[str, str]) -> bool:
    """Whether an object has labels."""
    return labels.items() <= body["metadata"].get("labels", {}).items()


def status(code: int, reason: str, message: str) -> Json:
    """An error, as the API says it."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": code,
        "reason": reason,
        "message": message,
    }


def until(what: Callable[[], Any], timeout_s: float = 60.0) -> Any:
    """Waits until something is true, and gives it."""
    end_s = time.monotonic() + timeout_s
    while not (found := what()):
        assert time.monotonic() < end_s
        time.sleep(0.02)
    return found
