"""Build the stages of a Dockerfile as folders, by debootstrap and chroot, where there is no container engine."""

import hashlib
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fakes.image.build_context import context_files
from fakes.image.chroot import Chroot, check_root, secrets
from fakes.image.dockerfile import Copy, Run, Stage, read_dockerfile
from filelock import FileLock

from components.support.retry import Backoff, retry
from components.support.text import first_line
from pipeline.errors import ConfigError, MainlineError

ROOT = Path(__file__).resolve().parents[3]
DOCKERFILE = ROOT / "deploy" / "Dockerfile.pipeline"
TREES = ROOT / ".next"
# Debian release by base image.
RELEASES = {"debian:trixie-slim": "trixie"}
# Left out of Debian's slim image too.
DOCUMENTS = ("usr/share/doc", "usr/share/info", "usr/share/locale", "usr/share/man")
CACHES = ("var/cache/apt", "var/lib/apt/lists", "var/log")
SHOWN_LINES = 30
# A mirror that is being updated, or cannot be reached, is usually back after a minute.
BACKOFF = Backoff(first_s=30.0, longest_s=60.0, attempts=3)


@dataclass(frozen=True)
class ImageTrees:
    """Stages as folders below ``folder``; a stage is rebuilt when its inputs change."""

    folder: Path = TREES
    dockerfile: Path = DOCKERFILE
    context: Path = ROOT

    def stage(self, name: str) -> Path:
        """Build a stage if necessary, and return its tree.

        Raises:
            ConfigError: not root, or no such stage.
            MainlineError: a step failed; the message has its line and the end of its output.
        """
        with self._locked("stages"):
            return self._built(name, {stage.name: stage for stage in read_dockerfile(self.dockerfile)})

    def release(self, image: str) -> Path:
        """Return a tree of a Debian release, like that of its slim image.

        Raises:
            ConfigError: not root, or another base image.
            MainlineError: debootstrap failed.
        """
        if image not in RELEASES:
            raise ConfigError(self.dockerfile.name, "unknown base image", expected=", ".join(RELEASES), received=image)
        tree = self.folder / tree_name(image)
        with self._locked(tree.name):
            if not read(stamp_of(tree)):
                clear(tree)
                bootstrap(RELEASES[image], tree)
                stamp_of(tree).write_text(image)
        return tree

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        """Hold a lock against other builds, which would remove a tree that is not complete yet."""
        check_root()
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / f".{name}.lock"):
            yield

    def _built(self, name: str, stages: Mapping[str, Stage]) -> Path:
        if name not in stages:
            return self.release(name)
        stage, tree = stages[name], self.folder / name
        for dependency in dependencies(stage):
            self._built(dependency, stages)
        digest = self._digest(stage)
        if read(stamp_of(tree)) != digest:
            clear(tree)
            copy_tree(self.folder / tree_name(stage.base), tree)
            for step in stage.steps:
                self._step(name, step, tree)
            stamp_of(tree).write_text(digest)
        return tree

    def _digest(self, stage: Stage) -> str:
        """Hash the steps, the files that they copy, and the trees that they build on."""
        digest = hashlib.sha256()
        for dependency in dependencies(stage):
            digest.update(read(stamp_of(self.folder / tree_name(dependency))).encode())
        for step in stage.steps:
            digest.update(step.text.encode() + repr(sorted(getattr(step, "environment", {}).items())).encode())
            for name in self._sources(step):
                path = self.context / name
                digest.update(f"{name} {path.stat().st_mode & 0o111}\n".encode() + path.read_bytes())
        return digest.hexdigest()

    def _sources(self, step: Run | Copy) -> list[str]:
        """The files of the build context that a step copies."""
        if isinstance(step, Run) or step.stage is not None:
            return []
        return [name for name in context_files(self.context) if any(within(name, source) for source in step.sources)]

    def _step(self, stage: str, step: Run | Copy, tree: Path) -> None:
        started_s = time.monotonic()
        where = f"{self.dockerfile.name}, line {step.line}"
        if isinstance(step, Run):
            run_step(step, tree, where)
        elif step.stage is not None:
            for source in step.sources:
                copy_tree(self.folder / step.stage / source.strip("/"), tree / step.target.strip("/"))
        else:
            self._copy(step, tree / step.target.strip("/"), where)
        say(f"{stage}: {step.text[:70]} ({time.monotonic() - started_s:.0f} s)")

    def _copy(self, step: Copy, target: Path, where: str) -> None:
        found = self._sources(step)
        for source in step.sources:
            names = [name for name in found if within(name, source)]
            if not names:
                raise ConfigError(where, "no such file in the build context", received=source)
            for name in names:
                copy = target / (Path(name).name if name == source else Path(name).relative_to(source))
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(self.context / name, copy)


