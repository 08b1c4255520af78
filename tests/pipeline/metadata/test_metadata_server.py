"""ML Metadata on real servers that accept, refuse, or start late, and simultaneous pods."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import ml_metadata as mlmd
import pytest
from fakes.databases import DATABASE, PASSWORD, STARTERS, USER, Server, free_port

from pipeline.config.root import Metadata
from pipeline.errors import ConfigError, MainlineError
from pipeline.metadata.server import wait_for_store

ROOT = Path(__file__).resolve().parents[3]
AT_ONCE = """
import sys
from pathlib import Path
from pipeline.config.root import Metadata
from pipeline.metadata.server import wait_for_store
settings = Metadata.model_validate_json(sys.argv[1])
wait_for_store(settings, Path("."), 60.0, print)
"""


@pytest.fixture(scope="module", params=sorted(STARTERS))
def server(request, tmp_path_factory):
    with STARTERS[request.param](tmp_path_factory.mktemp(request.param)) as running:
        yield running


@pytest.fixture(autouse=True)
def password(monkeypatch):
    monkeypatch.setenv("MAINLINE_METADATA_PASSWORD", PASSWORD)


def settings_of(server: Server, **more) -> Metadata:
    return Metadata(**{"backend": server.backend, "port": server.port, "database": DATABASE, "user": USER, **more})


def test_simultaneous_pods_can_initialize_an_empty_database(server):
    text = settings_of(server).model_dump_json()
    pods = [subprocess.Popen([sys.executable, "-W", "ignore", "-c", AT_ONCE, text], cwd=ROOT) for _ in range(3)]
    assert [pod.wait(120) for pod in pods] == [0, 0, 0]


def test_the_connection_works(server, tmp_path):
    store = mlmd.MetadataStore(wait_for_store(settings_of(server), tmp_path, 20.0, print))
    assert store.get_executions() == []


def test_a_wrong_password_is_reported_at_once(server, tmp_path, monkeypatch):
    monkeypatch.setenv("MAINLINE_METADATA_PASSWORD", "wrong")
    started_s = time.monotonic()
    with pytest.raises(ConfigError, match="the server refuses the user or the database") as caught:
        wait_for_store(settings_of(server), tmp_path, 60.0, print)
    assert time.monotonic() - started_s < 10
    assert "its password in MAINLINE_METADATA_PASSWORD" in str(caught.value)
    assert "wrong" not in str(caught.value)


def test_an_unknown_database_is_reported_at_once(server, tmp_path):
    with pytest.raises(ConfigError, match="refuses") as caught:
        wait_for_store(settings_of(server, database="elsewhere"), tmp_path, 60.0, print)
    assert "database elsewhere" in str(caught.value)


def test_a_server_that_never_answers_is_reported_after_the_timeout(tmp_path):
    said: list[str] = []
    settings = Metadata(backend="mysql", port=free_port(), user=USER)
    with pytest.raises(MainlineError, match="no answer within 1 s") as caught:
        wait_for_store(settings, tmp_path, 1.0, said.append)
    assert caught.value.exit_code == 1
    assert "Connection refused" in str(caught.value)
    assert said[0] == f"waiting for ML Metadata at 127.0.0.1:{settings.port}"


def test_a_server_that_starts_late_is_waited_for(tmp_path):
    found: list[object] = []
    with STARTERS["mysql"](tmp_path) as server:
        settings = settings_of(server)
    # That server has stopped; another one takes over its port while the pod waits.
    waiting = threading.Thread(target=lambda: found.append(wait_for_store(settings, tmp_path, 60.0, print)))
    waiting.start()
    (tmp_path / "late").mkdir()
    with STARTERS["mysql"](tmp_path / "late", server.port):
        waiting.join(60)
        assert len(found) == 1
