"""Run commands in the root tree of another system with their own mounts, processes and environment, without an engine.

The mounts live in a namespace that disappears with its last process, so nothing stays mounted, however that one ends.
"""

import os
import shlex
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fakes.image.dockerfile import Secret

from data.wheels import find_pip
from pipeline.errors import ConfigError, MachineError

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NETWORK = ("/etc/resolv.conf", "/etc/hosts")
CERTIFICATES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
# Passed on by container engines too; the second group tells numpy's OpenBLAS about the processor.
INHERITED = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
INHERITED_PREFIX = "OPENBLAS_"
# Set in the environment of tests that already run in such a tree.
IN_CHROOT_ENV = "MAINLINE_IN_TREE"


@dataclass(frozen=True)
class Mount:
    """A file or folder of this machine, and its path in the tree."""

    source: Path
    target: str
    writable: bool = False


@dataclass(frozen=True)
class Chroot:
    """How a process runs in a tree.

    Attributes:
        tree: the root folder of the other system.
        environment: its variables, in addition to PATH and those that every process inherits.
        user: a name, or ``uid:gid``.
        folder: the working folder.
        mounts: from this machine, in addition to /dev, resolv.conf and hosts.
        read_only: mount the tree read-only, with an empty /tmp; only writable mounts can be written to.
    """

    tree: Path
    environment: Mapping[str, str]
    user: str = "root"
    folder: str = "/"
    mounts: Sequence[Mount] = ()
    read_only: bool = False

    def run(self, command: Sequence[str], *, capture: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run a command; return when it and every process it started have ended.

        Raises:
            ConfigError: not root, or no mount namespaces here.
        """
        check_root()
        mounts = [*(Mount(Path(path), path) for path in NETWORK if Path(path).is_file()), *self.mounts]
        with mount_points(self.tree, mounts):
            # The shell stays as process 1 of the namespace and reaps orphans.
            script = "\n".join([*self._mount_commands(mounts), shlex.join([*self._enter(), *command]), "exit $?"])
            # It is killed with this process, and everything in the namespace with its process 1.
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
            yield line("--bind", "-o", "rw" if mount.writable else "ro", mount.source, mount_point(self.tree, mount))

    def _enter(self) -> list[str]:
        user = [] if self.user == "root" else [f"--userspec={self.user}"]
        inherited = {
            name: value for name, value in os.environ.items() if name in INHERITED or name.startswith(INHERITED_PREFIX)
        }
        values = {"PATH": PATH, "HOME": "/root", **inherited, **self.environment}
        assignments = [f"{name}={value}" for name, value in values.items()]
        move = ["sh", "-ec", 'cd "$0" && exec "$@"', self.folder]
        return ["chroot", *user, str(self.tree), "env", "-i", *assignments, *move]


def mount_point(tree: Path, mount: Mount) -> Path:
    """The target of a mount as a path on this machine."""
    return tree / mount.target.lstrip("/")


@contextmanager
def mount_points(tree: Path, mounts: Sequence[Mount]) -> Iterator[None]:
    """Create missing mount points; remove the files among them at the end."""
    created = []
    for mount in mounts:
        target = mount_point(tree, mount)
        if mount.source.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        elif not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            # A dangling link does not exist either.
            target.unlink(missing_ok=True)
            target.touch()
            created.append(target)
    try:
        yield
    finally:
        for target in created:
            target.unlink()


@contextmanager
def secrets(requested: Sequence[Secret]) -> Iterator[list[Mount]]:
    """Mount the secrets that a step asks for: ``pip`` is the index of this machine, ``ca`` its certificates.

    Raises:
        ConfigError: a secret with another name.
    """
    with tempfile.TemporaryDirectory() as folder:
        found = ((secret, _source(secret.id, Path(folder))) for secret in requested)
        yield [Mount(source, secret.target) for secret, source in found if source is not None]


def _source(name: str, folder: Path) -> Path | None:
    """Return the file of a secret, written to a folder if necessary; None if this machine has none."""
    if name == "ca":
        return certificates()
    if name != "pip":
        raise ConfigError("Dockerfile", "unknown secret", expected="pip or ca", received=name)
    path = folder / "pip.conf"
    path.write_text(pip_settings(), encoding="utf-8")
    return path


def pip_settings() -> str:
    """The pip.conf of this machine, reduced to the index."""
    index = os.environ.get("PIP_INDEX_URL") or _configured_index()
    return f"[global]\nindex-url = {index}\n" if index else ""


def _configured_index() -> str:
    try:
        command = [*find_pip(), "config", "get", "global.index-url"]
    except MachineError:
        return ""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def certificates() -> Path | None:
    """The CA bundle that the environment names, if any."""
    named = (Path(os.environ[name]) for name in CERTIFICATES if os.environ.get(name))
    return next((path for path in named if path.is_file()), None)


def check_root() -> None:
    """Raise ConfigError unless this process may mount and chroot."""
    if os.getuid() != 0:
        raise ConfigError("chroot", "needs root", next_step="Run as root, or use a container engine.")
    probe = subprocess.run(["unshare", "--mount", "--pid", "--fork", "true"], capture_output=True, text=True)
    if probe.returncode != 0:
        raise ConfigError("chroot", "mount namespaces are not allowed here", received=probe.stderr.strip())
