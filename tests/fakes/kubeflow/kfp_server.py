"""A Kubeflow Pipelines API server in memory, on loopback: what its client sees, and what it was asked.

It answers as the real one does (backend/api/v2beta1 and backend/src/apiserver of kubeflow/pipelines): field names in
snake_case, 64-bit numbers as text, nothing for what is false, the nodes of an Argo workflow as task details, and 200
with an error as JSON for a log that is not there.
"""

import email
import json
import re
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import yaml
from fakes.kubeflow.argo_nodes import argo_nodes, chain_of, stamp

FINAL = ("SUCCEEDED", "FAILED", "CANCELED")
ACTIONS = {"enable": "ENABLED", "disable": "DISABLED"}


class RefusedError(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass
class Fault:
    """A fault for the next ``times`` requests whose method and path match: an HTTP status, or 0 for no answer."""

    pattern: str
    status: int
    times: int


@dataclass
class Script:
    """How runs go: a node that fails, tries per task, the end's summary, and whether a run stands still.

    ``pod_format`` is how Argo names pods, ``gone`` says that no pod has a log any more, ``frozen`` that logs stay as
    they are; ``pace`` is how many nodes come to an end each time that somebody looks.
    """

    fails: str = ""
    tries: dict[str, int] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=lambda: {"status": "pushed", "exit_code": 0})
    held: bool = False
    stops: bool = True
    pod_format: str = "retry-system-container-impl"
    gone: bool = False
    frozen: bool = False
    pace: int = 1


@dataclass
class ServerState:
    """The server's memory."""

    token: str = ""
    tag: str = "2.5.0"
    multi_user: bool = False
    html: bool = False
    script: Script = field(default_factory=Script)
    faults: list[Fault] = field(default_factory=list)
    requests: list[tuple[str, str, Any]] = field(default_factory=list)
    pipelines: dict[str, dict[str, Any]] = field(default_factory=dict)
    versions: dict[str, dict[str, Any]] = field(default_factory=dict)
    experiments: dict[str, dict[str, Any]] = field(default_factory=dict)
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    recurring: dict[str, dict[str, Any]] = field(default_factory=dict)
    logs: dict[str, str] = field(default_factory=dict)
    url: str = ""
    page: int = 100
    on_run: Any = None
    lock: Any = field(default_factory=threading.RLock)
    ids: int = 0

    def asked(self, method: str, pattern: str = "") -> list[str]:
        """The paths of the requests of a method."""
        return [path for verb, path, _ in self.requests if verb == method and re.search(pattern, path)]

    def bodies(self, pattern: str) -> list[Any]:
        """The bodies of the POST requests to a path."""
        return [body for verb, path, body in self.requests if verb == "POST" and re.search(pattern, path)]

    def new_id(self, kind: str) -> str:
        """An id that is not yet used."""
        self.ids += 1
        return f"{kind}-{self.ids:04d}"

    def now(self) -> str:
        """A time that grows by a second with each id."""
        return stamp(datetime.now(timezone.utc) - timedelta(hours=1) + timedelta(seconds=self.ids))

    def fault_of(self, request: str) -> Fault | None:
        """The fault that a request meets, which is used up by that."""
        fault = next((one for one in self.faults if one.times and re.search(one.pattern, request)), None)
        if fault is not None:
            fault.times -= 1
        return fault

    def add_run(self, pipeline: str, version: str, **facts: Any) -> str:
        """A run that somebody started, at work and standing still unless told otherwise."""
        run = self.new_id("run")
        self.runs[run] = {
            "run_id": run, "display_name": run, "created_at": self.now(), "state": "RUNNING", "held": True, "step": 1,
            "pipeline_version_reference": {"pipeline_id": pipeline, "pipeline_version_id": version}, **facts,
        }  # fmt: skip
        return run


