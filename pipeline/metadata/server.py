"""ML Metadata on a server: one that may still be starting, that refuses us, or that went away."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.config.root import Metadata
from pipeline.errors import ConfigError, MainlineError, causes

if TYPE_CHECKING:
    from ml_metadata.proto import metadata_store_pb2

DRIVERS = {"mysql": "mysql+pymysql", "postgresql": "postgresql+pg8000"}
PORTS = {"mysql": 3306, "postgresql": 5432}
# Wrong password and unknown database, by MariaDB's and MySQL's numbers and by PostgreSQL's SQLSTATE:
# https://mariadb.com/kb/en/mariadb-error-code-reference/, https://www.postgresql.org/docs/current/errcodes-appendix.html
REFUSED = ("(1044,", "(1045,", "(1049,", "(1698,", "'28P01'", "'28000'", "'3D000'")
# As the drivers call it.
CONNECT_TIMEOUT, CONNECT_TIMEOUT_S = {"mysql": "connect_timeout", "postgresql": "timeout"}, 10
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 10.0


def wait_for_store(
    settings: Metadata, root: Path, timeout_s: float, tell: Callable[[str], None]
) -> "metadata_store_pb2.ConnectionConfig":
    """How to reach the store, once it answers; pods that meet an empty database at once may all find it half made.

    Raises:
        ConfigError: the server refuses the user, or has no such database.
        MainlineError: it does not answer within ``timeout_s``.
    """
    from pipeline.metadata.connection import connection_config

    connection = connection_config(settings, root)
    end_s, wait_s = time.monotonic() + timeout_s, FIRST_WAIT_S
    while True:
        try:
            ask(settings, connection)
            return connection
        except Exception as error:
            explain(settings, error, left_s=end_s - time.monotonic(), timeout_s=timeout_s)
            tell(f"waiting for ML Metadata at {settings.host}:{port_of(settings)}")
        time.sleep(min(wait_s, max(0.0, end_s - time.monotonic())))
        wait_s = min(2 * wait_s, LONGEST_WAIT_S)


def ask(settings: Metadata, connection: "metadata_store_pb2.ConnectionConfig") -> None:
    """Connects, then opens the store, which makes the tables of an empty database.

    ML Metadata keeps to itself why a server refuses it, so that the server is asked first without it.
    """
    import ml_metadata as mlmd
    from sqlalchemy import URL, create_engine

    from pipeline.metadata.connection import password_of

    if settings.backend in DRIVERS:
        url = URL.create(
            DRIVERS[settings.backend], settings.user, password_of(settings), settings.host, port_of(settings),
            settings.database,
        )  # fmt: skip
        engine = create_engine(url, connect_args={CONNECT_TIMEOUT[settings.backend]: CONNECT_TIMEOUT_S})
        try:
            engine.connect().close()
        finally:
            engine.dispose()
    mlmd.MetadataStore(connection).get_context_types()


def explain(settings: Metadata, error: Exception, left_s: float, timeout_s: float) -> None:
    """Raises what waiting does not mend, and what it has not mended."""
    said = first_line(error)
    where = place_of(settings)
    if any(text in said for text in REFUSED):
        raise ConfigError(
            where, "the server refuses the user or the database", received=said,
            expected=f"database {settings.database}, user {settings.user}, its password in {settings.password_env}",
            next_step=f"Correct {settings.password_env}, in a cluster the Secret that pods get it from, or the section "
            "metadata of the config.",
        ) from error  # fmt: skip
    if left_s <= 0:
        raise MainlineError(
            where, "it does not answer" + (f", {timeout_s:.0f} s long" if timeout_s else ""), received=said,
            next_step="Check that the server runs and is reached from here; in a cluster, look at its pod and at the "
            "network policy between the two.",
        ) from error  # fmt: skip


def port_of(settings: Metadata) -> int:
    """The port, by default that of the server's kind."""
    return settings.port or PORTS.get(settings.backend, 0)


def place_of(settings: Metadata) -> str:
    """Which server it is, for a message."""
    return f"ML Metadata, {settings.backend} at {settings.host}:{port_of(settings)}"


def trouble(settings: Metadata, root: Path, error: BaseException) -> MainlineError | None:
    """What is wrong with the server, if an error came of that: whatever it said then, the server is asked now."""
    if settings.backend not in DRIVERS or isinstance(error, MainlineError | KeyboardInterrupt):
        return None
    try:
        wait_for_store(settings, root, 0.0, lambda _: None)
    except MainlineError as found:
        return found
    told = next((cause for cause in causes(error) if is_of_store(cause)), None)
    if told is None:
        return None
    return MainlineError(
        place_of(settings), "it failed while the run was at work", received=first_line(told),
        next_step="It answers again: run again, what is done is cached.",
    )  # fmt: skip


def is_of_store(error: BaseException) -> bool:
    """Whether ML Metadata, or TFX's way to it, says this."""
    from ml_metadata.errors import StatusError

    return isinstance(error, StatusError) or "connection to Metadata storage" in str(error)


def first_line(error: BaseException) -> str:
    """The first line of what an error says, or the name of its class, and what the system said if it is not in it."""
    said = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
    system = next((str(cause) for cause in causes(error) if isinstance(cause, OSError)), "")
    return said if system in said else f"{said} {system}"
