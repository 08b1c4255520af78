"""The connection to ML Metadata."""

import pytest
from tfx.orchestration import metadata

from pipeline.config.root import Metadata
from pipeline.errors import ConfigError
from pipeline.metadata.connection import connection_config


def test_sqlite_is_a_file_below_the_root(tmp_path):
    expected = metadata.sqlite_metadata_connection_config(str(tmp_path / "metadata.db"))
    assert connection_config(Metadata(), tmp_path) == expected


@pytest.mark.parametrize(
    ("backend", "port", "database"), [("mysql", 3306, "database"), ("postgresql", "5432", "dbname")]
)
def test_a_server_has_the_default_port_of_its_backend(backend, port, database, tmp_path, monkeypatch):
    monkeypatch.setenv("MAINLINE_METADATA_PASSWORD", "secret")
    settings = Metadata(backend=backend, host="db", user="mainline", database="lineage")
    server = getattr(connection_config(settings, tmp_path), backend)
    assert (server.host, server.port, server.user, server.password) == ("db", port, "mainline", "secret")
    assert getattr(server, database) == "lineage"


def test_a_missing_password_is_reported(tmp_path, monkeypatch):
    monkeypatch.delenv("MAINLINE_METADATA_PASSWORD", raising=False)
    with pytest.raises(ConfigError, match="no such variable") as caught:
        connection_config(Metadata(backend="mysql"), tmp_path)
    assert "export MAINLINE_METADATA_PASSWORD" in str(caught.value)
