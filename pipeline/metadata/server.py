"""Wait for the database of ML Metadata, and explain why it refuses a connection or does not answer."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from components.support.retry import Backoff, retry
from components.support.text import first_line
from pipeline.config.root import Metadata
from pipeline.errors import ConfigError, MainlineError, causes

if TYPE_CHECKING:
    from ml_metadata.proto import metadata_store_pb2

DRIVERS = {"mysql": "mysql+pymysql", "postgresql": "postgresql+pg8000"}
PORTS = {"mysql": 3306, "postgresql": 5432}
# Wrong user or password, or unknown database: error codes of MariaDB and MySQL, SQLSTATEs of PostgreSQL.
# https://mariadb.com/kb/en/mariadb-error-code-reference/, https://www.postgresql.org/docs/current/errcodes-appendix.html
REFUSAL_CODES = ("(1044,", "(1045,", "(1049,", "(1698,", "'28P01'", "'28000'", "'3D000'")
# The parameter of each driver for the timeout of a connection.
TIMEOUT_PARAMETERS, CONNECT_TIMEOUT_S = {"mysql": "connect_timeout", "postgresql": "timeout"}, 10


def wait_for_store(
    settings: Metadata, root: Path, timeout_s: float, tell: Callable[[str], None]
) -> "metadata_store_pb2.ConnectionConfig":
    """Wait until the store answers, and return its connection config.

    Any error is retried: pods that start at the same time on an empty database may find it half initialized.

    Raises:
        ConfigError: the server refuses the user, or has no such database.
        MainlineError: the store does not answer within ``timeout_s``.
    """
    from pipeline.metadata.connection import connection_config

    connection = connection_config(settings, root)
    backoff = Backoff(first_s=0.5, longest_s=10.0, timeout_s=timeout_s)
    try:
        retry(
            lambda: open_store(settings, connection), backoff,
            lambda error: isinstance(error, Exception) and not is_refusal(error),
            lambda _error, _pause_s: tell(f"waiting for ML Metadata at {settings.host}:{port_of(settings)}"),
        )  # fmt: skip
    except Exception as error:
        raise (refused(settings, error) if is_refusal(error) else silent(settings, error, timeout_s)) from error
    return connection


def open_store(settings: Metadata, connection: "metadata_store_pb2.ConnectionConfig") -> None:
    """Connect to the server, then open the store, which creates the tables of an empty database.

    The first connection is made without ML Metadata, which does not say why a server refuses it.
    """
    import ml_metadata as mlmd
    from sqlalchemy import URL, create_engine

    from pipeline.metadata.connection import password_of

    if settings.backend in DRIVERS:
        url = URL.create(
            DRIVERS[settings.backend], settings.user, password_of(settings), settings.host, port_of(settings),
            settings.database,
        )  # fmt: skip
        engine = create_engine(url, connect_args={TIMEOUT_PARAMETERS[settings.backend]: CONNECT_TIMEOUT_S})
        try:
            engine.connect().close()
        finally:
            engine.dispose()
    mlmd.MetadataStore(connection).get_context_types()


def is_refusal(error: BaseException) -> bool:
    """Whether the server refused the user or the database, which no retry changes."""
    return any(code in message_of(error) for code in REFUSAL_CODES)


def refused(settings: Metadata, error: Exception) -> ConfigError:
    """The error of a server that refuses the user or the database."""
    return ConfigError(
        server_name(settings), "the server refuses the user or the database", received=message_of(error),
        expected=f"database {settings.database}, user {settings.user}, its password in {settings.password_env}",
        next_step=f"Correct {settings.password_env}, in a cluster the Secret that pods get it from, or the section "
        "metadata of the config.",
    )  # fmt: skip


def silent(settings: Metadata, error: Exception, timeout_s: float) -> MainlineError:
    """The error of a server that does not answer."""
    return MainlineError(
        server_name(settings), "no answer" + (f" within {timeout_s:.0f} s" if timeout_s else ""),
        received=message_of(error),
        next_step="Check that the server runs and can be reached from here; in a cluster, look at its pod and at the "
        "network policy between the two.",
    )  # fmt: skip


def port_of(settings: Metadata) -> int:
    """The port, by default that of the backend."""
    return settings.port or PORTS.get(settings.backend, 0)


def server_name(settings: Metadata) -> str:
    """The server as errors name it."""
    return f"ML Metadata, {settings.backend} at {settings.host}:{port_of(settings)}"


def server_error(settings: Metadata, root: Path, error: BaseException) -> MainlineError | None:
    """Explain an error by the state of the server: connect again, since the error itself may say anything.

    Returns:
        The error of the server, or None if it answers and the error did not come from ML Metadata.
    """
    if settings.backend not in DRIVERS or isinstance(error, MainlineError | KeyboardInterrupt):
        return None
    try:
        wait_for_store(settings, root, 0.0, lambda _: None)
    except MainlineError as found:
        return found
    cause = next((cause for cause in causes(error) if is_store_error(cause)), None)
    if cause is None:
        return None
    return MainlineError(
        server_name(settings), "failed during the run", received=message_of(cause),
        next_step="It answers again now: run again, finished nodes are cached.",
    )  # fmt: skip


def is_store_error(error: BaseException) -> bool:
    """Whether ML Metadata, or TFX's connection to it, raised an error."""
    from ml_metadata.errors import StatusError

    return isinstance(error, StatusError) or "connection to Metadata storage" in str(error)


def message_of(error: BaseException) -> str:
    """The first line of an error, or its class, with the error of the system that caused it."""
    message = first_line(error) or type(error).__name__
    system = next((str(cause) for cause in causes(error) if isinstance(cause, OSError)), "")
    return message if system in message else f"{message} {system}"
