"""``schedule``: keep exactly one recurring run per pipeline, however often the command is run.

The existing and the desired recurring runs give a plan; an old one is removed after its successor exists. Recurring
runs of this command are recognized by their pipeline, name and description; others were created by hand.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from typing import Any

from pipeline.errors import InputError, MainlineError
from pipeline.kubeflow.client.api_errors import status_of
from pipeline.kubeflow.client.connection import Connection
from pipeline.kubeflow.client.submit import Uploaded, upload
from pipeline.kubeflow.client.versions import MADE_BY, known_pipeline
from pipeline.kubeflow.compile.compiler import CompileRequest
from pipeline.run.watch.cron import Cron, parse_cron

CONCURRENCY = range(1, 11)
# Two commands at the same time see each other's recurring run in the second round; the third changes nothing.
ROUNDS = 3


@dataclass(frozen=True)
class ScheduleSpec:
    """The settings of a recurring run; two with equal settings do the same."""

    version: str
    experiment: str
    cron: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    max_concurrency: int = 1
    no_catchup: bool = False
    service_account: str = ""

    @property
    def digest(self) -> str:
        """A hash of the settings, kept in the description of the recurring run, which cannot be changed.

        The settings on the server are not compared, because it may fill in defaults.
        """
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode("utf-8")).hexdigest()[:12]


@dataclass(frozen=True)
class RecurringRun:
    """A recurring run on the server; ``digest`` is empty if it was created by hand."""

    id: str
    name: str
    enabled: bool
    created: datetime
    digest: str
    spec: ScheduleSpec


@dataclass(frozen=True)
class Plan:
    """The calls to make, in this order."""

    create: bool
    enable: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.create or self.enable or self.remove)


def plan(existing: Sequence[RecurringRun], spec: ScheduleSpec) -> Plan:
    """Keep the oldest recurring run with the desired settings, or create one, and remove all others.

    >>> plan([], ScheduleSpec("v1", "e", "0 0 3 * * *"))
    Plan(create=True, enable=(), remove=())
    """
    same = sorted((one for one in existing if one.digest == spec.digest), key=lambda one: (one.created, one.id))
    kept = same[:1]
    others = tuple(one.id for one in existing if one not in kept)
    return Plan(not kept, tuple(one.id for one in kept if not one.enabled), others)


def schedule_name(pipeline: str) -> str:
    """The name of our recurring run of a pipeline."""
    return f"{pipeline}-schedule"


def read_cron(options: Any) -> Cron:
    """Check the options, and parse the cron expression.

    Raises:
        InputError: no or an invalid cron expression, or an invalid concurrency.
    """
    if not options.cron:
        raise InputError("schedule", "--cron is missing", expected="six fields, seconds first",
                         next_step="For example --cron '0 0 3 * * *' runs daily at 3:00 UTC.")  # fmt: skip
    if options.max_concurrency not in CONCURRENCY:
        raise InputError("--max-concurrency", "out of range", expected="1 to 10", received=str(options.max_concurrency))
    return parse_cron(options.cron)


def create(connection: Connection, request: CompileRequest, cron: Cron, options: Any) -> int:
    """Ensure that there is one enabled recurring run with the requested settings."""
    uploaded = upload(connection, request, options.experiment)
    spec = ScheduleSpec(
        uploaded.version.id, uploaded.experiment.id, cron.text, dict(uploaded.parameters), options.max_concurrency,
        options.no_catchup, options.service_account,
    )  # fmt: skip
    done = reconcile(connection, uploaded, spec)
    kept = find_kept(our_recurring_runs(connection, uploaded.version.pipeline_id, uploaded.package.name), spec)
    facts = {
        "recurring_run": kept.id,
        "name": kept.name,
        "experiment": uploaded.experiment.name,
        "pipeline": uploaded.package.name,
        "version": uploaded.version.name,
        "cron": cron.text,
        "next": cron.next_after(datetime.now(timezone.utc)).isoformat(),
        "changed": not done.empty,
        "created": done.create,
        "enabled_again": len(done.enable),
        "removed": len(done.remove),
    }
    print_facts(facts, "created" if done.create else "unchanged" if done.empty else "updated", options.json)
    return 0


def find_kept(existing: Sequence[RecurringRun], spec: ScheduleSpec) -> RecurringRun:
    """The recurring run with the desired settings.

    Raises:
        MainlineError: another command has removed it.
    """
    kept = next((one for one in existing if one.digest == spec.digest), None)
    if kept is None:
        raise MainlineError("schedule", "another command schedules the same pipeline at the same time",
                            next_step="Agree on one schedule, and run the command again.")  # fmt: skip
    return kept


def reconcile(connection: Connection, uploaded: Uploaded, spec: ScheduleSpec) -> Plan:
    """Carry out plans until there is nothing to do; return all that was done."""
    done = Plan(create=False)
    for _ in range(ROUNDS):
        step = plan(our_recurring_runs(connection, uploaded.version.pipeline_id, uploaded.package.name), spec)
        if step.empty:
            return done
        if step.create:
            create_recurring_run(connection, uploaded, spec)
        for one in step.enable:
            connection.call(f"enabling recurring run {one}", connection.client.enable_recurring_run, one)
        for one in step.remove:
            remove(connection, one)
        done = Plan(done.create or step.create, done.enable + step.enable, done.remove + step.remove)
    return done


def create_recurring_run(connection: Connection, uploaded: Uploaded, spec: ScheduleSpec) -> None:
    """Create an enabled recurring run."""
    connection.call(
        f"scheduling {uploaded.package.name}", connection.client.create_recurring_run, spec.experiment,
        schedule_name(uploaded.package.name), description=f"{MADE_BY} {uploaded.version.name} {spec.digest}",
        cron_expression=spec.cron,
        max_concurrency=spec.max_concurrency, no_catchup=spec.no_catchup, params=dict(spec.parameters),
        pipeline_id=uploaded.version.pipeline_id, version_id=spec.version, enabled=True,
        service_account=spec.service_account,
    )  # fmt: skip


def remove(connection: Connection, recurring: str) -> None:
    """Disable and delete a recurring run, which another command may do at the same time."""
    for doing, call in (
        (f"disabling recurring run {recurring}", connection.client.disable_recurring_run),
        (f"deleting recurring run {recurring}", connection.client.delete_recurring_run),
    ):
        try:
            connection.call(doing, call, recurring)
        except MainlineError as error:
            if status_of(error.__cause__ or error) != 404:
                raise


def our_recurring_runs(connection: Connection, pipeline_id: str, pipeline: str) -> list[RecurringRun]:
    """The recurring runs of a pipeline that this command has created."""
    return [one for one in recurring_runs(connection, pipeline_id) if is_ours(one, pipeline)]


def is_ours(one: RecurringRun, pipeline: str) -> bool:
    """Whether this command has created a recurring run."""
    return bool(one.digest) and one.name == schedule_name(pipeline)


def recurring_runs(connection: Connection, pipeline_id: str) -> list[RecurringRun]:
    found = connection.items("recurring runs", connection.client.list_recurring_runs, "recurring_runs",
                             namespace=connection.namespace)  # fmt: skip
    references = ((one, one.pipeline_version_reference) for one in found)
    return [
        as_recurring_run(one) for one, reference in references if reference and reference.pipeline_id == pipeline_id
    ]


def as_recurring_run(answer: Any) -> RecurringRun:
    """Convert a recurring run of the SDK, in which numbers are strings and false values are missing."""
    trigger = answer.trigger.cron_schedule if answer.trigger else None
    spec = ScheduleSpec(
        version=answer.pipeline_version_reference.pipeline_version_id or "",
        experiment=answer.experiment_id or "",
        cron=(trigger.cron or "") if trigger else "",
        parameters=dict((answer.runtime_config.parameters if answer.runtime_config else None) or {}),
        max_concurrency=int(answer.max_concurrency or 0),
        no_catchup=bool(answer.no_catchup),
        service_account=answer.service_account or "",
    )
    words = (answer.description or "").split()
    return RecurringRun(answer.recurring_run_id, answer.display_name or "", answer.status == "ENABLED",
                     answer.created_at, words[-1] if words[:1] == [MADE_BY] else "", spec)  # fmt: skip


def act(connection: Connection, pipeline: str, options: Any) -> int:
    """``list``, ``pause``, ``resume`` or ``delete``.

    Raises:
        InputError: the pipeline is not on the server, or has no schedule.
    """
    pipeline_id = known_pipeline(connection, pipeline)
    if options.action == "list":
        return print_recurring_runs(recurring_runs(connection, pipeline_id), pipeline, options.json)
    found = our_recurring_runs(connection, pipeline_id, pipeline)
    if not found and options.action != "delete":
        raise InputError(f"pipeline {pipeline}", "no schedule", next_step="Create one with schedule --cron.")
    for one in found:
        if options.action == "delete":
            remove(connection, one.id)
        elif one.enabled != (options.action == "resume"):
            enable, disable = connection.client.enable_recurring_run, connection.client.disable_recurring_run
            call = enable if options.action == "resume" else disable
            connection.call(f"{options.action} recurring run {one.id}", call, one.id)
    done = {"pause": "paused", "resume": "resumed", "delete": "deleted"}[options.action]
    print_facts({"pipeline": pipeline, "recurring_runs": [one.id for one in found]}, done, options.json)
    return 0


def print_recurring_runs(found: Sequence[RecurringRun], pipeline: str, as_json: bool) -> int:
    """Print all recurring runs of a pipeline, including those created by hand."""
    listed = [
        {"recurring_run": one.id, "name": one.name, "enabled": one.enabled, "ours": is_ours(one, pipeline),
         **asdict(one.spec)}
        for one in found
    ]  # fmt: skip
    if as_json:
        print(json.dumps({"pipeline": pipeline, "recurring_runs": listed}, indent=1))
        return 0
    if not listed:
        print(f"{pipeline}: no recurring run")
    for one in listed:
        state, whose = "enabled" if one["enabled"] else "paused", "" if one["ours"] else "  (created by hand)"
        print(f"{one['recurring_run']}  {state:8} {one['cron'] or 'at intervals'}  {one['name']}{whose}")
    return 0


def print_facts(facts: Mapping[str, Any], done: str, as_json: bool) -> None:
    """Print what was done."""
    if as_json:
        print(json.dumps({**facts, "done": done}, indent=1))
        return
    for key, value in {"done": done, **facts}.items():
        print(f"{key.replace('_', ' '):14} {', '.join(value) if isinstance(value, list) else value}")
