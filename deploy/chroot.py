"""Runs commands in the tree of another system, as a container engine would: own mounts, own processes, own environment.

The mounts live in a namespace that goes with its last process, so that nothing stays mounted, however that ends.
"""

import os
import shlex
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from data.wheels import find_pip
from deploy.dockerfile import Secret
from pipeline.errors import ConfigError, MachineError

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NETWORK = ("/etc/resolv.conf", "/etc/hosts")
CERTIFICATES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
# What a container engine hands on, and what numpy's OpenBLAS must know of the processor.
INHERITED = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
INHERITED_PREFIX = "OPENBLAS_"


@dataclass(frozen=True)
class Mount:
    """A file or folder of this machine, and where a process in the tree finds it."""

    source: Path
    target: str
    writable: bool = False


@dataclass(frozen=True)
class Inside:
    """How a process in a tree runs.

    Attributes:
        tree: the root folder of the other system.
        environment: all that it finds set, but for PATH and what every process inherits.
        user: a name, or ``uid:gid``.
        folder: where it starts.
        mounts: what it finds of this machine besides /dev and the network's names.
        read_only: nothing can be written but what is mounted so, and a /tmp that is gone afterwards.
    """

    tree: Path
    environment: Mapping[str, str]
    user: str = "root"
    folder: str = "/"
    mounts: Sequence[Mount] = ()
    read_only: bool = False

    def run(self, command: Sequence[str], *, capture: bool = True) -> "subprocess.CompletedProcess[str]":
        """Runs a command, and returns when it and all that it has started have ended.

        Raises:
            ConfigError: not root, or no mount namespaces here.
        """
        check_root()
        mounts = [*(Mount(Path(path), path) for path in NETWORK if Path(path).is_file()), *self.mounts]
        with mount_points(self.tree, mounts):
            # The shell stays, as the first process of the namespace: it reaps what others leave behind.
            script = "\n".join([*self._mount_commands(mounts), shlex.join([*self._enter(), *command]), "exit $?"])
            # Killed with this process, and everything below it with the first process of the namespace.
            isolated = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child"]
            output = subprocess.PIPE if capture else None
            return subprocess.run(
                [*isolated, "sh", "-ec", script], stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT if capture else None, text=True, errors="replace", check=False,
            )  # fmt: skip

    def _mount_commands(self, mounts: Sequence[Mount]) -> Iterator[str]:
        def line(*words: object) -> str:
            return shlex.join(["mount", *map(str, words)])

        yield line("--bind", "-o", "ro" if self.read_only else "rw", self.tree, self.tree)
        yield line("-t", "proc", "proc", self.tree / "proc")
        yield line("--rbind", "/dev", self.tree / "dev")
        if self.read_only:
            yield line("-t", "tmpfs", "-o", "mode=1777", "tmpfs", self.tree / "tmp")
        for mount in mounts:
            yield line("--bind", "-o", "rw" if mount.writable else "ro", mount.source, place_of(self.tree, mount))

    def _enter(self) -> list[str]:
        user = [] if self.user == "root" else [f"--userspec={self.user}"]
        inherited = {
            name: value for name, value in os.environ.items() if name in INHERITED or name.startswith(INHERITED_PREFIX)
        }
        values = {"PATH": PATH, "HOME": "/root", **inherited, **self.environment}
        assignments = [f"{name}={value}" for name, value in values.items()]
        move = ["sh", "-ec", 'cd "$0" && exec "$@"', self.folder]
        return ["chroot", *user, str(self.tree), "env", "-i", *assignments, *move]


def place_of(tree: Path, mount: Mount) -> Path:
    """Where a mount goes, seen from this machine."""
    return tree / mount.target.lstrip("/")


@contextmanager
def mount_points(tree: Path, mounts: Sequence[Mount]) -> Iterator[None]:
    """Something to mount upon for each mount; the files that were not there before are removed at the end."""
    made = []
    for mount in mounts:
        place = place_of(tree, mount)
        if mount.source.is_dir():
            place.mkdir(parents=True, exist_ok=True)
        elif not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.unlink(missing_ok=True)
            place.touch()
            made.append(place)
    try:
        yield
    finally:
        for place in made:
            place.unlink()


@contextmanager
def secrets(wanted: Sequence[Secret]) -> Iterator[list[Mount]]:
    """What this machine has for the secrets of a step: ``pip`` is its index, ``ca`` its certificates.

    Raises:
        ConfigError: a secret of another name.
    """
    with tempfile.TemporaryDirectory() as folder:
        found = ((secret, _source(secret.id, Path(folder))) for secret in wanted)
        yield [Mount(source, secret.target) for secret, source in found if source is not None]


def _source(name: str, folder: Path) -> Path | None:
    """The file of a secret, written into a folder if need be; None where this machine has none."""
    if name == "ca":
        return certificates()
    if name != "pip":
        raise ConfigError("deploy.chroot", "no such secret", expected="pip or ca", received=name)
    path = folder / "pip.conf"
    path.write_text(pip_settings(), encoding="utf-8")
    return path


def pip_settings() -> str:
    """The part of this machine's pip configuration that names the index."""
    index = os.environ.get("PIP_INDEX_URL") or _configured_index()
    return f"[global]\nindex-url = {index}\n" if index else ""


def _configured_index() -> str:
    try:
        command = [*find_pip(), "config", "get", "global.index-url"]
    except MachineError:
        return ""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def certificates() -> Path | None:
    """The certificates that this machine was told to trust, if it was."""
    named = (Path(os.environ[name]) for name in CERTIFICATES if os.environ.get(name))
    return next((path for path in named if path.is_file()), None)


def check_root() -> None:
    """Raises ConfigError unless this process may mount and change its root."""
    if os.getuid() != 0:
        raise ConfigError(
            "deploy.chroot", "only root can enter another tree", next_step="Run as root, or use a container engine."
        )
    probe = subprocess.run(["unshare", "--mount", "--pid", "--fork", "true"], capture_output=True, text=True)
    if probe.returncode != 0:
        raise ConfigError("deploy.chroot", "no mount namespaces here", received=probe.stderr.strip())
