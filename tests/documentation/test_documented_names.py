"""Links, paths and module names in the documentation exist."""

import functools
import re
import subprocess
from pathlib import Path

import pytest
from markdown_pages import DOCS, FENCED, MARKDOWN, ROOT, code_spans, page_name, section

from pipeline.config.root import Config

GENERATED = ("data/cache", "pipeline.yaml")
PACKAGES = ("pipeline", "components", "data", "schemas", "benchmarks", "deploy", "tests")
NAMED_PATH = re.compile(r"^[\w.-]+(?:/[\w.-]+)+/?$|^[\w-]+\.(?:py|pbtxt|sh|in)$")
NAMED_MODULE = re.compile(rf"^(?:python -m )?((?:{'|'.join(PACKAGES)})(?:\.\w+)+)\b")


def tree_paths(block: str) -> list[str]:
    """Return the paths in an annotated tree: two spaces of indentation per level, names, two or more spaces, a remark.

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


@pytest.mark.parametrize("document", MARKDOWN, ids=page_name)
def test_relative_links_work(document):
    text = FENCED.sub("", document.read_text(encoding="utf-8"))
    targets = [target for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target]
    broken = [target for target in targets if not link_works(document, target)]
    assert broken == []


def link_works(document: Path, target: str) -> bool:
    """Whether a relative link leads to a file, and its anchor to a heading in it."""
    name, _, anchor = target.partition("#")
    path = document.parent / name if name else document
    if not anchor:
        return path.exists()
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return anchor in [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]


@pytest.mark.parametrize("path", tree_paths(FENCED.findall(section("CONTRIBUTING.md", "The repository"))[0][1]))
def test_a_path_of_the_repository_tree_exists(path):
    assert (ROOT / path).is_dir() if path.endswith("/") else (ROOT / path).is_file()


@pytest.mark.parametrize("document", DOCS, ids=page_name)
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


@pytest.mark.parametrize("document", DOCS, ids=page_name)
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


def test_no_document_contains_a_path_of_a_particular_machine():
    machine = re.compile(r"(?<![\w.…<>])/(?:home|tmp|work|root|usr|opt)/")
    assert [path.name for path in DOCS if machine.search(path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize("document", DOCS, ids=page_name)
def test_a_name_in_a_module_exists(document):
    # Such as: `METRICS` in `components/evaluation/verdict.py`
    found = re.findall(r"`(\w+)`\s+in\s+`([\w/]+\.py)`", document.read_text(encoding="utf-8"))
    missing = [(name, path) for name, path in found if name not in (ROOT / path).read_text(encoding="utf-8")]
    assert missing == []


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=page_name)
def test_the_readme_links_to_every_page(page):
    assert f"({page_name(page)})" in (ROOT / "README.md").read_text(encoding="utf-8")