def bootstrap(release: str, tree: Path) -> None:
    """Install a Debian release into a folder, without documentation, now and later, as in the slim image."""
    started_s = time.monotonic()
    run_here(["sh", str(ROOT / "requirements" / "debootstrap.sh")], "debootstrap")
    debootstrap(release, tree)
    for name in (*DOCUMENTS, *CACHES):
        shutil.rmtree(tree / name, ignore_errors=True)
        (tree / name).mkdir()
    excluded = "".join(f"path-exclude /{name}/*\n" for name in DOCUMENTS)
    (tree / "etc/dpkg/dpkg.cfg.d/slim").write_text(excluded)
    say(f"{release}: debootstrap ({time.monotonic() - started_s:.0f} s)")


def debootstrap(release: str, tree: Path) -> None:
    """Run debootstrap, again after a pause if it fails: it does not retry a mirror itself.

    Raises:
        MainlineError: every attempt failed; the message has the end of its log, which also names a full disk.
    """
    command = ["debootstrap", "--variant=minbase", release, str(tree), *mirror()]

    def log() -> list[str]:
        return read(tree / "debootstrap" / "debootstrap.log").splitlines()[-SHOWN_LINES:]

    def before_retry(error: BaseException, pause_s: float) -> None:
        say(f"{release}: {first_line(error)}, again in {pause_s:.0f} s: {' '.join(log()[-1:])}")
        clear(tree)

    try:
        retry(lambda: run_here(command, "debootstrap"), BACKOFF, is_ours, before_retry)
    except MainlineError as error:
        received = "\n".join([error.received, "its log:", *log()])
        raise MainlineError(error.where, error.problem, received=received) from error


def is_ours(error: BaseException) -> bool:
    """Whether a command failed, and not this code."""
    return isinstance(error, MainlineError)


def mirror() -> list[str]:
    """The mirror that this machine uses, if it runs Debian; otherwise debootstrap uses its default."""
    if "ID=debian" not in read(Path("/etc/os-release")).splitlines():
        return []
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Label: Debian"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()[:1]


def run_step(step: Run, tree: Path, where: str) -> None:
    """Run a RUN instruction in a tree, with the secrets that it mounts.

    Raises:
        MainlineError: the command failed.
    """
    with secrets(step.secrets) as mounts:
        chroot = Chroot(tree, step.environment, step.user, step.folder, mounts)
        check_exit_code(chroot.run(["sh", "-c", step.command]), where)


def run_here(command: Sequence[str], where: str) -> None:
    """Run a command on this machine.

    Raises:
        MainlineError: the command failed.
    """
    # A command that outlived this process would write into a folder that the next build removes.
    tied = ["setpriv", "--pdeathsig", "KILL", *command]
    check_exit_code(
        subprocess.run(tied, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False), where
    )


def check_exit_code(done: "subprocess.CompletedProcess[str]", where: str) -> None:
    """Raise MainlineError with the end of its output if a command failed."""
    if done.returncode != 0:
        last = "\n".join(done.stdout.splitlines()[-SHOWN_LINES:])
        raise MainlineError(where, f"failed with exit code {done.returncode}", received=last)


def dependencies(stage: Stage) -> list[str]:
    """The base of a stage and the stages that it copies from."""
    return [stage.base, *(step.stage for step in stage.steps if isinstance(step, Copy) and step.stage)]


def within(name: str, source: str) -> bool:
    """Whether a file is the source of a COPY or below it."""
    return name == source or name.startswith(f"{source}/")


def tree_name(name: str) -> str:
    """The name of the folder of a stage or base image."""
    return RELEASES.get(name, name)


def stamp_of(tree: Path) -> Path:
    """The file with the digest of a finished tree's inputs."""
    return tree.with_name(f"{tree.name}.built")


def read(path: Path) -> str:
    """The text of a file, empty if the file does not exist."""
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def clear(tree: Path) -> None:
    """Remove a tree, its stamp first."""
    stamp_of(tree).unlink(missing_ok=True)
    if tree.exists():
        shutil.rmtree(tree)


def copy_tree(source: Path, target: Path) -> None:
    """Copy a folder with owners, modes and times."""
    target.parent.mkdir(parents=True, exist_ok=True)
    run_here(["cp", "--archive", "--reflink=auto", "--no-target-directory", str(source), str(target)], "cp")


def say(line: str) -> None:
    """Print a line of progress."""
    print(line, file=sys.stderr, flush=True)
