"""``schedule``: one recurring run of a pipeline, however often it is asked for.

What is there and what is wanted give a plan, and nothing is taken away before its successor is there. Ours are told
from those that somebody made by hand by the id of their pipeline, their name and their description.
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
from pipeline.kubeflow.compile.compiler import Asked
from pipeline.run.watch.cron import Cron, parse_cron

CONCURRENCY = range(1, 11)
# Two that schedule at once see each other's in the second round; a third one changes nothing more.
ROUNDS = 3


@dataclass(frozen=True)
class Wanted:
    """A recurring run as it should be. Two with the same values do the same."""

    version: str
    experiment: str
    cron: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    max_concurrency: int = 1
    no_catchup: bool = False
    service_account: str = ""

    @property
    def mark(self) -> str:
        """What tells it in the description of a recurring run, which nobody can change afterwards.

        The values themselves are not compared: a server may fill in what was left open.
        """
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode("utf-8")).hexdigest()[:12]


@dataclass(frozen=True)
class Recurring:
    """A recurring run that is there; ``mark`` is empty for one that was made by hand."""

    id: str
    name: str
    enabled: bool
    created: datetime
    mark: str
    does: Wanted


@dataclass(frozen=True)
class Plan:
    """What is to be done, in this order."""

    create: bool
    enable: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether all is as it should be."""
        return not (self.create or self.enable or self.remove)


def plan(existing: Sequence[Recurring], wanted: Wanted) -> Plan:
    """Keeps the oldest that does what is wanted, or creates one, and removes the others.

    >>> plan([], Wanted("v1", "e", "0 0 3 * * *"))
    Plan(create=True, enable=(), remove=())
    """
    same = sorted((one for one in existing if one.mark == wanted.mark), key=lambda one: (one.created, one.id))
    kept = same[:1]
    others = tuple(one.id for one in existing if one not in kept)
    return Plan(not kept, tuple(one.id for one in kept if not one.enabled), others)


def schedule_name(pipeline: str) -> str:
    """What our recurring run of a pipeline is called."""
    return f"{pipeline}-schedule"


def checked(options: Any) -> Cron:
    """The cron of the command line, before anything is compiled.

    Raises:
        InputError: no cron, one of five fields, one that makes no sense; a concurrency that the server refuses.
    """
    if not options.cron:
        raise InputError("schedule", "--cron is missing", expected="six fields, seconds first",
                         next_step="Such as --cron '0 0 3 * * *' for every day at three, UTC.")  # fmt: skip
    if options.max_concurrency not in CONCURRENCY:
        raise InputError("--max-concurrency", "not possible", expected="1 to 10", received=str(options.max_concurrency))
    return parse_cron(options.cron)


def create(connection: Connection, asked: Asked, cron: Cron, options: Any) -> int:
    """Makes sure that there is one recurring run, enabled, that does what is asked."""
    made = upload(connection, asked, options.experiment)
    wanted = Wanted(made.version.id, made.experiment.id, cron.text, dict(made.parameters), options.max_concurrency,
                    options.no_catchup, options.service_account)  # fmt: skip
    done = reconcile(connection, made, wanted)
    kept = kept_of(ours(connection, made.version.pipeline_id, made.package.name), wanted)
    facts = {
        "recurring_run": kept.id,
        "name": kept.name,
        "experiment": made.experiment.name,
        "pipeline": made.package.name,
        "version": made.version.name,
        "cron": cron.text,
        "next": cron.next_after(datetime.now(timezone.utc)).isoformat(),
        "changed": not done.empty,
        "created": done.create,
        "enabled_again": len(done.enable),
        "removed": len(done.remove),
    }
    say(facts, "scheduled" if done.create else "as it was" if done.empty else "put in order", options.json)
    return 0


def kept_of(existing: Sequence[Recurring], wanted: Wanted) -> Recurring:
    """The recurring run that does what is wanted.

    Raises:
        MainlineError: somebody removed it at the same moment.
    """
    kept = next((one for one in existing if one.mark == wanted.mark), None)
    if kept is None:
        raise MainlineError("schedule", "somebody else schedules the same pipeline at the same moment",
                            next_step="Agree on one cron, and run the same command again.")  # fmt: skip
    return kept


def reconcile(connection: Connection, made: Uploaded, wanted: Wanted) -> Plan:
    """Does what the plan says until there is nothing to do; gives what was done in all."""
    done = Plan(create=False)
    for _ in range(ROUNDS):
        step = plan(ours(connection, made.version.pipeline_id, made.package.name), wanted)
        if step.empty:
            return done
        if step.create:
            create_recurring(connection, made, wanted)
        for one in step.enable:
            connection.call(f"enabling recurring run {one}", connection.client.enable_recurring_run, one)
        for one in step.remove:
            remove(connection, one)
        done = Plan(done.create or step.create, done.enable + step.enable, done.remove + step.remove)
    return done


