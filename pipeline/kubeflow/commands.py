"""The commands of ``kubeflow_runner.py``. Input is checked before a server is contacted."""

from collections.abc import Callable, Mapping
from typing import Any

from pipeline.config.load import load_config
from pipeline.kubeflow.client.connection import connect, server_of
from pipeline.kubeflow.compile.compiler import read_request


def run(options: Any) -> int:
    """Run a command, and return its exit code.

    Raises:
        InputError: invalid input.
        MainlineError: the server failed.
    """
    return COMMANDS[options.command](options)


def _compile(options: Any) -> int:
    from pipeline.kubeflow.client.submit import compile_to

    return compile_to(read_request(options.config, tuple(options.set), options.image), options.output, options.json)


def _submit(options: Any) -> int:
    from pipeline.kubeflow.client.submit import submit

    request = read_request(options.config, tuple(options.set), options.image)
    return submit(connect(server_of(options)), request, options)


def _schedule(options: Any) -> int:
    from pipeline.kubeflow.client.schedules import act, create, read_cron

    if options.action != "create":
        pipeline = load_config(options.config, tuple(options.set), env="kubeflow").name
        return act(connect(server_of(options)), pipeline, options)
    cron = read_cron(options)
    request = read_request(options.config, tuple(options.set), options.image)
    return create(connect(server_of(options)), request, cron, options)


def _retrain(options: Any) -> int:
    from pipeline.kubeflow.client.retrain import check_options, retrain

    check_options(options)
    return retrain(connect(server_of(options)), options)


def _status(options: Any) -> int:
    from pipeline.kubeflow.client.runs import status

    return status(connect(server_of(options)), options.run, options.json)


def _logs(options: Any) -> int:
    from pipeline.kubeflow.client.runs import logs

    return logs(connect(server_of(options)), options.run, options.node, options.follow)


def _cancel(options: Any) -> int:
    from pipeline.kubeflow.client.runs import cancel

    return cancel(connect(server_of(options)), options.run, options.timeout, options.json)


COMMANDS: Mapping[str, Callable[[Any], int]] = {
    "compile": _compile,
    "submit": _submit,
    "schedule": _schedule,
    "retrain": _retrain,
    "status": _status,
    "logs": _logs,
    "cancel": _cancel,
}
