"""A small Kubeflow Pipelines: it reads a compiled pipeline and acts as its driver and launcher, pod by pod.

Each container's own command runs as a process of its own, in a mount namespace where the claim is mounted, with the
environment that the platform spec asks for; tasks that do not wait for one another run at the same time; a task that
fails is tried again as its retry policy says; the task of the exit handler runs last, whatever came before.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[3]
PARAMETER = re.compile(r"\{\{\$\.inputs\.parameters\['([^']+)'\]\}\}")
ARTIFACT = re.compile(r"\{\{\$\.outputs\.artifacts\['([^']+)'\]\.path\}\}")
# Mounts the volume by a command of its own, where there is one, and becomes the container's command.
MOUNTED = 'set -e; mkdir -p "$1"; eval "$2"; shift 2; exec "$@"'
# What Kubernetes tells every pod of the Service that leads to ML Metadata.
SERVICE_LINKS = {
    "MAINLINE_METADATA_PORT": "tcp://10.96.0.7:3306",
    "MAINLINE_METADATA_SERVICE_HOST": "10.96.0.7",
    "MAINLINE_METADATA_SERVICE_PORT": "3306",
}
NO_VOLUME = "true"
# The driver of an object store that does not respond, by https://rclone.org/commands/rclone_mount/.
LOST_STORE = """
env -u AWS_CA_BUNDLE rclone mount --config "" --retries 1 --low-level-retries 1 \
    ":s3,provider=Other,endpoint='http://127.0.0.1:9',access_key_id=a,secret_access_key=b:bucket" "$1" \
    >/dev/null 2>&1 &
