"""The image: its Dockerfile and, in the slow suite, the image itself, built in a Debian 13 tree."""

import ast
import os
import re
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import harness
import pytest
from fakes.image.build_context import context_files
from fakes.image.chroot import IN_CHROOT_ENV, Chroot, Mount
from fakes.image.dockerfile import Copy, Run, Stage, read_dockerfile
from fakes.image.image_tree import DOCKERFILE, ROOT, TREES, ImageTrees

from pipeline.errors import ConfigError

# All files of the image, in megabytes of 10^6 bytes; the stock image of TFX has 12,300.
BUDGET_MB = 2500
# If set, tests fail rather than skip where no tree can be built.
NEEDED = "MAINLINE_NEEDS_TREE"
COMPILERS = ("as", "c++", "cc", "cpp", "g++", "gcc", "ld", "make", "rustc", "clang")
HOST = re.compile(r"https?://|--index-url|\b[\w-]+\.(?:com|org|net|io|dev)/")
# Modules that need the SDK.
COMPILING = {f"pipeline.kubeflow.compile.{name}" for name in ("compiler", "package", "pipeline_spec")}
IMPORT_ALL = """
import importlib, pkgutil, sys
failed = []
for package in ("pipeline", "components"):
    for found in pkgutil.walk_packages([f"/app/{package}"], f"{package}."):
        if not found.name.endswith("__main__"):
            try:
                importlib.import_module(found.name)
            except Exception as error:
                failed.append((found.name, str(error)))
print("failed:", failed)
print("modules:", sum(name.split(".")[0] in ("pipeline", "components") for name in sys.modules))
"""


def stages() -> dict[str, Stage]:
    return {stage.name: stage for stage in read_dockerfile(DOCKERFILE)}


def commands(stage: Stage) -> str:
    return "\n".join(step.command for step in stage.steps if isinstance(step, Run))


def test_the_last_stage_is_the_image_and_runs_as_an_unprivileged_user():
    *_, image = read_dockerfile(DOCKERFILE)
    assert image.name == "image"
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", image.user)
    assert image.entrypoint == ()
    assert image.command == ("python", "-m", "pipeline.kubeflow.pod.run_node", "--help")
    assert image.labels["org.opencontainers.image.title"] == "mainline"
    (given,) = [stage for stage in read_dockerfile(DOCKERFILE, REVISION="abc") if stage.name == "image"]
    assert given.labels["org.opencontainers.image.revision"] == "abc"


def test_the_compiler_stays_in_an_earlier_stage():
    assert "g++" in commands(stages()["install"])
    installed = set(re.findall(r"[\w.+-]+", commands(stages()["image"])))
    assert installed & {*COMPILERS, "python3-dev", "build-essential", "binutils"} == set()
    assert stages()["image"].base.startswith("debian:trixie")


def test_every_copied_file_exists_and_is_in_the_build_context():
    files = context_files(ROOT)
    copies = [step for stage in stages().values() for step in stage.steps if isinstance(step, Copy)]
    sources = [source for step in copies if step.stage is None for source in step.sources]
    assert [one for one in sources if not any(f"{name}/".startswith(f"{one}/") for name in files)] == []
    assert {step.stage for step in copies if step.stage} == {"prune"}


def test_only_files_of_the_image_are_in_the_build_context(tmp_path):
    shutil.copy(ROOT / ".dockerignore", tmp_path)
    planted = (
        ".git/config", ".venv/lib/x.py", ".next/image/x", "runs/census/x.csv", "tests/test_x.py", "docs/x.md",
        "data/cache/raw/movielens/u.data", "data/cache/prepared/census/rows.csv", "data/README.md",
        "deploy/x.py", "deploy/kubeflow/overlays/example/metadata.env", "pipeline/__pycache__/x.pyc",
        "pipeline/.x.py.swp", "components/x.pyc", "secret.env",
    )  # fmt: skip
    wanted = (
        "components/x.py", "data/fetch.py", "deploy/prune.py", "local_runner.py", "pipeline/conf/env/kubeflow.yaml",
        "requirements/image.txt", "requirements/sync.sh", "schemas/census.pbtxt",
    )  # fmt: skip
    for name in (*planted, *wanted):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert context_files(tmp_path) == sorted(wanted)


def test_no_data_is_in_the_build_context():
    assert [
        name for name in context_files(ROOT) if name.endswith((".csv", ".data", ".tfrecord", ".gz", ".parquet"))
    ] == []


def test_every_package_from_an_index_has_a_hash():
    script = (ROOT / "requirements" / "sync.sh").read_text(encoding="utf-8").replace("\\\n", " ")
    installs = [line for line in script.splitlines() if "pip install" in line and not line.lstrip().startswith("#")]
    assert len(installs) == 2
    assert [line for line in installs if "--require-hashes" not in line] == []
    assert [stage.name for stage in stages().values() if re.search(r"pip3? install|curl|wget", commands(stage))] == []


