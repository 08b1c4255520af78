"""Builds the stages of a Dockerfile as folders, by debootstrap and chroot, where there is no container engine."""

import hashlib
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from deploy.chroot import Inside, check_root, secrets
from deploy.context import context_files
from deploy.dockerfile import Copy, Run, Stage, read_dockerfile
from pipeline.errors import ConfigError, MainlineError

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE = ROOT / "deploy" / "Dockerfile.pipeline"
TREES = ROOT / ".next"
# Debian's release by the image that the Dockerfile is built upon.
RELEASES = {"debian:trixie-slim": "trixie"}
# What Debian's slim image leaves out too.
DOCUMENTS = ("usr/share/doc", "usr/share/info", "usr/share/locale", "usr/share/man")
CACHES = ("var/cache/apt", "var/lib/apt/lists", "var/log")
SHOWN_LINES = 30
# Before debootstrap tries once more: a mirror that is changing or out of reach is back after minutes.
PAUSES_S = (10, 60)


@dataclass(frozen=True)
class Trees:
    """Stages as folders below ``folder``; each is built again when what goes into it has changed."""

    folder: Path = TREES
    dockerfile: Path = DOCKERFILE
    context: Path = ROOT

    def stage(self, name: str) -> Path:
        """The tree of a stage.

        Raises:
            ConfigError: not root, or no such stage.
            MainlineError: a step failed; it says on which line, and what that step printed last.
        """
        with self._alone("stages"):
            return self._built(name, {stage.name: stage for stage in read_dockerfile(self.dockerfile)})

    def release(self, image: str) -> Path:
        """Debian as its slim image has it.

        Raises:
            ConfigError: not root, or the Dockerfile is built upon something else.
            MainlineError: debootstrap failed.
        """
        if image not in RELEASES:
            raise ConfigError(self.dockerfile.name, "no such base", expected=", ".join(RELEASES), received=image)
        tree = self.folder / tree_name(image)
        with self._alone(tree.name):
            if not read(stamp_of(tree)):
                clear(tree)
                bootstrap(RELEASES[image], tree)
                stamp_of(tree).write_text(image)
        return tree

    @contextmanager
    def _alone(self, what: str) -> Iterator[None]:
        """Nobody else builds it meanwhile: a tree that is not whole yet would be cleared away."""
        check_root()
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / f".{what}.lock"):
            yield

    def _built(self, name: str, stages: Mapping[str, Stage]) -> Path:
        if name not in stages:
            return self.release(name)
        stage, tree = stages[name], self.folder / name
        for needed in needed_by(stage):
            self._built(needed, stages)
        digest = self._digest(stage)
        if read(stamp_of(tree)) != digest:
            clear(tree)
            copy_tree(self.folder / tree_name(stage.base), tree)
            for step in stage.steps:
                self._step(name, step, tree)
            stamp_of(tree).write_text(digest)
        return tree

    def _digest(self, stage: Stage) -> str:
        """A hash of the steps, of the files that they copy, and of the trees that they build upon."""
        digest = hashlib.sha256()
        for needed in needed_by(stage):
            digest.update(read(stamp_of(self.folder / tree_name(needed))).encode())
        for step in stage.steps:
            digest.update(step.text.encode() + repr(sorted(getattr(step, "environment", {}).items())).encode())
            for name in self._sources(step):
                path = self.context / name
                digest.update(f"{name} {path.stat().st_mode & 0o111}\n".encode() + path.read_bytes())
        return digest.hexdigest()

    def _sources(self, step: Run | Copy) -> list[str]:
        """The files of the context that a step copies."""
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
                raise ConfigError(where, "nothing to copy, or .dockerignore leaves it out", received=source)
            for name in names:
                place = target / (Path(name).name if name == source else Path(name).relative_to(source))
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(self.context / name, place)