@contextmanager
def serving(world: ServerState, tls: ssl.SSLContext | None = None) -> Iterator[ServerState]:
    """Serves on a free port of loopback."""
    server = Server(world)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    world.url = f"{'https' if tls else 'http'}://localhost:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield world
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Server(ThreadingHTTPServer):
    """An HTTP server with a world to answer from."""

    daemon_threads = True

    def __init__(self, world: ServerState) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.world = world

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that trusts no certificate hangs up, which is no matter for the log of a test."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """One request at a time."""

    server: Server

    def do_GET(self) -> None:
        self.answer()

    def do_POST(self) -> None:
        self.answer()

    def do_DELETE(self) -> None:
        self.answer()

    def log_message(self, *_: Any) -> None:
        """Silence."""

    def answer(self) -> None:
        world = self.server.world
        body = parsed(self.headers.get("Content-Type", ""), self.rfile.read(int(self.headers.get("Content-Length", 0))))
        with world.lock:
            world.requests.append((self.command, unquote(self.path), body))
            fault = world.fault_of(f"{self.command} {self.path}")
            if fault is not None and not fault.status:
                self.close_connection = True
                return
            try:
                if fault is not None:
                    raise RefusedError(fault.status, "the fault that was asked for")
                self.reply(200, respond(world, self.command, self.path, body, self.headers))
            except RefusedError as refused:
                self.reply(refused.status, {"code": 5, "message": refused.message, "error": refused.message})

    def reply(self, status: int, answer: Any) -> None:
        data = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
        html = isinstance(answer, str) and answer.startswith("<")
        self.send_response(status)
        self.send_header("Content-Type", "text/html" if html else "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def parsed(kind: str, raw: bytes) -> Any:
    """The body of a request: JSON, or the one file of a form."""
    if kind.startswith("multipart/"):
        message = email.message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + raw)
        return next(part.get_payload(decode=True).decode() for part in message.get_payload())
    return json.loads(raw) if raw else None


def respond(world: ServerState, method: str, target: str, body: Any, headers: Any) -> Any:
    """The answer to a request."""
    if world.token and headers.get("authorization") != f"Bearer {world.token}":
        raise RefusedError(401, "Request header error: there is no valid token")
    parts = urlsplit(target)
    query = dict(parse_qsl(parts.query))
    if world.html:
        return "<html><title>Log in</title></html>"
    log = re.fullmatch(r"/apis/v1alpha1/runs/([^/]+)/nodes/([^/]+)/log", parts.path)
    if log:
        return read_log(world, log[1], unquote(log[2]))
    path = parts.path.removeprefix("/apis/v2beta1/").split("/")
    action = ""
    if ":" in path[-1]:
        path[-1], action = path[-1].split(":")
    return ROUTES[method, path[0], len(path)](world, path, action, query, body)


def health(world: ServerState, *_: Any) -> Any:
    return {"commit_sha": "unknown", "tag_name": world.tag, "multi_user": world.multi_user}


def listed(world: ServerState, items: Any, field_name: str, query: dict[str, str]) -> Any:
    """A page of a list, filtered and sorted as the query says."""
    if world.multi_user and not query.get("namespace") and not query.get("experiment_id"):
        raise RefusedError(400, "Invalid input error: in multi-user mode a namespace is required")
    found = [item for item in items if fits(item, query.get("filter"))]
    key, _, order = query.get("sort_by", "created_at").partition(" ")
    found.sort(key=lambda item: item.get(key, ""), reverse=order == "desc")
    start = int(query.get("page_token") or 0)
    size = min(int(query.get("page_size") or world.page), world.page)
    page = {field_name: [public(item) for item in found[start : start + size]], "total_size": len(found)}
    return page | ({"next_page_token": str(start + size)} if start + size < len(found) else {})


def fits(item: dict[str, Any], text: str | None) -> bool:
    """Whether an item passes a filter."""
    for predicate in json.loads(text)["predicates"] if text else ():
        value, wanted = str(item.get(predicate["key"], "")), predicate["stringValue"]
        if predicate["operation"] in ("EQUALS", 1):
            if value != wanted:
                return False
        elif predicate["operation"] in ("IS_SUBSTRING", 9):
            if wanted not in value:
                return False
        else:
            raise RefusedError(400, f"unknown operation {predicate['operation']}")
    return True


def public(item: dict[str, Any]) -> dict[str, Any]:
    """An item without what only the stub knows."""
    return {key: value for key, value in item.items() if key not in ("held", "step")}


def known(items: dict[str, dict[str, Any]], name: str, what: str) -> dict[str, Any]:
    """An item, or 404."""
    if name not in items:
        raise RefusedError(404, f"{what} {name} not found")
    return items[name]


def list_pipelines(world: ServerState, path: list[str], action: str, query: dict[str, str], body: Any) -> Any:
    return listed(world, world.pipelines.values(), "pipelines", query)


def upload(world: ServerState, path: list[str], action: str, query: dict[str, str], body: Any) -> Any:
    if path[1] == "upload":
        if any(one["display_name"] == query["name"] for one in world.pipelines.values()):
            raise RefusedError(409, "Already exist error: the pipeline exists")
        pipeline = {"pipeline_id": world.new_id("pipeline"), "display_name": query["name"], "created_at": world.now(),
                    "description": query.get("description", "")}  # fmt: skip
        world.pipelines[pipeline["pipeline_id"]] = pipeline
        add_version(world, pipeline["pipeline_id"], query, body)
        return pipeline
    known(world.pipelines, query["pipelineid"], "Pipeline")
    return add_version(world, query["pipelineid"], query, body)


def add_version(world: ServerState, pipeline_id: str, query: dict[str, str], text: str) -> Any:
    if any(one["display_name"] == query["name"] and one["pipeline_id"] == pipeline_id
           for one in world.versions.values()):  # fmt: skip
        raise RefusedError(409, "Already exist error: the version exists")
    documents = list(yaml.safe_load_all(text))
    if "pipelineInfo" not in documents[0]:
        raise RefusedError(400, "Invalid input error: no pipeline spec")
    spec = {"pipeline_spec": documents[0], "platform_spec": documents[1]} if len(documents) > 1 else documents[0]
    version = {
        "pipeline_id": pipeline_id, "pipeline_version_id": world.new_id("version"), "display_name": query["name"],
        "description": query.get("description", ""), "created_at": world.now(),
        # The server keeps a spec as a protobuf Struct, which sorts its keys.
        "pipeline_spec": json.loads(json.dumps(spec, sort_keys=True)),
    }  # fmt: skip
    world.versions[version["pipeline_version_id"]] = version
    return version


def list_versions(world: ServerState, path: list[str], action: str, query: dict[str, str], body: Any) -> Any:
    known(world.pipelines, path[1], "Pipeline")
    # A pipeline was found by its namespace; its versions are asked without one.
    mine = [version for version in world.versions.values() if version["pipeline_id"] == path[1]]
    return listed(world, mine, "pipeline_versions", {**query, "namespace": "of the pipeline"})


def get_version(world: ServerState, path: list[str], action: str, query: dict[str, str], body: Any) -> Any:
    return known(world.versions, path[3], "PipelineVersion")


def list_experiments(world: ServerState, path: list[str], action: str, query: dict[str, str], body: Any) -> Any:
    return listed(world, world.experiments.values(), "experiments", query)


def add_experiment(world: ServerState, path: list[str], action: str, query: dict[str, str], body: Any) -> Any:
    if world.multi_user and not body.get("namespace"):
        raise RefusedError(400, "Invalid input error: the namespace is empty")
    experiment = {"experiment_id": world.new_id("experiment"), "display_name": body["display_name"],
                  "created_at": world.now(), "storage_state": "AVAILABLE"}  # fmt: skip
    world.experiments[experiment["experiment_id"]] = experiment
    return experiment


def checked_reference(world: ServerState, body: Any) -> None:
    """The version, the experiment and the parameters of a body must be known."""
    reference = body["pipeline_version_reference"]
    version = known(world.versions, reference["pipeline_version_id"], "PipelineVersion")
    known(world.experiments, body["experiment_id"], "Experiment")
    if version["pipeline_id"] != reference["pipeline_id"]:
        raise RefusedError(400, "Invalid input error: the version belongs to another pipeline")
    unknown = set(body["runtime_config"].get("parameters") or {}) - set(inputs_of(version))
    if unknown:
        raise RefusedError(400, f"Invalid input error: unrecognized input parameters: {', '.join(sorted(unknown))}")


def inputs_of(version: dict[str, Any]) -> dict[str, Any]:
    spec = version["pipeline_spec"].get("pipeline_spec", version["pipeline_spec"])
    return dict(spec["root"].get("inputDefinitions", {}).get("parameters", {}))


def add_run(world: ServerState, path: list[str], action: str, query: dict[str, str], body: Any) -> Any:
    checked_reference(world, body)
    run = {**body, "run_id": world.new_id("run"), "created_at": world.now(), "step": 0, "held": world.script.held}
    world.runs[run["run_id"]] = run
    if world.on_run:
        world.on_run(run)
    return public(run)


def list_runs(world: ServerState, path: list[str], action: str, query: dict[str, str], body: Any) -> Any:
    return listed(world, world.runs.values(), "runs", query)


def get_run(world: ServerState, path: list[str], action: str, query: dict[str, str], body: Any) -> Any:
    run = known(world.runs, path[1], "Run")
    advance(world, run)
    return public(run)


def terminate(world: ServerState, path: list[str], action: str, query: dict[str, str], body: Any) -> Any:
    run = known(world.runs, path[1], "Run")
    if action != "terminate":
        raise RefusedError(404, f"no such action {action}")
    if run.get("state") in FINAL:
        raise RefusedError(400, f"Failed to terminate a run {path[1]}. Row not found")
    run["state"] = "CANCELING"
    return {}


def advance(world: ServerState, run: dict[str, Any]) -> None:
    """One step of a run, each time that somebody looks."""
    script = world.script
    if run.get("state") in FINAL:
        return
    if run.get("state") == "CANCELING":
        run["state"] = "CANCELED" if script.stops else "CANCELING"
        return
    if not run["held"]:
        run["step"] += script.pace
    version = world.versions[run["pipeline_version_reference"]["pipeline_version_id"]]
    keys = chain_of(version)
    failed = script.fails in keys[: run["step"] - 1]
    over = run["step"] > len(keys) or failed
    run["state"] = ("FAILED" if failed else "SUCCEEDED") if over else "RUNNING" if run["step"] else "PENDING"
    run["run_details"] = {"task_details": argo_nodes(world, run, keys, over)}


def read_log(world: ServerState, run: str, pod: str) -> str:
    """The log of a pod, or what the server says in its place."""
    if run not in world.runs or pod not in world.logs or world.script.gone:
        return json.dumps({"error_message": f"Failed to read logs: pods '{pod}' not found", "error_details": "..."})
    return world.logs[pod]


def list_recurring(world: ServerState, path: list[str], action: str, query: dict[str, str], body: Any) -> Any:
    return listed(world, world.recurring.values(), "recurringRuns", query)


def add_recurring(world: ServerState, path: list[str], action: str, query: dict[str, str], body: Any) -> Any:
    checked_reference(world, body)
    cron = body["trigger"]["cron_schedule"]["cron"]
    if not cron.startswith("@") and len(cron.split()) != 6:
        raise RefusedError(400, f"Invalid input error: the cron '{cron}' has not six fields")
    if not 1 <= int(body["max_concurrency"]) <= 10:
        raise RefusedError(400, "Invalid input error: max_concurrency must be from 1 to 10")
    if body.get("mode") not in ("ENABLE", "DISABLE"):
        raise RefusedError(400, "Invalid input error: no mode")
    kept = {key: value for key, value in body.items() if key != "no_catchup" or value}
    one = {**kept, "recurring_run_id": world.new_id("recurring"), "created_at": world.now(),
           "status": "ENABLED" if body["mode"] == "ENABLE" else "DISABLED",
           "max_concurrency": str(body["max_concurrency"])}  # fmt: skip
    world.recurring[one["recurring_run_id"]] = one
    return one


def act_on_recurring(world: ServerState, path: list[str], action: str, query: dict[str, str], body: Any) -> Any:
    known(world.recurring, path[1], "RecurringRun")["status"] = ACTIONS[action]
    return {}


def delete_recurring(world: ServerState, path: list[str], action: str, query: dict[str, str], body: Any) -> Any:
    known(world.recurring, path[1], "RecurringRun")
    del world.recurring[path[1]]
    return {}


ROUTES = {
    ("GET", "healthz", 1): health,
    ("GET", "pipelines", 1): list_pipelines,
    ("POST", "pipelines", 2): upload,
    ("GET", "pipelines", 3): list_versions,
    ("GET", "pipelines", 4): get_version,
    ("GET", "experiments", 1): list_experiments,
    ("POST", "experiments", 1): add_experiment,
    ("POST", "runs", 1): add_run,
    ("GET", "runs", 1): list_runs,
    ("GET", "runs", 2): get_run,
    ("POST", "runs", 2): terminate,
    ("GET", "recurringruns", 1): list_recurring,
    ("POST", "recurringruns", 1): add_recurring,
    ("POST", "recurringruns", 2): act_on_recurring,
    ("DELETE", "recurringruns", 2): delete_recurring,
}