@pytest.mark.parametrize(
    "name", ["deploy/Dockerfile.pipeline", "requirements/sync.sh", "requirements/image.txt", "deploy/prune.py"]
)
def test_no_registry_host_is_named(name):
    assert HOST.findall((ROOT / name).read_text(encoding="utf-8")) == []


def locked(name: str) -> dict[str, set[str]]:
    """The versions of each package in a lock."""
    versions: dict[str, set[str]] = {}
    for line in (ROOT / "requirements" / name).read_text(encoding="utf-8").splitlines():
        if found := re.match(r"([a-z0-9][\w.-]*)==([^\s;]+)", line):
            versions.setdefault(found.group(1), set()).add(found.group(2))
    return versions


def test_the_image_has_the_tested_versions():
    image, tested = locked("image.txt"), locked("lock.txt")
    assert [name for name, versions in image.items() if not versions <= tested.get(name, set())] == []
    assert image["tfx"] == {"1.21.0"}
    assert {"kfp", "kfp-kubernetes", "pytest", "playwright", "ruff"} & image.keys() == set()


@pytest.fixture(scope="module")
def image() -> Path:
    if os.environ.get(IN_CHROOT_ENV):
        pytest.skip("in a tree already")
    try:
        tree = ImageTrees().stage("image")
    except ConfigError as error:
        if os.environ.get(NEEDED):
            raise
        pytest.skip(str(error))
    return tree


def pod_of(tree: Path, *mounts: Mount) -> Chroot:
    """Run the image as a pod does: its user and environment, writable only where a volume is mounted."""
    stage = stages()["image"]
    return Chroot(tree, stage.environment, stage.user, stage.folder, mounts, read_only=True)


def files(tree: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for folder, names, others in os.walk(tree):
        for name in (*names, *others):
            path = Path(folder) / name
            yield path, path.lstat()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_image_is_within_its_budget(image):
    size_mb = sum(status.st_size for path, status in files(image) if stat.S_ISREG(status.st_mode)) / 1e6
    print(f"{size_mb:.0f} MB")
    assert size_mb < BUDGET_MB


@pytest.mark.slow
def test_the_image_has_no_compiler_and_no_cache(image):
    script = f"for name in {' '.join(COMPILERS)}; do command -v $name || true; done"
    assert pod_of(image).run(["sh", "-c", script]).stdout == ""
    left = (
        "root/.cache",
        "build",
        "opt/uv",
        "var/lib/apt/lists/lock",
        "app/data/cache",
        "app/tests",
        "app/requirements",
    )
    assert [name for name in left if (image / name).exists()] == []
    assert list(image.glob("var/cache/apt/*.bin")) == []
    assert list(image.glob("app/**/*.csv")) == []


@pytest.mark.slow
def test_its_user_cannot_change_the_image(image):
    uid, gid = map(int, stages()["image"].user.split(":"))
    shared = {image / "tmp", image / "var/tmp", image / "run/lock"}
    loose = [
        path.relative_to(image).as_posix()
        for path, status in files(image)
        if path not in shared and not stat.S_ISLNK(status.st_mode) and not path.is_relative_to(image / "dev")
        and (status.st_uid == uid or status.st_gid == gid or status.st_mode & stat.S_IWOTH)
    ]  # fmt: skip
    assert loose == []


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_module_can_be_imported(image):
    done = pod_of(image).run(["python", "-c", IMPORT_ALL])
    assert done.returncode == 0, done.stdout
    failed = dict(ast.literal_eval(re.search(r"^failed: (.*)$", done.stdout, re.MULTILINE).group(1)))
    # Only the client compiles pipelines.
    assert set(failed.values()) <= {"No module named 'kfp'"}
    assert set(failed) <= COMPILING
    assert int(done.stdout.split("modules:")[1]) > 100


@pytest.mark.slow
def test_run_node_prints_its_help(image):
    done = pod_of(image).run(list(stages()["image"].command))
    assert done.returncode == 0, done.stdout
    assert "--node" in done.stdout


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_pipeline_runs_in_it_and_trains_on_two_workers(image, tmp_path):
    rows, volume = harness.tiny_rows(tmp_path / "rows"), tmp_path / "volume"
    volume.mkdir()
    os.chown(volume, *map(int, stages()["image"].user.split(":")))
    pod = pod_of(image, Mount(rows, "/mnt/rows"), Mount(volume, "/mnt/mainline", writable=True))
    values = harness.settings(
        Path("/mnt/rows"), "training.epochs=1", "training.strategy=multi_worker", "training.workers=2"
    )
    sets = [part for value in values for part in ("--set", value)]
    done = pod.run(["python", "local_runner.py", "--config", "census", "--root", "/mnt/mainline/runs", *sets])
    assert done.returncode == 0, done.stdout[-4000:]
    facts = harness.latest_facts(volume / "runs")
    assert facts["status"] == "pushed"
    assert len(harness.versions(volume / "runs")) == 1
    assert list(volume.glob("runs/census/reports/*/index.html"))


def test_the_trees_are_ignored_by_git_and_by_the_build():
    assert f"{TREES.name}/" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert [name for name in context_files(ROOT) if name.startswith(TREES.name)] == []
