"""``compile`` and ``submit``: turn a config into a package, a version on the server, and a run."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.kubeflow.client.connection import Connection
from pipeline.kubeflow.client.versions import Experiment, Version, ensure_experiment, ensure_version
from pipeline.kubeflow.client.waiting import status_command, wait_and_report
from pipeline.kubeflow.compile.compiler import Compilation, CompileRequest, compile_config, write_package

if TYPE_CHECKING:
    from pipeline.kubeflow.compile.package import Package


@dataclass(frozen=True)
class Uploaded:
    """A version and an experiment on the server, with the parameters for a run of it."""

    package: "Package"
    version: Version
    experiment: Experiment
    parameters: Mapping[str, Any]


def compile_to(request: CompileRequest, output: Path, as_json: bool) -> int:
    """Write the YAML of a config, without a server."""
    done = compile_config(request.full_config)
    write_package(done.package, output)
    if as_json:
        print(json.dumps({**facts_of(done), "output": str(output)}, indent=1))
    else:
        print(f"{output}: {done.package.name}, {len(done.package.nodes)} nodes, {done.timing()}")
    return 0


def facts_of(done: Compilation) -> dict[str, Any]:
    """A compilation as JSON."""
    return {
        "pipeline": done.package.name,
        "digest": done.package.digest,
        "nodes": list(done.package.nodes),
        "parameters": dict(done.package.parameters),
        "seconds": round(done.seconds, 2),
        "import_seconds": round(done.import_seconds, 2),
    }


def upload(connection: Connection, request: CompileRequest, experiment: str) -> Uploaded:
    """Compile a config, and create what the server does not have yet."""
    done = compile_config(request.config)
    print(done.timing(), file=sys.stderr)
    version = ensure_version(connection, done.package)
    return Uploaded(
        done.package, version, ensure_experiment(connection, experiment or done.package.name), request.parameters
    )


def submit(connection: Connection, request: CompileRequest, options: Any) -> int:
    """Run a config; with ``--wait`` the exit code is that of the run."""
    if options.upload_only:
        return upload_only(connection, request, options.json)
    uploaded = upload(connection, request, options.experiment)
    name = f"{uploaded.package.name} {datetime.now().astimezone().isoformat(timespec='seconds')}"
    run = start_run(
        connection, name, uploaded.version, uploaded.experiment, uploaded.parameters, options.service_account
    )
    facts = {
        "run": run,
        "url": connection.run_url(run),
        "experiment": uploaded.experiment.name,
        "pipeline": uploaded.package.name,
        "version": uploaded.version.name,
        "new_version": uploaded.version.new,
        "parameters": dict(uploaded.parameters),
    }
    return report_started(connection, facts, options)


def upload_only(connection: Connection, request: CompileRequest, as_json: bool) -> int:
    """Upload a config as a version with its parameters as defaults, for ``retrain`` to run."""
    done = compile_config(request.full_config)
    version = ensure_version(connection, done.package)
    facts = {"pipeline": done.package.name, "version": version.name, "new_version": version.new}
    print_facts(facts, as_json)
    return 0


def start_run(connection: Connection, name: str, version: Version, experiment: Experiment,
              parameters: Mapping[str, Any], service_account: str) -> str:  # fmt: skip
    """Start a run of a version, and return its id."""
    answer = connection.call(
        f"starting a run of {version.name}", connection.client.run_pipeline, experiment.id, name,
        params=dict(parameters), pipeline_id=version.pipeline_id, version_id=version.id,
        service_account=service_account,
    )  # fmt: skip
    return str(answer.run_id)


def report_started(connection: Connection, facts: Mapping[str, Any], options: Any) -> int:
    """Print the run that was started and, with ``--wait``, wait for it."""
    if options.wait:
        if not options.json:
            print_facts(facts, as_json=False)
        return wait_and_report(connection, facts["run"], facts, options.json)
    print_facts(facts if options.json else {**facts, "next": status_command(connection, facts["run"])}, options.json)
    return 0


def print_facts(facts: Mapping[str, Any], as_json: bool) -> None:
    """Print facts as JSON, or as lines without empty values."""
    if as_json:
        print(json.dumps(facts, indent=1))
        return
    for key, value in facts.items():
        if value not in ("", {}, None):
            text = json.dumps(value) if isinstance(value, dict) else value
            print(f"{key.replace('_', ' '):14} {text}", flush=True)
