import ast
import sys

import harness
import pytest

from pipeline.cache.source_tree import OUR_PACKAGES, ROOT, SourceTree

TREE = {
    "pipeline/__init__.py": "",
    "pipeline/top.py": "import os\nfrom pipeline.middle import twice\n\nprint(twice(os.sep))\n",
    "pipeline/middle.py": "from pipeline.pack import leaf\n\n\ndef twice(x):\n    return leaf.PAIR * x\n",
    "pipeline/pack/__init__.py": "",
    "pipeline/pack/leaf.py": "PAIR = 2\n",
    "pipeline/unrelated.py": "X = 1\n",
}


@pytest.fixture
def tree(tmp_path):
    for name, text in TREE.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A copy of our packages, to be edited."""
    return harness.copy_code(tmp_path_factory.mktemp("repository"))


def source_digest(module, root=ROOT) -> str:
    return SourceTree(root).digest([module])


def closure(module, root) -> set[str]:
    return set(SourceTree(root).closure([module]).modules)


def changes(root, module, name, text) -> bool:
    """Whether the digest of a module is another one while a file has another text."""
    path, before = root / name, source_digest(module, root)
    saved = path.read_text(encoding="utf-8")
    path.write_text(text, encoding="utf-8")
    after = source_digest(module, root)
    path.write_text(saved, encoding="utf-8")
    assert source_digest(module, root) == before
    return after != before


def test_the_closure_is_what_is_imported_directly_or_not(tree):
    modules = {"pipeline", "pipeline.top", "pipeline.middle", "pipeline.pack", "pipeline.pack.leaf"}
    assert closure("pipeline.top", tree) == modules


@pytest.mark.parametrize("name", ["top", "middle", "pack/leaf", "pack/__init__"])
def test_an_edit_to_a_module_that_is_reached_changes_the_digest(tree, name):
    assert changes(tree, "pipeline.top", f"pipeline/{name}.py", TREE[f"pipeline/{name}.py"] + "EDITED = True\n")


def test_a_number_that_is_edited_deep_down_changes_the_digest(tree):
    assert changes(tree, "pipeline.top", "pipeline/pack/leaf.py", "PAIR = 3\n")


def test_an_edit_to_an_unrelated_module_does_not(tree):
    assert not changes(tree, "pipeline.top", "pipeline/unrelated.py", "X = 2\n")


def test_comments_and_format_do_not(tree):
    formatted = "# Why two?\nfrom pipeline.pack import (\n    leaf,\n)\n\ndef twice( x ): return (leaf.PAIR*x) # here\n"
    assert not changes(tree, "pipeline.top", "pipeline/middle.py", formatted)


def test_a_docstring_does(tree):
    assert changes(tree, "pipeline.top", "pipeline/pack/leaf.py", '"""Two."""\nPAIR = 2\n')


def test_an_import_inside_a_function_counts(tree):
    (tree / "pipeline" / "late.py").write_text("def f():\n    import pipeline.pack.leaf\n")
    assert changes(tree, "pipeline.late", "pipeline/pack/leaf.py", "PAIR = 3\n")


@pytest.mark.parametrize("line", ["from . import unrelated", "from .unrelated import X", "from .pack.leaf import PAIR"])
def test_a_relative_import_counts(tree, line):
    (tree / "pipeline" / "near.py").write_text(f"{line}\n")
    assert closure("pipeline.near", tree) > {"pipeline", "pipeline.near"}


def test_an_import_cycle_ends(tree):
    (tree / "pipeline" / "hen.py").write_text("import pipeline.egg\n")
    (tree / "pipeline" / "egg.py").write_text("import pipeline.hen\n")
    assert closure("pipeline.hen", tree) == {"pipeline", "pipeline.hen", "pipeline.egg"}
    assert changes(tree, "pipeline.hen", "pipeline/egg.py", "import pipeline.hen\nX = 1\n")


def test_a_module_that_moves_changes_the_digest_of_its_reader(tree):
    before = source_digest("pipeline.top", tree)
    (tree / "pipeline" / "pack" / "leaf.py").rename(tree / "pipeline" / "pack" / "twig.py")
    assert source_digest("pipeline.top", tree) != before


def test_modules_of_others_are_not_followed(tree):
    assert all(name.split(".")[0] == "pipeline" for name in closure("pipeline.top", tree))


def test_the_digest_is_short_hexadecimal_and_the_same_twice(tree):
    digest = source_digest("pipeline.top", tree)
    assert len(digest) == 16
    assert int(digest, 16) >= 0
    assert source_digest("pipeline.top", tree) == digest


def test_the_copy_and_the_repository_agree(repository):
    module = "pipeline.workloads.recommender.trainer"
    assert source_digest(module, repository) == source_digest(module)


@pytest.mark.parametrize("workload", ["recommender", "census", "impressions"])
@pytest.mark.parametrize(
    ("part", "trainer", "preprocessing"),
    [("model", True, False), ("features", True, True), ("preprocessing", False, True), ("trainer", True, False)],
)
def test_an_edit_reaches_the_nodes_that_use_it(repository, workload, part, trainer, preprocessing):
    name = f"pipeline/workloads/{workload}/{part}.py"
    edited = (repository / name).read_text(encoding="utf-8") + "\nEDITED = True\n"
    modules = [f"pipeline.workloads.{workload}.{node}" for node in ("trainer", "preprocessing")]
    assert [changes(repository, module, name, edited) for module in modules] == [trainer, preprocessing]


def test_an_edit_to_one_workload_leaves_the_other_alone(repository):
    name = "pipeline/workloads/census/features.py"
    edited = (repository / name).read_text(encoding="utf-8") + "\nEDITED = True\n"
    assert not changes(repository, "pipeline.workloads.recommender.trainer", name, edited)


def test_a_package_around_a_module_counts(tree):
    assert changes(tree, "pipeline.top", "pipeline/__init__.py", "LOADED = True\n")


@pytest.mark.parametrize("text", ["RUN = 'pipeline.pack.leaf.run_fn'\n", "MODULES = (('-m', 'pipeline.pack.leaf'),)\n"])
def test_a_module_that_a_string_names_counts(tree, text):
    (tree / "pipeline" / "launcher.py").write_text(text)
    assert changes(tree, "pipeline.launcher", "pipeline/pack/leaf.py", "PAIR = 3\n")


def test_a_data_file_beside_a_module_counts_and_its_documentation_does_not(tree):
    (tree / "pipeline" / "pack" / "page.css").write_text("a {}")
    (tree / "pipeline" / "pack" / "notes.md").write_text("Notes")
    assert changes(tree, "pipeline.top", "pipeline/pack/page.css", "b {}")
    assert not changes(tree, "pipeline.top", "pipeline/pack/notes.md", "More notes")


def test_a_folder_of_data_files_counts_where_a_module_beside_it_names_it(tree):
    (tree / "pipeline" / "pack" / "assets").mkdir()
    (tree / "pipeline" / "pack" / "assets" / "page.css").write_text("a {}")
    assert not changes(tree, "pipeline.top", "pipeline/pack/assets/page.css", "b {}")
    (tree / "pipeline" / "pack" / "leaf.py").write_text("PAIR = 2\nASSETS = 'assets'\n")
    assert changes(tree, "pipeline.top", "pipeline/pack/assets/page.css", "b {}")


def test_a_module_outside_of_installed_libraries_counts_wherever_it_lies(tree, tmp_path_factory, monkeypatch):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "company_code" / "churn").mkdir(parents=True)
    (elsewhere / "company_code" / "churn" / "trainer.py").write_text("import company_helpers\nfrom . import model\n")
    (elsewhere / "company_code" / "churn" / "model.py").write_text("UNITS = 8\n")
    (elsewhere / "company_helpers.py").write_text("X = 1\n")
    monkeypatch.syspath_prepend(str(elsewhere))
    found = {"company_code.churn.trainer", "company_code.churn.model", "company_helpers"}
    assert closure("company_code.churn.trainer", tree) == found


def test_an_installed_package_counts_where_it_is_the_workload(tree, tmp_path_factory, monkeypatch):
    installed = tmp_path_factory.mktemp("environment") / "site-packages"
    (installed / "company_code").mkdir(parents=True)
    (installed / "company_code" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(installed))
    assert SourceTree(tree).closure(["company_code"]).modules == {}
    assert set(SourceTree(tree, {"company_code"}).closure(["company_code"]).modules) == {"company_code"}


def test_libraries_are_told_apart_from_our_code(tree):
    (tree / "pipeline" / "pack" / "leaf.py").write_text("import numpy as np\nimport pipeline.middle\nPAIR = 2\n")
    libraries = SourceTree(tree).closure(["pipeline.top"]).libraries
    assert libraries - sys.stdlib_module_names == {"numpy"}


def test_a_file_that_is_not_python_is_named(tree):
    (tree / "pipeline" / "middle.py").write_text("def twice(:\n")
    with pytest.raises(SyntaxError) as raised:
        source_digest("pipeline.top", tree)
    assert raised.value.filename == str(tree / "pipeline" / "middle.py")


def test_no_module_of_ours_is_imported_in_a_way_that_the_digest_does_not_see():
    sources = [path for package in OUR_PACKAGES for path in (ROOT / package).rglob("*.py")]
    imports = [node for path in sources for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    assert [node.module for node in imports if isinstance(node, ast.ImportFrom) and node.level] == []
