"""Servers for ML Metadata, started for a test on loopback: MariaDB and PostgreSQL, from the packages of the system."""

import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

USER, PASSWORD, DATABASE = "mainline", "correct-horse", "metadata"
START_TIMEOUT_S = 60.0
# Where it is set a missing server fails the test that wants it, rather than skip it.
NEEDED = "MAINLINE_NEEDS_SERVICES"


@dataclass(frozen=True)
class Server:
    """A running server with an empty database ``metadata``."""

    backend: str
    port: int
    pid: int = 0

    def settings(self) -> tuple[str, ...]:
        """The ``--set`` values that lead to it."""
        sets = {"backend": self.backend, "host": "127.0.0.1", "port": self.port, "database": DATABASE, "user": USER}
        return tuple(f"metadata.{key}={value}" for key, value in sets.items())


@contextmanager
def mariadb(folder: Path, port: int = 0) -> Iterator[Server]:
    """MariaDB with its files in a folder, on a port of its own unless one is given."""
    program = found("mariadbd", "/usr/sbin/mariadbd")
    common = ["--no-defaults", f"--datadir={folder}/data", "--user=root"]
    install = [found("mariadb-install-db"), *common, "--auth-root-authentication-method=normal", "--skip-test-db"]
    subprocess.run(install, check=True, capture_output=True)
    port, socket_file = port or free_port(), short_socket(folder)
    # Run before the first connection is taken, so that nobody meets the server without its user.
    (folder / "init.sql").write_text(
        f"CREATE DATABASE {DATABASE};\nCREATE USER {USER}@'%' IDENTIFIED BY '{PASSWORD}';\n"
        f"GRANT ALL ON {DATABASE}.* TO {USER}@'%';\n", encoding="utf-8",
    )  # fmt: skip
    process = start([program, *common, f"--port={port}", "--bind-address=127.0.0.1", f"--socket={socket_file}",
                     f"--pid-file={folder}/pid", f"--init-file={folder}/init.sql"], folder / "log")  # fmt: skip
    client = [found("mariadb"), "--no-defaults", "-uroot", f"--socket={socket_file}", "-e"]
    with stopping(process):
        wait_for(lambda: subprocess.run([*client, "SELECT 1"], capture_output=True).returncode == 0, folder / "log")
        yield Server("mysql", port, process.pid)


@contextmanager
def postgresql(folder: Path) -> Iterator[Server]:
    """PostgreSQL with its files in a folder; it refuses to run as root, so that another user must be there."""
    programs = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
    binaries = Path(programs[-1]) if programs else missing("postgresql")
    user = pwd.getpwnam("nobody" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name)
    home = Path(f"/tmp/mainline-{os.getpid()}-{free_port()}")
    home.mkdir()
    os.chown(home, user.pw_uid, user.pw_gid)
    as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if os.getuid() == 0 else {}
    (home / "password").write_text(PASSWORD, encoding="utf-8")
    os.chmod(home / "password", 0o644)
    try:
        subprocess.run(
            [binaries / "initdb", "-D", home / "data", "-U", USER, "-A", "scram-sha-256", f"--pwfile={home}/password"],
            check=True, capture_output=True, cwd=home, **as_user,
        )  # fmt: skip
        port = free_port()
        process = start(
            [str(binaries / "postgres"), "-D", f"{home}/data", "-p", str(port), "-k", str(home), "-h", "127.0.0.1"],
            folder / "log", **as_user,
        )  # fmt: skip
        client = ["psql", "-h", "127.0.0.1", "-p", str(port), "-U", USER, "-d", "postgres", "-c"]
        environment = {**os.environ, "PGPASSWORD": PASSWORD}
        # SIGTERM would wait until all clients are gone.
        with stopping(process, signal.SIGINT):
            wait_for(lambda: run_quietly([*client, "SELECT 1"], environment) == 0, folder / "log")
            assert run_quietly([*client, f"CREATE DATABASE {DATABASE}"], environment) == 0
            yield Server("postgresql", port, process.pid)
    finally:
        shutil.rmtree(home)


STARTERS: dict[str, Callable[[Path], "contextmanager"]] = {"mysql": mariadb, "postgresql": postgresql}


def run_quietly(command: list[str], environment: dict[str, str]) -> int:
    return subprocess.run(command, capture_output=True, env=environment).returncode


def found(name: str, *places: str) -> str:
    """A program on the path or in a place of its own."""
    path = shutil.which(name) or next((place for place in places if os.path.exists(place)), None)
    return path or missing(name)


def missing(name: str):
    """Ends the test: skipped, or failed where servers are required."""
    reason = f"{name} is not installed; requirements/services.sh installs it"
    (pytest.fail if os.environ.get(NEEDED) else pytest.skip)(reason)


def start(command: list[str], log: Path, **options) -> "subprocess.Popen[bytes]":
    with open(log, "ab") as file:
        return subprocess.Popen(command, stdout=file, stderr=file, stdin=subprocess.DEVNULL, cwd="/", **options)


@contextmanager
def stopping(process: "subprocess.Popen[bytes]", how: signal.Signals = signal.SIGTERM) -> Iterator[None]:
    try:
        yield
    finally:
        process.send_signal(how)
        process.wait(30)


def wait_for(what: Callable[[], bool], log: Path) -> None:
    end_s = time.monotonic() + START_TIMEOUT_S
    while not what():
        assert time.monotonic() < end_s, log.read_text(errors="replace")[-2000:]
        time.sleep(0.1)


def free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return int(opened.getsockname()[1])


def short_socket(folder: Path) -> str:
    """A path for a socket, which may have no more than a hundred characters."""
    return f"/tmp/mainline-{os.getpid()}-{abs(hash(folder)) % 10**6}.sock"
