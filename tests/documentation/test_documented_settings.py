"""Options, exit codes, keys, metrics and config snippets in the documentation are those of the code."""

import re
from dataclasses import fields
from typing import get_args

import pytest
from markdown_pages import DOCS, ROOT, blocks, section
from shipped import CONFIGS

import local_runner
from components.evaluation.tasks.registry import METRICS
from pipeline.config.load import CONF, merge, read_yaml, validate
from pipeline.run.summary.summary import Status, Summary


def test_the_documented_options_and_exit_codes_are_those_of_the_runner(capsys):
    with pytest.raises(SystemExit):
        local_runner.parse(["--help"])
    wanted = set(re.findall(r"^ +(?:-h, )?(--[a-z-]+)", capsys.readouterr().out, re.MULTILINE)) - {"--help"}
    assert set(re.findall(r"^\| `(--[a-z-]+)", section("docs/cli.md", "Options"), re.MULTILINE)) == wanted
    codes = re.findall(r"^  (\d)  ", local_runner.EXIT_CODES, re.MULTILINE)
    assert re.findall(r"^\| (\d) \|", section("docs/cli.md", "Exit codes"), re.MULTILINE) == codes


def test_every_key_and_status_of_the_summary_is_documented():
    text = section("docs/cli.md", "Use it from a script")
    names = [field.name for field in fields(Summary)] + list(get_args(Status))
    assert [name for name in names if f"`{name}`" not in text] == []


def test_the_documented_metrics_are_those_of_bounds():
    text = section("docs/configuration.md", "Change the bounds")
    listed = re.search(r"^Metrics: (.*?)\.$", text, re.DOTALL | re.MULTILINE)
    assert listed
    assert sorted(re.split(r",\s+", listed.group(1))) == sorted(METRICS)


def test_every_config_is_documented():
    text = section("docs/cli.md", "Options")
    assert [name for name in CONFIGS if f"`{name}`" not in text] == []


@pytest.mark.parametrize("text", [block for document in DOCS for block in blocks(document, "yaml")])
def test_a_config_snippet_is_valid(text, tmp_path):
    snippet = tmp_path / "snippet.yaml"
    snippet.write_text(text, encoding="utf-8")
    validate(merge(read_yaml(CONF / "census.yaml"), read_yaml(snippet)), source="the documentation")


@pytest.mark.parametrize("text", [block for document in DOCS for block in blocks(document, "python")])
def test_a_python_snippet_compiles(text):
    compile(text, "docs", "exec")


def test_every_make_target_is_documented():
    targets = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert targets
    text = "".join(document.read_text(encoding="utf-8") for document in DOCS)
    assert [target for target in targets.group(1).split() if f"make {target}" not in text] == []


def test_the_messages_under_troubleshooting_are_those_of_the_client():
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "pipeline" / "kubeflow").rglob("*.py"))
    first_cells = re.findall(r"^\| (`.*?) \|", section("docs/kubernetes.md", "Troubleshooting"), re.MULTILINE)
    messages = [message for cell in first_cells for message in re.findall(r"`([^`]+)`", cell)]
    assert len(messages) >= 5
    assert [message for message in messages if message not in source] == []