until grep -q " $1 " /proc/self/mountinfo; do sleep 0.1; done
"""


def bound(folder: Path) -> str:
    """The command that mounts a folder as the volume."""
    return f'mount --bind "{folder}" "$1"'


@dataclass
class Try:
    """One pod: how it ended, and what it printed."""

    code: int
    log: str

    @property
    def last_line(self) -> str:
        return self.log.rstrip().splitlines()[-1]


@dataclass
class Ran:
    """A run: the tries of each task by its display name, and the folder of what each one showed."""

    tries: dict[str, list[Try]] = field(default_factory=dict)
    shown: dict[str, Path] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)

    @property
    def succeeded(self) -> bool:
        return all(tries[-1].code == 0 for tries in self.tries.values())

    def summary(self) -> dict[str, Any]:
        """The facts in the last line of the last pod."""
        word, _, facts = self.tries["Finish"][-1].last_line.partition(" ")
        assert word == "MAINLINE_SUMMARY", self.tries["Finish"][-1].log
        return dict(json.loads(facts))

    def states(self) -> dict[str, str]:
        return {node["node"]: node["state"] for node in self.summary()["nodes"]}


class Cluster:
    """Runs compiled pipelines.

    Args:
        folder: for what pods show.
        volume: the shell command that mounts the claim at ``$1``.
        secrets: keys and values by name of the Secret.
        started: called with the display name and the process of each pod.
        parallel: how many pods there is room for.
    """

    def __init__(
        self,
        folder: Path,
        volume: str,
        secrets: Mapping[str, Mapping[str, str]],
        environment: Mapping[str, str] | None = None,
        started: Callable[[str, "subprocess.Popen[str]"], None] = lambda name, process: None,
        parallel: int = 2,
    ) -> None:
        self.folder = folder
        self.volume = volume
        self.secrets = secrets
        self.environment = dict(environment or {})
        self.started = started
        self.parallel = parallel

    def run(self, text: str, **parameters: Any) -> Ran:
        """Runs a pipeline to its end."""
        spec, platform = yaml.safe_load_all(text)
        run = Run(self, spec, platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"], parameters)
        return run.walk()


class Run:
    """One run of a pipeline."""

    def __init__(self, cluster: Cluster, spec: dict[str, Any], platform: dict[str, Any], given: dict[str, Any]) -> None:
        self.cluster = cluster
        self.spec = spec
        self.platform = platform
        self.id = str(uuid.uuid4())
        self.ran = Ran()
        inputs = spec["root"]["inputDefinitions"]["parameters"]
        unknown = set(given) - set(inputs)
        assert not unknown, f"the pipeline has no parameters {unknown}"
        # Numbers go through JSON's one kind, as in the backend: a whole one comes out without a point.
        self.parameters = {name: given.get(name, row.get("defaultValue")) for name, row in inputs.items()}
        self.types = {name: row["parameterType"] for name, row in inputs.items()}

    def walk(self) -> Ran:
        """The tasks of the graph, then the one of the exit handler."""
        tasks = self.spec["root"]["dag"]["tasks"]
        (graph,) = [task for task in tasks.values() if self.is_graph(task)]
        (end,) = [task for task in tasks.values() if not self.is_graph(task)]
        assert end["triggerPolicy"]["strategy"] == "ALL_UPSTREAM_TASKS_COMPLETED"
        self.walk_graph(self.spec["components"][graph["componentRef"]["name"]]["dag"]["tasks"])
        self.run_task(end)
        return self.ran

    def is_graph(self, task: dict[str, Any]) -> bool:
        return "dag" in self.spec["components"][task["componentRef"]["name"]]

    def walk_graph(self, tasks: dict[str, Any]) -> None:
        """Starts each task when those before it have succeeded; after a failure nothing new starts."""
        waiting, running, done = dict(tasks), {}, set()
        with ThreadPoolExecutor(self.cluster.parallel) as pods:
            while waiting or running:
                ready = [name for name, task in waiting.items() if set(task.get("dependentTasks", ())) <= done]
                running |= {pods.submit(self.run_task, waiting.pop(name)): name for name in ready}
                if not running:
                    return
                over = next(iter(self.first(running)))
                name = running.pop(over)
                if over.result():
                    done.add(name)

    def first(self, running: dict["Future[bool]", str]) -> set["Future[bool]"]:
        return wait(running, return_when=FIRST_COMPLETED).done

    def run_task(self, task: dict[str, Any]) -> bool:
        """Tries a task as often as its policy says."""
        name = task["taskInfo"]["name"]
        assert not task.get("cachingOptions", {}).get("enableCache"), "the cache of TFX is the only one"
        tries = self.ran.tries.setdefault(name, [])
        policy = task.get("retryPolicy", {})
        # As Argo has it: from the start of the first try, after which none begins, and none goes on.
        end_s = time.monotonic() + float(policy.get("backoffMaxDuration", "inf").removesuffix("s"))
        for _ in range(1 + int(policy.get("maxRetryCount", 0))):
            tries.append(self.run_pod(name, task, end_s))
            if tries[-1].code == 0 or time.monotonic() > end_s:
                break
        self.ran.ended.append(name)
        return tries[-1].code == 0

    def run_pod(self, name: str, task: dict[str, Any], end_s: float) -> Try:
        """Runs the container of a task."""
        label = self.spec["components"][task["componentRef"]["name"]]["executorLabel"]
        container = self.spec["deploymentSpec"]["executors"][label]["container"]
        shown = self.cluster.folder / f"{self.id[:8]}-{name}"
        self.ran.shown[name] = shown
        words = [sys.executable, *container["command"][1:]]
        words += [self.filled(word, task, shown) for word in container["args"]]
        process = subprocess.Popen(
            self.mounted(label, words),
            env=self.environment(label),
            cwd=ROOT,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.cluster.started(name, process)
        bound_s = min(float(self.platform[label]["activeDeadlineSeconds"]), end_s - time.monotonic())
        timer = threading.Timer(min(bound_s, threading.TIMEOUT_MAX), process.terminate)
        timer.start()
        try:
            log = process.communicate()[0]
        finally:
            timer.cancel()
            stop_group(process)
        return Try(process.returncode, log)

    def mounted(self, label: str, words: list[str]) -> list[str]:
        """A command in a mount namespace of its own, with the claim where the pod wants it."""
        (mount,) = self.platform[label]["pvcMount"]
        return ["unshare", "-m", "sh", "-c", MOUNTED, "sh", mount["mountPath"], self.cluster.volume, *words]

    def filled(self, word: str, task: dict[str, Any], shown: Path) -> str:
        """An argument with its placeholders replaced, as driver and launcher do; one that stays is a mistake."""
        inputs = task["inputs"]["parameters"]
        word = PARAMETER.sub(lambda found: self.value(inputs[found.group(1)]), word)
        word = ARTIFACT.sub(lambda found: str(shown / found.group(1)), word)
        word = word.replace("{{$.outputs.output_file}}", str(shown / "executor_output.json"))
        assert "{{" not in word, word
        return word

    def value(self, source: dict[str, Any]) -> str:
        """An input of a task: a parameter of the pipeline, or a constant."""
        if "runtimeValue" in source:
            constant = source["runtimeValue"]["constant"]
            return self.id if constant == "{{$.pipeline_job_uuid}}" else str(constant)
        name = source["componentInputParameter"].removeprefix("pipelinechannel--")
        value = self.parameters[name]
        return str(int(value)) if self.types[name] == "NUMBER_INTEGER" else str(value)

    def environment(self, label: str) -> dict[str, str]:
        """The environment of a pod: of our variables only those that the platform spec sets."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MAINLINE_")}
        wanted = self.platform[label]
        for secret in wanted.get("secretAsEnv", ()):
            values = self.cluster.secrets[secret["secretName"]]
            kept |= {pair["envVar"]: values[pair["secretKey"]] for pair in secret["keyToEnv"]}
        fields = {"metadata.name": f"pod-{label}", "metadata.uid": self.id, "metadata.namespace": "kubeflow"}
        kept |= {row["name"]: fields[row["fieldPath"]] for row in wanted.get("fieldPathAsEnv", ())}
        return {**kept, **SERVICE_LINKS, **self.cluster.environment, "PYTHONPATH": str(ROOT)}


def stop_group(process: "subprocess.Popen[str]") -> None:
    """Kills what a pod has started and left, such as the driver of its volume, or the whole pod."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
