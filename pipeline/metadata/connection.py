"""The connection to the ML Metadata store of a config."""

import os
from pathlib import Path

from ml_metadata.proto import metadata_store_pb2

from pipeline.config.root import Metadata
from pipeline.errors import ConfigError
from pipeline.metadata.postgresql import in_connection_string, install_workarounds


def connection_config(settings: Metadata, root: Path) -> metadata_store_pb2.ConnectionConfig:
    """The connection to a SQLite file below ``root``, or to a server with the password from the environment.

    Raises:
        ConfigError: the password of the server is not in the environment.
    """
    if settings.backend == "sqlite":
        return sqlite(root / "metadata.db")
    password = password_of(settings)
    config = metadata_store_pb2.ConnectionConfig()
    if settings.backend == "mysql":
        config.mysql.CopyFrom(metadata_store_pb2.MySQLDatabaseConfig(
            host=settings.host, port=settings.port or 3306, database=settings.database,
            user=settings.user, password=password,
        ))  # fmt: skip
    else:
        install_workarounds()
        config.postgresql.CopyFrom(metadata_store_pb2.PostgreSQLDatabaseConfig(
            host=settings.host, port=str(settings.port or 5432), dbname=settings.database,
            user=in_connection_string(settings.user), password=in_connection_string(password),
        ))  # fmt: skip
    return config


def password_of(settings: Metadata) -> str:
    """The password of the server.

    Raises:
        ConfigError: it is not in the environment.
    """
    password = os.environ.get(settings.password_env)
    if password is None:
        raise ConfigError(
            "metadata.password_env", "the environment has no such variable", expected=settings.password_env,
            next_step=f"export {settings.password_env}=...",
        )  # fmt: skip
    return password


def sqlite(path: Path) -> metadata_store_pb2.ConnectionConfig:
    """The same as TFX's ``sqlite_metadata_connection_config``, without importing TFX, which takes seconds."""
    config = metadata_store_pb2.ConnectionConfig()
    config.sqlite.filename_uri = str(path)
    config.sqlite.connection_mode = metadata_store_pb2.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
    return config
