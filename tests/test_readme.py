"""The documentation agrees with the code: commands run, settings load, and links, paths and module names exist."""

import functools
import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import get_args

import harness
import pytest
import yaml

import kubeflow_runner
import local_runner
from components.evaluation.verdict import METRICS
from pipeline.config.load import CONF, load_config, merge, read_yaml, validate
from pipeline.config.root import Config
from pipeline.kubeflow import command_line
from pipeline.run.summary.summary import AWAITING_CODE, Status, Summary
from pipeline.run.watch.cron import parse_cron

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
DOCS = [
    README,
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *(ROOT / folder / "README.md" for folder in ("data", "benchmarks")),
]
MARKDOWN = sorted({*DOCS, *ROOT.glob("*.md"), *(ROOT / "benchmarks").glob("*.md")})
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
REVIEWED, PUSHED = "release.review=required", ("pushed", "up to date")
ON_REPORTS = ("components.review", "components.slice_report")
ACTIVATE = [".", ".venv/bin/activate"]
OWN_ROWS = "data.path=my-rows"
OWN_SPANS = "data.path=my-rows/span-{SPAN}"
GENERATED = ("data/cache", "pipeline.yaml")
PACKAGES = ("pipeline", "components", "data", "schemas", "benchmarks", "deploy", "tests")
NAMED_PATH = re.compile(r"^[\w.-]+(?:/[\w.-]+)+/?$|^[\w-]+\.(?:py|pbtxt|sh|in)$")
NAMED_MODULE = re.compile(rf"^(?:python -m )?((?:{'|'.join(PACKAGES)})(?:\.\w+)+)\b")


@dataclass(frozen=True)
class Command:
    """A line of a shell block: where it stands, and its words without comment and redirection."""

    document: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.document}: {' '.join(self.words)}"

    def starts(self, *words: str) -> bool:
        """Whether these are the first words."""
        return self.words[: len(words)] == words


def blocks(document: Path, *languages: str) -> list[str]:
    """The fenced blocks of a document in some languages."""
    text = document.read_text(encoding="utf-8")
    return [content for language, content in FENCED.findall(text) if language in languages]


def commands_of(document: Path, *languages: str) -> list[Command]:
    lines = [line for block in blocks(document, *(languages or ("sh", "bash"))) for line in whole_lines(block)]
    split = (shlex.split(line.replace(" > ", " #"), comments=True) for line in lines)
    return [Command(document.relative_to(ROOT).as_posix(), tuple(words)) for words in split if words]


def whole_lines(block: str) -> list[str]:
    """The lines of a block; one that goes on after a backslash is one."""
    return block.replace("\\\n", " ").splitlines()


def section(document: str, title: str) -> str:
    """Return a section of a document by its heading, up to the next heading of any level."""
    text = (ROOT / document).read_text(encoding="utf-8")
    found = re.search(rf"^#+ {title}\n(.*?)(?=^#+ |\Z)", text, re.DOTALL | re.MULTILINE)
    assert found, f"{document}: {title}"
    return found.group(1)


def tree_paths(block: str) -> list[str]:
    """The paths in an annotated tree: two spaces of indentation a level, names, two spaces or more, a remark.

    >>> tree_paths("a/  x\\n  b.py c.py  y\\nd  z\\n")
    ['a/', 'a/b.py', 'a/c.py', 'd']
    """
    parents: list[str] = []
    paths = []
    for line in block.splitlines():
        level = (len(line) - len(line.lstrip())) // 2
        names = re.split(r" {2,}", line.strip())[0].split()
        paths += ["".join([*parents[:level], name]) for name in names]
        parents = [*parents[:level], names[-1]]
    return paths


