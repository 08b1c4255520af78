"""The build context: the rules of .dockerignore."""

import pytest
from fakes.image.build_context import context_files, ignored


@pytest.mark.parametrize(
    ("patterns", "path", "expected"),
    [
        (["data"], "data/x/y.csv", True),
        (["data"], "other/data", False),
        (["**/data"], "other/data/x", True),
        (["**/data"], "data", True),
        (["*.md"], "a.md", True),
        (["*.md"], "docs/a.md", False),
        (["**/*.md"], "docs/deep/a.md", True),
        (["a?c"], "abc", True),
        (["a?c"], "a/c", False),
        (["/data/"], "data/x", True),
        (["*", "!data"], "data/x", False),
        (["*", "!data", "data/cache"], "data/cache/x", True),
        (["*", "!data/x.py"], "data/x.py", False),
        (["*", "!data/x.py"], "data/y.py", True),
        (["# data"], "data", False),
        (["a.b"], "axb", False),
    ],
)
def test_the_last_matching_pattern_decides(patterns, path, expected):
    assert ignored(path, patterns) is expected


def test_files_of_a_folder(tmp_path):
    for name in ("a/x.py", "a/secret/y.py", "b/z.py", "c.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / ".dockerignore").write_text("*\n!a\na/secret\n!c.txt\n")
    assert context_files(tmp_path) == ["a/x.py", "c.txt"]
    (tmp_path / ".dockerignore").write_text("a\n")
    assert context_files(tmp_path) == [".dockerignore", "b/z.py", "c.txt"]
