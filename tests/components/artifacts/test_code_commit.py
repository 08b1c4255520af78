import subprocess

import pytest

from components.artifacts.code_commit import REVISION, commit_of


@pytest.fixture
def checkout(tmp_path):
    """A checkout with one commit, and a folder in it."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "a.py").write_text("a = 1\n")
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false")
    for words in (("init", "-q"), ("add", "."), (*who, "commit", "-q", "-m", "first")):
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True)
    return tmp_path


def test_a_commit_is_that_of_the_checkout(checkout):
    head = subprocess.run(["git", "-C", str(checkout), "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    assert commit_of(checkout / "code") == head.stdout.strip()
    (checkout / "new.py").write_text("")
    assert commit_of(checkout / "code") == head.stdout.strip()
    (checkout / "code" / "a.py").write_text("a = 2\n")
    assert commit_of(checkout / "code") == head.stdout.strip() + "+"


def test_without_a_checkout_it_is_what_the_image_says(tmp_path, monkeypatch):
    monkeypatch.delenv(REVISION, raising=False)
    assert commit_of(tmp_path) == ""
    monkeypatch.setenv(REVISION, "abc123")
    assert commit_of(tmp_path) == "abc123"


def test_a_checkout_around_an_installed_package_says_nothing_of_it(checkout, monkeypatch):
    installed = checkout / ".venv" / "lib" / "site-packages" / "mainline"
    installed.mkdir(parents=True)
    (installed / "__init__.py").write_text("")
    (checkout / ".gitignore").write_text(".venv/\n")
    monkeypatch.delenv(REVISION, raising=False)
    assert commit_of(installed) == ""
    monkeypatch.setenv(REVISION, "abc123")
    assert commit_of(installed) == "abc123"


def test_without_git_it_is_unknown(checkout, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv(REVISION, raising=False)
    assert commit_of(checkout) == ""