COMMANDS = [command for document in DOCS for command in commands_of(document)]
MAKE = [command for command in COMMANDS if command.starts("make")]
RUNNER = [command for command in COMMANDS if command.starts("python", "local_runner.py")]
KUBEFLOW = [
    command for document in DOCS for command in commands_of(document, "sh", "bash", "console")
    if command.starts("python", "kubeflow_runner.py")
]  # fmt: skip
MODULES = sorted({command.words[2] for command in COMMANDS if command.starts("python", "-m")})
# A scheduled time may be hours away.
NO_RUN = {"--help", "--cron"}
# Each command once, even if several pages show it.
RUNS = [
    command for number, command in enumerate(RUNNER)
    if command.words not in [other.words for other in RUNNER[:number]] and not NO_RUN & {*command.words}
]  # fmt: skip


def test_every_command_is_of_a_kind_that_is_checked():
    known = [*MAKE, *RUNNER, *KUBEFLOW, *(command for command in COMMANDS if command.starts("python", "-m"))]
    assert [str(command) for command in COMMANDS if command not in known and list(command.words) != ACTIVATE] == []
    assert len(MAKE) >= 3
    assert len(RUNNER) >= 8


@pytest.mark.parametrize("command", MAKE, ids=str)
def test_a_target_is_in_the_makefile(command):
    # Make takes a folder, such as tests, for a target that is up to date.
    rules = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert [word for word in command.words[1:] if "=" not in word and word not in rules] == []
    # Run below another make, this one must not take over what that one was given.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "ARGS"))}
    done = subprocess.run(["make", "-n", *command.words[1:]], capture_output=True, text=True, cwd=ROOT, env=environment)
    assert done.returncode == 0, done.stderr
    for word in command.words[1:]:
        if word.startswith("ARGS="):
            check_arguments(shlex.split(word.removeprefix("ARGS=")))


def test_every_target_is_named():
    targets = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert targets
    text = "".join(document.read_text(encoding="utf-8") for document in DOCS)
    assert [target for target in targets.group(1).split() if f"make {target}" not in text] == []


@pytest.mark.parametrize("command", RUNNER, ids=str)
def test_the_runner_understands_a_command(command):
    arguments = list(command.words[2:])
    if "--help" in arguments:
        with pytest.raises(SystemExit, match="0"):
            local_runner.parse(arguments)
    else:
        check_arguments(arguments)


def check_arguments(arguments: list[str]) -> None:
    """The command line is one of the runner, its config can be loaded, its nodes are in the picture of the graph."""
    options = local_runner.parse(arguments)
    load_config(options.config, tuple(options.set))
    if options.cron:
        parse_cron(options.cron)
    for node in filter(None, (options.from_node, options.to_node)):
        assert node in section("README.md", "The graph")


@pytest.mark.parametrize("command", KUBEFLOW, ids=str)
def test_the_runner_of_a_cluster_understands_a_command(command):
    options = command_line.parse(list(command.words[2:]), "")
    if "config" in options:
        assert load_config(options.config, tuple(options.set), env="kubeflow").name


def test_what_needs_no_cluster_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    compiling = [command for command in KUBEFLOW if "compile" in command.words and "sh" in languages_of(command)]
    assert compiling
    for command in compiling:
        assert kubeflow_runner.main(list(command.words[2:])) == 0
        assert (tmp_path / "pipeline.yaml").stat().st_size > 10_000
        (tmp_path / "pipeline.yaml").unlink()


def languages_of(command: Command) -> list[str]:
    """In which kinds of block a command stands."""
    return [name for name in ("sh", "console") if command in commands_of(ROOT / command.document, name)]


