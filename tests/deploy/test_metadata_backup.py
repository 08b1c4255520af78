"""Backup and restore of ML Metadata by the scripts in deploy/kubeflow, on real servers."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import ml_metadata as mlmd
import pytest
from fakes import databases
from ml_metadata.proto import metadata_store_pb2
from sqlalchemy import URL, MetaData, create_engine

from pipeline.config.root import Metadata
from pipeline.metadata.connection import connection_config
from pipeline.metadata.server import DRIVERS

KUBEFLOW = Path(__file__).resolve().parents[2] / "deploy" / "kubeflow"
FOLDERS = {"mysql": "mariadb", "postgresql": "postgresql"}

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class BackedUpServer:
    """A server, its scripts, and the volume of its backups."""

    server: databases.Server
    volume: Path
    password: Path

    def script(self, name: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Run a script like its Job."""
        environment = {
            "PATH": os.environ["PATH"], "METADATA_HOST": "127.0.0.1", "METADATA_PORT": str(self.server.port),
            "METADATA_DATABASE": databases.DATABASE, "METADATA_USER": databases.USER,
            "METADATA_PASSWORD_FILE": str(self.password), "BACKUPS": str(self.volume), "KEEP": "2", "BACKUP": "",
        }  # fmt: skip
        path = KUBEFLOW / FOLDERS[self.server.backend] / f"{name}.sh"
        return subprocess.run(["sh", path], env=environment | variables, capture_output=True, text=True, check=False)

    def store(self) -> mlmd.MetadataStore:
        """ML Metadata on the server, opened like in a pod."""
        where = {"backend": self.server.backend, "host": "127.0.0.1", "port": self.server.port}
        settings = Metadata(database=databases.DATABASE, user=databases.USER, **where)
        return mlmd.MetadataStore(connection_config(settings, self.volume))

    def backups(self) -> list[str]:
        return sorted(path.name for path in self.volume.iterdir())


@pytest.fixture(scope="module", params=["mysql", "postgresql"])
def server(request, tmp_path_factory) -> Iterator[databases.Server]:
    with databases.STARTERS[request.param](tmp_path_factory.mktemp("server")) as started:
        yield started


@pytest.fixture
def world(server, tmp_path, monkeypatch) -> BackedUpServer:
    """An empty database and an empty volume."""
    monkeypatch.setenv("MAINLINE_METADATA_PASSWORD", databases.PASSWORD)
    volume, password = tmp_path / "backups", tmp_path / "password"
    volume.mkdir()
    password.write_text(databases.PASSWORD)
    drop_tables(server)
    return BackedUpServer(server, volume, password)


def drop_tables(server: databases.Server) -> int:
    """Drop all tables as the user of the database; return their number."""
    url = URL.create(
        DRIVERS[server.backend], databases.USER, databases.PASSWORD, "127.0.0.1", server.port,
        databases.DATABASE,
    )  # fmt: skip
    engine, tables = create_engine(url), MetaData()
    tables.reflect(engine)
    tables.drop_all(engine)
    engine.dispose()
    return len(tables.tables)


def fill(store: mlmd.MetadataStore, count: int) -> None:
    """Artifacts with properties that a careless dump would change.

    A backslash is not among them: ML Metadata itself cannot write one to PostgreSQL.
    """
    kind = metadata_store_pb2.ArtifactType(name="Rows", properties={"note": metadata_store_pb2.STRING})
    type_id = store.put_artifact_type(kind)
    for number in range(count):
        artifact = metadata_store_pb2.Artifact(type_id=type_id, uri=f"/mnt/mainline/{number}")
        artifact.properties["note"].string_value = f"'ß 日本 🚀 ; -- \" {number}\n"
        store.put_artifacts([artifact])


def content(store: mlmd.MetadataStore) -> list[bytes]:
    return [artifact.SerializeToString(deterministic=True) for artifact in store.get_artifacts()]


def test_a_backup_is_restored(world):
    fill(world.store(), 5)
    before = content(world.store())
    done = world.script("backup")
    assert done.returncode == 0, done.stderr
    (name,) = world.backups()
    assert name in done.stdout
    # Restoring undoes later additions and changes.
    fill(world.store(), 3)
    assert len(content(world.store())) == 8
    restored = world.script("restore")
    assert restored.returncode == 0, restored.stderr
    assert content(world.store()) == before
    fill(world.store(), 1)
    assert len(content(world.store())) == 6


def test_a_lost_database_is_restored(world):
    fill(world.store(), 4)
    before = content(world.store())
    assert world.script("backup").returncode == 0
    assert drop_tables(world.server) > 10
    restored = world.script("restore", BACKUP=world.backups()[0])
    assert restored.returncode == 0, restored.stderr
    assert content(world.store()) == before


def test_only_the_newest_backups_are_kept(world):
    fill(world.store(), 1)
    suffix = {"mysql": "sql.gz", "postgresql": "dump"}[world.server.backend]
    for year in (2001, 2002, 2003):
        (world.volume / f"metadata-{year}0101T000000Z.{suffix}").write_text("old")
    (world.volume / "notes.txt").write_text("not ours")
    done = world.script("backup")
    kept = world.backups()
    assert done.returncode == 0, done.stderr
    assert len(kept) == 3
    assert f"metadata-20030101T000000Z.{suffix}" in kept
    assert "notes.txt" in kept
    assert done.stdout.count("removed, beyond the newest 2") == 2


def test_a_failed_backup_neither_leaves_nor_removes_files(world):
    world.password.write_text("wrong")
    (world.volume / "metadata-20010101T000000Z.sql.gz").write_text("old")
    done = world.script("backup", KEEP="0")
    assert done.returncode != 0
    assert "wrong" not in done.stdout + done.stderr
    assert world.backups() == ["metadata-20010101T000000Z.sql.gz"]


def test_a_damaged_backup_changes_nothing(world):
    fill(world.store(), 3)
    before = content(world.store())
    assert world.script("backup").returncode == 0
    (name,) = world.backups()
    whole = (world.volume / name).read_bytes()
    (world.volume / name).write_bytes(whole[: len(whole) // 2])
    assert world.script("restore").returncode != 0
    assert content(world.store()) == before


def test_a_missing_backup_is_reported(world):
    fill(world.store(), 1)
    for name in ("", "metadata-19990101T000000Z.sql.gz"):
        done = world.script("restore", BACKUP=name)
        assert done.returncode == 2
        assert "No such backup" in done.stderr
    assert len(content(world.store())) == 1


def test_a_password_can_contain_any_character(tmp_path):
    """MariaDB reads the password from an option file with escapes."""
    if not os.environ.get(databases.NEEDED):
        databases.found("mariadbd", "/usr/sbin/mariadbd")
    word = "a\"b\\n'c #; d"
    (tmp_path / "password").write_text(word)
    lines = (KUBEFLOW / "mariadb" / "backup.sh").read_text().splitlines()
    (made,) = [line for line in lines if line.startswith("password=")]
    option = f'{made}\nprintf \'[client]\\npassword="%s"\\n\' "$password" >"$1"'
    environment = {"PATH": os.environ["PATH"], "METADATA_PASSWORD_FILE": str(tmp_path / "password")}
    subprocess.run(["sh", "-euc", option, "sh", tmp_path / "options"], env=environment, check=True)
    printed = subprocess.run(
        [databases.found("my_print_defaults"), f"--defaults-file={tmp_path}/options", "client"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert printed.stdout.strip() == f"--password={word}"
