"""Checks of Beam's options before a run: the runner exists, the values are valid, the servers answer."""

import importlib
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import urlsplit

from pipeline.errors import ConfigError, MachineError, did_you_mean

KEY = "beam_pipeline_args"
# Options that name a server to be reached from this machine, unlike the address of EXTERNAL workers.
SUFFIXES = ("_endpoint", "_master", "_master_url", "_rest_url")
# Plain-text gRPC servers: one that accepts a connection but sends nothing is not one.
GRPC = ("job_endpoint", "artifact_endpoint")
PORTS = {"http": 80, "https": 443}
DEADLINE_S = 20.0


def check_beam(arguments: Sequence[str], tell: Callable[[str], None], deadline_s: float = DEADLINE_S) -> None:
    """Check that a pipeline with these options could start.

    Raises:
        ConfigError: the runner does not exist, or Beam does not accept an option.
        MachineError: a server that an option names does not answer in time.
    """
    options = all_options(arguments)
    check_runner(options.get("runner"))
    servers = list(servers_of(options))
    end_s = time.monotonic() + deadline_s
    for option, address, host, port in servers:
        tell(f"waiting for {option} {address}")
        problem = unanswered(option, host, port, end_s)
        if problem:
            raise MachineError(
                f"{KEY}: --{option}={address}", f"nothing answers there, {deadline_s:.0f} s long", received=problem,
                next_step="Start that server, correct its address, or choose another --env; docs/beam.md says how.",
            )  # fmt: skip


def all_options(arguments: Sequence[str]) -> dict[str, str | None]:
    """The given options, as Beam parses them.

    Raises:
        ConfigError: Beam does not accept one.
    """
    from apache_beam.options.pipeline_options import PipelineOptions

    try:
        given = PipelineOptions(list(arguments)).get_all_options(drop_default=True)
    except (SystemExit, ValueError) as error:
        raise ConfigError(
            KEY, "Beam does not accept these options", received=" ".join(arguments),
            next_step="Beam's message is in the log of the run.",
        ) from error  # fmt: skip
    return {name: value if isinstance(value, str) else None for name, value in given.items()}


def check_runner(name: str | None) -> None:
    """Check that a runner is one that Beam knows, or the path of a class that exists.

    Raises:
        ConfigError: it is neither.
    """
    from apache_beam.options.pipeline_options import StandardOptions

    known = sorted({*StandardOptions.KNOWN_RUNNER_NAMES, "PrismRunner"})
    if name is None or {name.lower(), f"{name.lower()}runner"} & {runner.lower() for runner in known}:
        return
    module, _, kind = name.rpartition(".")
    try:
        found = hasattr(importlib.import_module(module), kind) if module else False
    except ImportError:
        found = False
    if not found:
        raise ConfigError(
            f"{KEY}: --runner={name}", f"no such runner of Beam. {did_you_mean(name, known)}".rstrip(),
            expected=f"{', '.join(known)}, or the path of a class", received=name,
        )  # fmt: skip


def servers_of(options: dict[str, str | None]) -> Iterator[tuple[str, str, str, int]]:
    """The servers that options name: option, address as it is given, host and port.

    >>> list(servers_of({"job_endpoint": "here:8099", "flink_master": "[auto]", "region": "a:1"}))
    [('job_endpoint', 'here:8099', 'here', 8099)]
    """
    for option, address in options.items():
        if not address or not option.endswith(SUFFIXES):
            continue
        host, port = parts(address)
        if host and port:
            yield option, address, host, port


def parts(address: str) -> tuple[str | None, int | None]:
    """Host and port of an address; None for anything else, such as ``embed`` or ``local[4]``.

    >>> parts("https://[::1]/v1"), parts("localhost:8099"), parts("embed"), parts("local[4]")
    (('::1', 443), ('localhost', 8099), (None, None), (None, None))
    """
    try:
        found = urlsplit(address if "://" in address else f"//{address}")
        port = found.port or PORTS.get(found.scheme)
    except ValueError:
        return None, None
    return (found.hostname, port) if port else (None, None)


def unanswered(option: str, host: str, port: int, end_s: float) -> str:
    """Why a server has not answered by a deadline; empty if it has. A server that is starting is asked again."""
    while True:
        left_s = max(0.1, end_s - time.monotonic())
        problem = no_grpc(host, port, left_s) if option in GRPC else no_connection(host, port, left_s)
        if not problem or time.monotonic() >= end_s:
            return problem
        time.sleep(min(1.0, max(0.0, end_s - time.monotonic())))


def no_connection(host: str, port: int, timeout_s: float) -> str:
    """Why a server refuses a connection; empty if it accepts one."""
    try:
        socket.create_connection((host, port), timeout_s).close()
    except OSError as error:
        return error.strerror or str(error)
    return ""


def no_grpc(host: str, port: int, timeout_s: float) -> str:
    """Why a server does not answer as a gRPC server; empty if it does."""
    import grpc

    problem = no_connection(host, port, timeout_s)
    if problem:
        return problem
    with grpc.insecure_channel(f"{f'[{host}]' if ':' in host else host}:{port}") as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout_s)
        except grpc.FutureTimeoutError:
            return "a connection, but no gRPC"
    return ""