@pytest.mark.parametrize("module", MODULES)
def test_a_module_says_how_to_use_it(module):
    assert importlib.util.find_spec(module) is not None
    done = subprocess.run([sys.executable, "-m", module, "--help"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_options_and_exit_codes_are_those_of_the_runner(capsys):
    with pytest.raises(SystemExit):
        local_runner.parse(["--help"])
    wanted = set(re.findall(r"^ +(?:-h, )?(--[a-z-]+)", capsys.readouterr().out, re.MULTILINE)) - {"--help"}
    assert set(re.findall(r"^\| `(--[a-z-]+)", section("docs/cli.md", "Options"), re.MULTILINE)) == wanted
    codes = re.findall(r"^  (\d)  ", local_runner.EXIT_CODES, re.MULTILINE)
    assert re.findall(r"^\| (\d) \|", section("docs/cli.md", "Exit codes"), re.MULTILINE) == codes


def test_the_summary_is_described_whole():
    text = section("docs/cli.md", "Use it from a script")
    names = [field.name for field in fields(Summary)] + list(get_args(Status))
    assert [name for name in names if f"`{name}`" not in text] == []


def test_the_metrics_are_those_that_a_bound_may_name():
    text = section("docs/configuration.md", "Change the bounds")
    listed = re.search(r"^Metrics: (.*?)\.$", text, re.DOTALL | re.MULTILINE)
    assert listed
    assert sorted(re.split(r",\s+", listed.group(1))) == sorted(METRICS)


def test_the_configs_are_named():
    text = section("docs/cli.md", "Options")
    assert [path.stem for path in CONF.glob("*.yaml") if f"`{path.stem}`" not in text] == []


@pytest.mark.parametrize("text", [block for document in DOCS for block in blocks(document, "yaml")])
def test_a_piece_of_config_fits_a_config(text):
    validate(merge(read_yaml(CONF / "census.yaml"), yaml.safe_load(text)), source="README.md")


@pytest.mark.parametrize("text", [block for document in DOCS for block in blocks(document, "python")])
def test_a_piece_of_python_is_python(text):
    compile(text, "docs", "exec")


@pytest.mark.parametrize("document", MARKDOWN, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(document):
    text = FENCED.sub("", document.read_text(encoding="utf-8"))
    targets = [target for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target]
    broken = [target for target in targets if not leads_somewhere(document, target)]
    assert broken == []


def leads_somewhere(document: Path, target: str) -> bool:
    """Whether a relative link names a file, and its anchor a heading there."""
    name, _, anchor = target.partition("#")
    path = document.parent / name if name else document
    if not anchor:
        return path.exists()
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return anchor in [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]


@pytest.mark.parametrize("path", tree_paths(FENCED.findall(section("CONTRIBUTING.md", "The repository"))[0][1]))
def test_a_path_of_the_tree_is_there(path):
    assert (ROOT / path).is_dir() if path.endswith("/") else (ROOT / path).is_file()


def code_spans(document: Path) -> list[str]:
    """Return the inline code of a document."""
    return re.findall(r"`([^`\n]+)`", FENCED.sub("", document.read_text(encoding="utf-8")))


@pytest.mark.parametrize("document", DOCS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_path_in_backticks_exists(document):
    paths = [span for span in code_spans(document) if NAMED_PATH.match(span) and is_ours(span)]
    assert [path for path in paths if not path_exists(document, path)] == []


def is_ours(path: str) -> bool:
    """Whether a path is one of the repository, not of a run or of another project."""
    return ("/" not in path or path.split("/")[0] in {*PACKAGES, "docs", "requirements"}) and not path.startswith(
        GENERATED
    )


def path_exists(document: Path, path: str) -> bool:
    """Whether a path exists from the root or beside the document; a bare name may be of any tracked file."""
    return (ROOT / path).exists() or (document.parent / path).exists() or ("/" not in path and path in file_names())


@functools.cache
def file_names() -> set[str]:
    listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=ROOT, check=True).stdout
    return {Path(name).name for name in listed.splitlines()}


@pytest.mark.parametrize("document", DOCS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_module_in_backticks_exists(document):
    modules = [found.group(1) for span in code_spans(document) if (found := NAMED_MODULE.match(span))]
    assert [module for module in modules if not (module_exists(module) or config_key_exists(module))] == []


def module_exists(name: str) -> bool:
    """Whether a dotted name is a module or package, or a name defined in one."""
    path = ROOT / name.replace(".", "/")
    if path.is_dir() or path.with_suffix(".py").is_file():
        return True
    module, attribute = path.parent, path.name
    sources = [source for source in (module.with_suffix(".py"), module / "__init__.py") if source.is_file()]
    return any(re.search(rf"\b{attribute}\b", source.read_text(encoding="utf-8")) for source in sources)


def config_key_exists(name: str) -> bool:
    """Whether a dotted name starts with a key of a config, such as ``data.path``."""
    part, key, *_ = name.split(".")
    return part in Config.model_fields and key in getattr(Config.model_fields[part].annotation, "model_fields", {})


def test_no_document_names_a_path_of_one_machine():
    machine = re.compile(r"(?<![\w.…<>])/(?:home|tmp|work|root|usr|opt)/")
    assert [path.name for path in DOCS if machine.search(path.read_text(encoding="utf-8"))] == []


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_commands_of_the_documentation_run(finished, tmp_path, capsys):
    shutil.copytree(finished.rows, tmp_path / "span-1")
    (tmp_path / "span-1" / "_SUCCESS").touch()
    own = {OWN_ROWS: f"data.path={finished.rows}", OWN_SPANS: f"data.path={tmp_path}/span-{{SPAN}}"}
    root = shutil.copytree(finished.root, tmp_path / "runs")
    fast = [part for value in harness.settings(finished.rows) for part in ("--set", value)]
    for command in RUNS:
        words = [own.get(word, word) for word in command.words[2:]]
        code = local_runner.main(["--root", str(root), *fast, *words])
        out = capsys.readouterr().out
        assert code == (AWAITING_CODE if REVIEWED in words else 0), f"{command}\n{out}"
        check_outcome(words, out, harness.latest_facts(root))


def check_outcome(words: list[str], out: str, facts: dict[str, object]) -> None:
    """Check what a finished command printed and recorded."""
    if "--json" in words:
        assert json.loads(out) == facts
    expected = ("stopped as asked",) if "--to" in words else ("awaiting review",) if REVIEWED in words else PUSHED
    assert facts["status"] in expected


@pytest.mark.slow
def test_the_commands_on_reports_run(finished, tmp_path):
    root = shutil.copytree(finished.root, tmp_path / "runs")
    facts = harness.run_here(finished.rows, root, REVIEWED, "training.learning_rate=3e-3").facts
    names = {"<run>": facts["run"], "<other>": finished.outcome.facts["run"]}
    commands = [command for command in COMMANDS if command.starts("python", "-m") and command.words[2] in ON_REPORTS]
    assert {command.words[3] for command in commands} >= {"list", "show", "approve", "reject", "runs/census"}
    decided = False
    for command in commands:
        words = [re.sub("<run>|<other>", lambda found: names[found.group()], word) for word in command.words[1:]]
        done = subprocess.run(
            [sys.executable, *words],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert done.returncode == int(decided and "reject" in words), f"{command}\n{done.stderr}"
        decided |= "approve" in words
    assert (tmp_path / "diff.html").is_file()


@pytest.mark.slow
def test_a_finished_run_leaves_what_the_readme_says(finished):
    root = finished.root / "census"
    (version,) = harness.versions(finished.root)[:1]
    (history, *_) = sorted((root / "history").iterdir())
    text = section("docs/cli.md", "The files of a run")
    for name in ("metadata.db", ".lock", ".lock.json", "artifacts", "schemas"):
        assert name in text
        assert (root / name).exists()
    assert (root / "serving" / version / "READY.json").is_file()
    assert {path.name for path in history.iterdir()} == {"config.yaml", "run.log", "summary.json"}
    for pattern in ("Evaluator/evaluation/*/predictions/part-*.parquet", "Trainer/model_run/*/training.json",
                    "ValidationGate/verdict/*/verdict.json"):  # fmt: skip
        assert list((root / "artifacts").glob(pattern)), pattern
