"""Images built without an engine: what a step sees, what stays in the tree, and when a stage is rebuilt."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from fakes.image import chroot, image_tree
from fakes.image.chroot import IN_CHROOT_ENV, Chroot, Mount
from fakes.image.dockerfile import Secret
from fakes.image.image_tree import ROOT, TREES, ImageTrees, bootstrap, copy_tree, stamp_of, tree_name

from components.support.retry import Backoff
from pipeline.errors import ConfigError, MainlineError

BASE = "debian:trixie-slim"
NEEDED = "MAINLINE_NEEDS_TREE"
WHOLE = """
FROM debian:trixie-slim AS first
ENV WORD=abc
RUN --mount=type=secret,id=pip,target=/etc/pip.conf grep index /etc/pip.conf && echo "$WORD $(id -u)" >> /steps
COPY given /there/
FROM first AS second
USER 7:7
WORKDIR /there
RUN ls > /tmp/listed && id -u >> /tmp/listed
"""


def skip_unless_root() -> None:
    """Skip a test where no tree can be built; fail it where one must be."""
    if os.environ.get(IN_CHROOT_ENV):
        pytest.skip("in a tree already")
    try:
        chroot.check_root()
    except ConfigError as error:
        if os.environ.get(NEEDED):
            raise
        pytest.skip(str(error))


@pytest.fixture
def trees(tmp_path) -> ImageTrees:
    """A small Dockerfile on the base of the image."""
    skip_unless_root()
    base = ImageTrees().release(BASE)
    made = ImageTrees(tmp_path / "trees", tmp_path / "Dockerfile", tmp_path)
    copy_tree(base, made.folder / tree_name(BASE))
    stamp_of(made.folder / tree_name(BASE)).write_text(BASE)
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "x").write_text("1")
    (tmp_path / "given" / "y.pyc").write_text("1")
    (tmp_path / ".dockerignore").write_text("**/*.pyc\n")
    made.dockerfile.write_text(WHOLE)
    return made


@pytest.mark.slow
def test_a_stage_is_built_once_and_again_when_an_input_changes(trees, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "file:///index")
    second = trees.stage("second")
    assert (second / "steps").read_text() == "abc 0\n"
    assert (second / "tmp/listed").read_text().split() == ["x", "7"]
    # The secret was there, and is in no tree.
    assert not (second / "etc/pip.conf").exists()
    (second / "tmp/listed").write_text("still the same")
    assert (trees.stage("second") / "tmp/listed").read_text() == "still the same"
    (trees.context / "given" / "z").write_text("2")
    assert (trees.stage("second") / "tmp/listed").read_text().split() == ["x", "z", "7"]
    trees.dockerfile.write_text(WHOLE.replace("WORD=abc", "WORD=xyz"))
    assert (trees.stage("second") / "steps").read_text() == "xyz 0\n"


@pytest.mark.slow
def test_a_failed_step_is_named_and_run_again(trees, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "file:///index")
    trees.dockerfile.write_text(f"{WHOLE}RUN echo so; exit 3\n")
    for _ in range(2):
        with pytest.raises(MainlineError) as error:
            trees.stage("second")
        assert error.value.where == "Dockerfile, line 10"
        assert (error.value.problem, error.value.received) == ("failed with exit code 3", "so")


@pytest.mark.slow
def test_one_of_two_processes_builds_a_release_and_the_other_waits(tmp_path, monkeypatch):
    skip_unless_root()
    begun = []

    def build(release: str, tree: Path) -> None:
        begun.append(release)
        tree.mkdir()
        time.sleep(0.5)
        (tree / "whole").touch()

    monkeypatch.setattr(image_tree, "bootstrap", build)
    with ThreadPoolExecutor(2) as pool:
        whole = pool.map(lambda image: (ImageTrees(tmp_path).release(image) / "whole").exists(), [BASE, BASE])
    assert (begun, [*whole]) == (["trixie"], [True, True])


class Refusing(BaseHTTPRequestHandler):
    """A mirror that fails every request."""

    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        self.send_error(503, "out of order")


@pytest.fixture
def refusing() -> Iterator[HTTPServer]:
    server = HTTPServer(("127.0.0.1", 0), Refusing)
    server.asked = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.slow
def test_a_failing_mirror_is_retried_and_the_log_is_shown(refusing, monkeypatch, tmp_path, capsys):
    skip_unless_root()
    monkeypatch.setattr(image_tree, "mirror", lambda: [f"http://127.0.0.1:{refusing.server_port}/debian"])
    monkeypatch.setattr(image_tree, "BACKOFF", Backoff(0.0, 0.0, attempts=3))
    with pytest.raises(MainlineError, match="failed with exit code") as error:
        bootstrap("trixie", tmp_path / "trixie")
    assert refusing.asked.count("/debian/dists/trixie/InRelease") == 3
    # Debootstrap prints "Failed getting release file"; only its log has the reason.
    assert "its log:" in error.value.received
    assert "503" in error.value.received
    assert capsys.readouterr().err.count(", again in 0 s: ") == 2


@pytest.mark.slow
def test_an_unknown_base_or_source_is_refused(trees):
    trees.dockerfile.write_text("FROM alpine AS a\n")
    with pytest.raises(ConfigError, match="unknown base image"):
        trees.stage("a")
    trees.dockerfile.write_text(f"FROM {BASE} AS a\nCOPY given/y.pyc /\n")
    with pytest.raises(ConfigError, match="no such file in the build context"):
        trees.stage("a")


@pytest.mark.slow
def test_a_process_in_a_tree_can_only_write_to_writable_mounts(trees, tmp_path):
    tree = trees.folder / tree_name(BASE)
    for name in ("open", "closed"):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(0o777)
    mounts = [Mount(tmp_path / "open", "/mnt/open", writable=True), Mount(tmp_path / "closed", "/mnt/closed")]
    process = Chroot(tree, {"A": "1"}, "9:9", "/mnt", mounts, read_only=True)
    done = process.run(
        ["sh", "-c", "for at in . /mnt/open /mnt/closed /tmp /root; do touch $at/f && echo $at; done; env; pwd; id"]
    )
    written = [line for line in done.stdout.splitlines() if line in (".", "/mnt/open", "/mnt/closed", "/tmp", "/root")]
    assert written == ["/mnt/open", "/tmp"]
    assert "uid=9(" in done.stdout
    assert "A=1" in done.stdout
    assert "MAINLINE" not in done.stdout
    assert not (tree / "tmp/f").exists()
    mounted = Path("/proc/self/mounts").read_text()
    assert str(tmp_path) not in mounted


@pytest.mark.slow
def test_a_process_in_a_tree_ends_with_its_starter(trees):
    tree = trees.folder / tree_name(BASE)
    code = (
        "import sys; from pathlib import Path; sys.path.insert(0, 'tests'); from fakes.image.chroot import Chroot; "
        "Chroot(Path(sys.argv[1]), {}).run(['sh', '-c', 'touch /up; sleep 987'])"
    )
    starter = subprocess.Popen([sys.executable, "-c", code, str(tree)], cwd=ROOT)
    until_s = time.monotonic() + 60
    while not (tree / "up").exists() and time.monotonic() < until_s:
        time.sleep(0.1)
    assert sleepers()
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    while sleepers() and time.monotonic() < until_s:
        time.sleep(0.1)
    assert sleepers() == []


@pytest.mark.slow
def test_an_orphan_is_reaped(trees):
    process = Chroot(trees.folder / tree_name(BASE), {})
    # Not a shell, which would reap it itself.
    program = """
        system(q{sh -c 'sleep 0.1 & echo $! > /orphan'});
        sleep(1);
        open(F, "/orphan");
        chomp($pid = <F>);
        print(-e "/proc/$pid" ? "there" : "gone");
        exit(4);
    """
    done = process.run(["perl", "-e", program])
    assert (done.stdout, done.returncode) == ("gone", 4)


def sleepers() -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes() == b"sleep\x00987\x00":
                found.append(path.parent.name)
        except OSError:
            continue
    return found


def test_the_index_and_certificates_of_this_machine_are_mounted(monkeypatch, tmp_path):
    monkeypatch.setenv("PIP_INDEX_URL", "file:///mine/simple")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    (tmp_path / "mine.pem").write_text("x")
    monkeypatch.setenv("PIP_CERT", str(tmp_path / "mine.pem"))
    with chroot.secrets([Secret("pip", "/etc/pip.conf"), Secret("ca", "/ca.pem")]) as (pip, ca):
        assert pip.source.read_text() == "[global]\nindex-url = file:///mine/simple\n"
        assert (pip.target, ca) == ("/etc/pip.conf", Mount(tmp_path / "mine.pem", "/ca.pem"))
    assert not pip.source.exists()


def test_without_certificates_none_are_mounted(monkeypatch):
    for name in chroot.CERTIFICATES:
        monkeypatch.delenv(name, raising=False)
    assert chroot.certificates() is None
    with chroot.secrets([Secret("ca", "/ca.pem")]) as mounts:
        assert mounts == []


def test_an_unknown_secret_is_refused():
    with pytest.raises(ConfigError, match="unknown secret"), chroot.secrets([Secret("token", "/x")]):
        pass


def test_the_trees_are_in_this_checkout():
    assert TREES.parent == ROOT
