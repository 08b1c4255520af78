"""The controllers of a fake cluster, acting on the objects of its API: Jobs, kubelet, pod names, garbage collection."""

import copy
import os
import random
import re
import signal
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

Json = dict[str, Any]
ROOT = Path(__file__).resolve().parents[3]
INDEX = "batch.kubernetes.io/job-completion-index"
TICK_S, BACKOFF_S = 0.03, 0.5
NAME = re.compile(r"([a-z0-9-]+)\.([a-z0-9-]+)\.([a-z0-9-]+)\.svc:\d+")


def now() -> str:
    """A time as the API writes it, though to the microsecond: pods here come and go faster than in a cluster."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def phase(pod: Json) -> str:
    return str(pod["status"].get("phase"))


class Container:
    """A process, and the lines that it has printed, each with its time."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self.lines: list[tuple[str, str]] = []
        self.closed = False
        self.process = subprocess.Popen(
            command, env=environment, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
        )  # fmt: skip
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self.lines.append((now(), line.rstrip("\n")))
        self.closed = True

    def kill(self) -> None:
        """As the kubelet does when the time of grace is over."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)


class Cluster:
    """The objects, and the loop that acts on them. ``missing_images`` are those that no registry has."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.missing_images: set[str] = set()
        self.secrets = {"mainline-metadata": {"password": "secret"}}
        # Before 1.28 the index of a pod was no label.
        self.labels_index = True
        self.image_environment: dict[str, str] = {"PYTHONPATH": str(ROOT)}
        self._objects: dict[tuple[str, str], Json] = {}
        self._containers: dict[str, Container] = {}
        self._failed: dict[str, dict[str, float]] = {}
        self._ports: dict[str, int] = {}
        self._done = threading.Event()
        self._loop = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Starts the controllers."""
        self._loop.start()

    def stop(self) -> None:
        """Stops them, and every process."""
        self._done.set()
        self._loop.join()
        for container in self._containers.values():
            container.kill()
            container.process.wait()

    def put(self, body: Json) -> Json:
        """Adds an object."""
        made = copy.deepcopy(body)
        made["metadata"] |= {"uid": str(uuid.uuid4()), "creationTimestamp": now(), "resourceVersion": "1"}
        made.setdefault("status", {})
        with self.lock:
            self._objects[made["kind"], made["metadata"]["name"]] = made
        return made

    def get(self, kind: str, name: str) -> Json | None:
        """An object, if it is there."""
        return self._objects.get((kind, name))

    def listed(self, kind: str) -> list[Json]:
        """All of a kind."""
        return [body for (its, _), body in self._objects.items() if its == kind]

    def delete(self, body: Json, propagation: str = "Background") -> None:
        """Deletes an object; a pod, and a Job that waits for its pods, are marked first."""
        with self.lock:
            if body["kind"] == "Pod" or (body["kind"] == "Job" and propagation == "Foreground"):
                body["metadata"].setdefault("deletionTimestamp", now())
                for pod in self._owned(body):
                    self.delete(pod)
            else:
                self._objects.pop((body["kind"], body["metadata"]["name"]), None)

    def log(self, pod: Json, follow: bool) -> Iterator[tuple[str, str]] | None:
        """The lines of a pod, None before it has any."""
        container = self._containers.get(pod["metadata"]["uid"])
        return None if container is None else self._lines(container, follow)

    def _lines(self, container: Container, follow: bool) -> Iterator[tuple[str, str]]:
        at = 0
        while True:
            is_last = container.closed or not follow
            yield from (lines := container.lines[at:])
            at += len(lines)
            if is_last:
                return
            time.sleep(TICK_S)

    def pid(self, pod: Json) -> int | None:
        """The process of a pod while it runs."""
        container = self._containers.get(pod["metadata"]["uid"])
        return container.process.pid if container and container.process.poll() is None else None

    @staticmethod
    def index(pod: Json) -> int:
        """The completion index of a pod."""
        return int(pod["metadata"]["annotations"][INDEX])

    def evict(self, pod: Json) -> None:
        """Ends a pod as a node does that has no memory left: no word of its container stays."""
        with self.lock:
            self._containers[pod["metadata"]["uid"]].kill()
            there = self._objects["Pod", pod["metadata"]["name"]]
            there["status"] = {"phase": "Failed", "reason": "Evicted", "message": "The node was low on memory."}

    def _run(self) -> None:
        while not self._done.wait(TICK_S):
            with self.lock:
                for pod in self.listed("Pod"):
                    if "ownerReferences" in pod["metadata"]:
                        self._keep(pod)
                    elif "deletionTimestamp" in pod["metadata"]:
                        del self._objects["Pod", pod["metadata"]["name"]]
                for job in self.listed("Job"):
                    self._control(job)
                self._collect()

    def _owned(self, body: Json) -> list[Json]:
        uid = body["metadata"]["uid"]
        pods = self.listed("Pod")
        return [pod for pod in pods if uid in (one["uid"] for one in pod["metadata"].get("ownerReferences", []))]

    def _collect(self) -> None:
        uids = {body["metadata"]["uid"] for body in self._objects.values()}
        for body in list(self._objects.values()):
            owners = {owner["uid"] for owner in body["metadata"].get("ownerReferences", [])}
            if owners and not owners & uids:
                self.delete(body)

    # The Job controller: https://kubernetes.io/docs/concepts/workloads/controllers/job/

    def _control(self, job: Json) -> None:
        pods = self._owned(job)
        if "deletionTimestamp" in job["metadata"]:
            if not pods:
                del self._objects["Job", job["metadata"]["name"]]
        elif not job["status"].get("conditions"):
            self._go_on(job, pods)

    def _go_on(self, job: Json, pods: list[Json]) -> None:
        """Ends a Job that has failed or is done, else makes the pods that it lacks."""
        spec, failed = job["spec"], self._failed.setdefault(job["metadata"]["uid"], {})
        for pod in (one for one in pods if phase(one) == "Failed" or "deletionTimestamp" in one["metadata"]):
            failed.setdefault(pod["metadata"]["uid"], time.monotonic())
        done = [pod for pod in pods if phase(pod) == "Succeeded"]
        if len(failed) > spec["backoffLimit"]:
            job["status"]["conditions"] = [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]
            for pod in (one for one in pods if phase(one) not in ("Failed", "Succeeded")):
                self.delete(pod)
        elif len(done) == spec["completions"]:
            job["status"]["conditions"] = [{"type": "Complete", "status": "True"}]
        elif time.monotonic() - max(failed.values(), default=0.0) > BACKOFF_S:
            there = {self.index(pod) for pod in pods if pod["metadata"]["uid"] not in failed}
            for index in set(range(spec["completions"])) - there:
                self.put(self._pod_of(job, index))

    def _pod_of(self, job: Json, index: int) -> Json:
        template, name = copy.deepcopy(job["spec"]["template"]), f"{job['metadata']['name']}-{index}"
        metadata = template.setdefault("metadata", {})
        metadata.setdefault("annotations", {})[INDEX] = str(index)
        metadata.setdefault("labels", {})
        if self.labels_index:
            metadata["labels"][INDEX] = str(index)
        suffix = "".join(random.choices("bcdfghjklmnpqrstvwxz2456789", k=5))
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": job["metadata"]["name"], "controller": True}
        metadata |= {"name": f"{name}-{suffix}", "namespace": job["metadata"]["namespace"],
                     "ownerReferences": [{**owner, "uid": job["metadata"]["uid"]}]}  # fmt: skip
        template["spec"]["hostname"] = name
        field = {"fieldRef": {"fieldPath": f"metadata.annotations['{INDEX}']"}}
        for container in template["spec"]["containers"]:
            container.setdefault("env", []).append({"name": "JOB_COMPLETION_INDEX", "valueFrom": field})
        return {"apiVersion": "v1", "kind": "Pod", **template, "status": {"phase": "Pending"}}

    # The kubelet, and the names that the headless Service gives

    def _keep(self, pod: Json) -> None:
        uid, name = pod["metadata"]["uid"], pod["metadata"]["name"]
        container = self._containers.get(uid)
        if container is None and "deletionTimestamp" not in pod["metadata"]:
            self._start(pod)
            return
        if "deletionTimestamp" in pod["metadata"] and container is not None:
            container.kill()
        code = container.process.poll() if container else -signal.SIGKILL
        if code is None or (container is not None and not container.closed):
            return
        if "deletionTimestamp" in pod["metadata"]:
            del self._objects["Pod", name]
        elif pod["status"]["phase"] == "Running":
            reason = "Error" if code else "Completed"
            ended = {"terminated": {"exitCode": 128 - code if code < 0 else code, "reason": reason}}
            pod["status"] = {"phase": "Failed" if code else "Succeeded", **self._status(ended)}

    def _start(self, pod: Json) -> None:
        (container,) = pod["spec"]["containers"]
        if container["image"] in self.missing_images:
            waiting = {"reason": "ErrImagePull", "message": f"{container['image']}: not found"}
            pod["status"] = {"phase": "Pending", **self._status({"waiting": waiting})}
            return
        environment = {**self.image_environment, "PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
        for variable in container["env"]:
            environment[variable["name"]] = self._resolve(self._value(pod, variable), pod)
        command = [*container["command"], *container.get("args", [])]
        self._containers[pod["metadata"]["uid"]] = Container(command, environment)
        pod["status"] = {"phase": "Running", **self._status({"running": {"startedAt": now()}})}

    @staticmethod
    def _status(state: Json) -> Json:
        return {"containerStatuses": [{"name": "proxy", "state": {"running": {}}}, {"name": "main", "state": state}]}

    def _value(self, pod: Json, variable: Json) -> str:
        source = variable.get("valueFrom", {})
        if "secretKeyRef" in source:
            return self.secrets[source["secretKeyRef"]["name"]][source["secretKeyRef"]["key"]]
        if "resourceFieldRef" in source:
            return "1"
        if "fieldRef" in source:
            found = re.fullmatch(r"metadata\.annotations\['(.+)'\]", source["fieldRef"]["fieldPath"])
            return str(pod["metadata"]["annotations"][found.group(1)]) if found else ""
        return str(variable["value"])

    def _resolve(self, text: str, pod: Json) -> str:
        """Puts loopback in place of every name that the cluster would know, a port for each pod: all share one host."""
        return NAME.sub(lambda found: self._address(found, pod), text)

    def _address(self, found: "re.Match[str]", pod: Json) -> str:
        host, service, namespace = found.groups()
        there = self._objects.get(("Service", service))
        if there is None or namespace != pod["metadata"]["namespace"]:
            return found.group()
        spec, labels = there["spec"], pod["metadata"]["labels"]
        is_named = (
            spec["clusterIP"] == "None" and spec["publishNotReadyAddresses"] and pod["spec"]["subdomain"] == service
        )
        if not is_named or not spec["selector"].items() <= labels.items():
            return found.group()
        if host not in self._ports:
            with socket.socket() as opened:
                opened.bind(("127.0.0.1", 0))
                self._ports[host] = opened.getsockname()[1]
        return f"127.0.0.1:{self._ports[host]}"
