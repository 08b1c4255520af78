"""``compile`` and ``submit``: a config becomes a package, a version on the server, and a run."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.kubeflow.client.connection import Connection
from pipeline.kubeflow.client.versions import Experiment, Version, ensure_experiment, ensure_version
from pipeline.kubeflow.client.waiting import look, wait_and_tell
from pipeline.kubeflow.compile.compiler import Asked, Compiled, compiled, write_package

if TYPE_CHECKING:
    from pipeline.kubeflow.compile.package import Package


@dataclass(frozen=True)
class Uploaded:
    """What a run, or a recurring one, is made of."""

    package: "Package"
    version: Version
    experiment: Experiment
    parameters: Mapping[str, Any]


def compile_to(asked: Asked, output: Path, as_json: bool) -> int:
    """Writes the YAML of a config; no server is asked."""
    done = compiled(asked.whole)
    write_package(done.package, output)
    if as_json:
        print(json.dumps({**facts_of(done), "output": str(output)}, indent=1))
    else:
        print(f"{output}: {done.package.name}, {len(done.package.nodes)} nodes, {done.took()}")
    return 0


def facts_of(done: Compiled) -> dict[str, Any]:
    """A compilation for a script."""
    return {
        "pipeline": done.package.name,
        "digest": done.package.digest,
        "nodes": list(done.package.nodes),
        "parameters": dict(done.package.parameters),
        "seconds": round(done.seconds, 2),
        "import_seconds": round(done.import_seconds, 2),
    }


def upload(connection: Connection, asked: Asked, experiment: str) -> Uploaded:
    """Compiles a config and puts on the server what is not yet there."""
    done = compiled(asked.config)
    print(done.took(), file=sys.stderr)
    version = ensure_version(connection, done.package)
    return Uploaded(
        done.package, version, ensure_experiment(connection, experiment or done.package.name), asked.parameters
    )


def submit(connection: Connection, asked: Asked, options: Any) -> int:
    """Runs a config now; with ``--wait`` the exit code is that of the run."""
    if options.upload_only:
        return upload_only(connection, asked, options.json)
    made = upload(connection, asked, options.experiment)
    name = f"{made.package.name} {datetime.now().astimezone().isoformat(timespec='seconds')}"
    run = start_run(connection, name, made.version, made.experiment, made.parameters, options.service_account)
    facts = {
        "run": run,
        "url": connection.run_url(run),
        "experiment": made.experiment.name,
        "pipeline": made.package.name,
        "version": made.version.name,
        "new_version": made.version.new,
        "parameters": dict(made.parameters),
    }
    return end(connection, facts, options)


def upload_only(connection: Connection, asked: Asked, as_json: bool) -> int:
    """Puts a config on the server as a version, with the parameters as its defaults; ``retrain`` can run it."""
    done = compiled(asked.whole)
    version = ensure_version(connection, done.package)
    facts = {"pipeline": done.package.name, "version": version.name, "new_version": version.new}
    tell(facts, as_json)
    return 0


def start_run(connection: Connection, name: str, version: Version, experiment: Experiment,
              parameters: Mapping[str, Any], service_account: str) -> str:  # fmt: skip
    """Starts a run of a version; gives its id."""
    answer = connection.call(
        f"starting a run of {version.name}", connection.client.run_pipeline, experiment.id, name,
        params=dict(parameters), pipeline_id=version.pipeline_id, version_id=version.id,
        service_account=service_account,
    )  # fmt: skip
    return str(answer.run_id)


def end(connection: Connection, facts: Mapping[str, Any], options: Any) -> int:
    """Says what was started and, if asked, waits for it."""
    if options.wait:
        if not options.json:
            tell(facts, as_json=False)
        return wait_and_tell(connection, facts["run"], facts, options.json)
    tell(facts if options.json else {**facts, "next": look(connection, facts["run"])}, options.json)
    return 0


def tell(facts: Mapping[str, Any], as_json: bool) -> None:
    """Prints facts, for a person without those that are empty."""
    if as_json:
        print(json.dumps(facts, indent=1))
        return
    for key, value in facts.items():
        if value not in ("", {}, None):
            text = json.dumps(value) if isinstance(value, dict) else value
            print(f"{key.replace('_', ' '):14} {text}", flush=True)