def create_recurring(connection: Connection, made: Uploaded, wanted: Wanted) -> None:
    """Creates an enabled recurring run."""
    connection.call(
        f"scheduling {made.package.name}", connection.client.create_recurring_run, wanted.experiment,
        schedule_name(made.package.name), description=f"{MADE_BY} {made.version.name} {wanted.mark}",
        cron_expression=wanted.cron,
        max_concurrency=wanted.max_concurrency, no_catchup=wanted.no_catchup, params=dict(wanted.parameters),
        pipeline_id=made.version.pipeline_id, version_id=wanted.version, enabled=True,
        service_account=wanted.service_account,
    )  # fmt: skip


def remove(connection: Connection, recurring: str) -> None:
    """Disables and deletes a recurring run; somebody else may have done so at the same moment."""
    for doing, call in (
        (f"disabling recurring run {recurring}", connection.client.disable_recurring_run),
        (f"deleting recurring run {recurring}", connection.client.delete_recurring_run),
    ):
        try:
            connection.call(doing, call, recurring)
        except MainlineError as error:
            if status_of(error.__cause__ or error) != 404:
                raise


def ours(connection: Connection, pipeline_id: str, pipeline: str) -> list[Recurring]:
    """The recurring runs of a pipeline that this command has made."""
    return [one for one in recurring_of(connection, pipeline_id) if is_ours(one, pipeline)]


def is_ours(one: Recurring, pipeline: str) -> bool:
    """Whether this command has made it."""
    return bool(one.mark) and one.name == schedule_name(pipeline)


def recurring_of(connection: Connection, pipeline_id: str) -> list[Recurring]:
    """All recurring runs of a pipeline."""
    found = connection.items("recurring runs", connection.client.list_recurring_runs, "recurring_runs",
                           namespace=connection.namespace)  # fmt: skip
    references = ((one, one.pipeline_version_reference) for one in found)
    return [recurring(one) for one, reference in references if reference and reference.pipeline_id == pipeline_id]


def recurring(answer: Any) -> Recurring:
    """What the SDK gives, as ours; numbers come as text, and what is false does not come at all."""
    trigger = answer.trigger.cron_schedule if answer.trigger else None
    does = Wanted(
        version=answer.pipeline_version_reference.pipeline_version_id or "",
        experiment=answer.experiment_id or "",
        cron=(trigger.cron or "") if trigger else "",
        parameters=dict((answer.runtime_config.parameters if answer.runtime_config else None) or {}),
        max_concurrency=int(answer.max_concurrency or 0),
        no_catchup=bool(answer.no_catchup),
        service_account=answer.service_account or "",
    )
    words = (answer.description or "").split()
    return Recurring(answer.recurring_run_id, answer.display_name or "", answer.status == "ENABLED",
                     answer.created_at, words[-1] if words[:1] == [MADE_BY] else "", does)  # fmt: skip


def act(connection: Connection, pipeline: str, options: Any) -> int:
    """``list``, ``pause``, ``resume`` or ``delete``.

    Raises:
        InputError: the pipeline was never uploaded, or has no schedule to act on.
    """
    pipeline_id = known_pipeline(connection, pipeline)
    if options.action == "list":
        return show(recurring_of(connection, pipeline_id), pipeline, options.json)
    found = ours(connection, pipeline_id, pipeline)
    if not found and options.action != "delete":
        raise InputError(f"pipeline {pipeline}", "has no schedule", next_step="Make one with: schedule --cron.")
    for one in found:
        if options.action == "delete":
            remove(connection, one.id)
        elif one.enabled != (options.action == "resume"):
            enable, disable = connection.client.enable_recurring_run, connection.client.disable_recurring_run
            call = enable if options.action == "resume" else disable
            connection.call(f"{options.action} of recurring run {one.id}", call, one.id)
    done = {"pause": "paused", "resume": "resumed", "delete": "deleted"}[options.action]
    say({"pipeline": pipeline, "recurring_runs": [one.id for one in found]}, done, options.json)
    return 0


def show(found: Sequence[Recurring], pipeline: str, as_json: bool) -> int:
    """Prints all recurring runs of a pipeline, those made by hand, too."""
    listed = [
        {"recurring_run": one.id, "name": one.name, "enabled": one.enabled, "ours": is_ours(one, pipeline),
         **asdict(one.does)}
        for one in found
    ]  # fmt: skip
    if as_json:
        print(json.dumps({"pipeline": pipeline, "recurring_runs": listed}, indent=1))
        return 0
    if not listed:
        print(f"{pipeline}: no recurring run")
    for one in listed:
        state, whose = "enabled" if one["enabled"] else "paused", "" if one["ours"] else "  (made by hand)"
        print(f"{one['recurring_run']}  {state:8} {one['cron'] or 'at intervals'}  {one['name']}{whose}")
    return 0


def say(facts: Mapping[str, Any], done: str, as_json: bool) -> None:
    """Prints what was done."""
    if as_json:
        print(json.dumps({**facts, "done": done}, indent=1))
        return
    for key, value in {"done": done, **facts}.items():
        print(f"{key.replace('_', ' '):14} {', '.join(value) if isinstance(value, list) else value}")