def bootstrap(release: str, tree: Path) -> None:
    """Installs a release of Debian into a folder; documents are left out of it for good, as in the slim image."""
    started_s = time.monotonic()
    checked(["sh", str(ROOT / "requirements" / "debootstrap.sh")], "debootstrap")
    debootstrap(release, tree)
    for name in (*DOCUMENTS, *CACHES):
        shutil.rmtree(tree / name, ignore_errors=True)
        (tree / name).mkdir()
    excluded = "".join(f"path-exclude /{name}/*\n" for name in DOCUMENTS)
    (tree / "etc/dpkg/dpkg.cfg.d/slim").write_text(excluded)
    say(f"{release}: debootstrap ({time.monotonic() - started_s:.0f} s)")


def debootstrap(release: str, tree: Path) -> None:
    """Runs debootstrap; a mirror that fails is asked again, since debootstrap itself goes on to the next error.

    Raises:
        MainlineError: it failed each time; with the end of its log, where a full disk is named, too.
    """
    command = ["debootstrap", "--variant=minbase", release, str(tree), *mirror()]
    for pause_s in (*PAUSES_S, None):
        try:
            return checked(command, "debootstrap")
        except MainlineError as error:
            log = read(tree / "debootstrap" / "debootstrap.log").splitlines()[-SHOWN_LINES:]
            if pause_s is None:
                received = "\n".join([str(error.received), "its log:", *log])
                raise MainlineError(error.where, error.problem, received=received) from error
            say(f"{release}: {error.problem}, once more in {pause_s} s: {' '.join(log[-1:])}")
        time.sleep(pause_s)
        clear(tree)


def mirror() -> list[str]:
    """Where this machine gets Debian's packages from, if it is a Debian; debootstrap knows a mirror otherwise."""
    if "ID=debian" not in read(Path("/etc/os-release")).splitlines():
        return []
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Label: Debian"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()[:1]


def run_step(step: Run, tree: Path, where: str) -> None:
    """Runs a command of a Dockerfile in a tree, with the secrets that this machine has for it.

    Raises:
        MainlineError: it failed.
    """
    with secrets(step.secrets) as mounts:
        inside = Inside(tree, step.environment, step.user, step.folder, mounts)
        check(inside.run(["sh", "-c", step.command]), where)


def checked(command: Sequence[str], where: str) -> None:
    """Runs a command of this machine.

    Raises:
        MainlineError: it failed.
    """
    # One that went on after this process was killed would write into what the next build removes.
    tied = ["setpriv", "--pdeathsig", "KILL", *command]
    check(subprocess.run(tied, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False), where)


def check(done: "subprocess.CompletedProcess[str]", where: str) -> None:
    """Raises MainlineError for a command that failed, with what it printed last."""
    if done.returncode != 0:
        last = "\n".join(done.stdout.splitlines()[-SHOWN_LINES:])
        raise MainlineError(where, f"ended with exit code {done.returncode}", received=last)


def needed_by(stage: Stage) -> list[str]:
    """What a stage builds upon: its base, and the stages that it copies from."""
    return [stage.base, *(step.stage for step in stage.steps if isinstance(step, Copy) and step.stage)]


def within(name: str, source: str) -> bool:
    """Whether a file is the source of a COPY, or below it."""
    return name == source or name.startswith(f"{source}/")


def tree_name(name: str) -> str:
    """The folder of a stage or of a base image."""
    return RELEASES.get(name, name)


def stamp_of(tree: Path) -> Path:
    """The file that says what a finished tree was built from."""
    return tree.with_name(f"{tree.name}.built")


def read(path: Path) -> str:
    """The text of a file; of one that is not there, none."""
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def clear(tree: Path) -> None:
    """Removes a tree, after the file that says that it is finished."""
    stamp_of(tree).unlink(missing_ok=True)
    if tree.exists():
        shutil.rmtree(tree)


def copy_tree(source: Path, target: Path) -> None:
    """Copies a folder with owners, modes and times."""
    target.parent.mkdir(parents=True, exist_ok=True)
    checked(["cp", "--archive", "--reflink=auto", "--no-target-directory", str(source), str(target)], "cp")


def say(line: str) -> None:
    """Shows how far a build is."""
    print(line, file=sys.stderr, flush=True)
