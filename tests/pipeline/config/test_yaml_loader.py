"""Duplicate keys are errors that name both lines, in any mapping; overriding a merged key is not a duplicate."""

import pytest
import yaml
from shipped import CONFIG_FILES

from pipeline.config.load import load_config
from pipeline.config.yaml_loader import Loader
from pipeline.errors import ConfigError

HEAD = (
    "name: mine\nworkload: census\ndata:\n  path: rows\ntraining:\n  learning_rate: 0.1\n  epochs: 2\n  batch_size: 9\n"
)
DUPLICATES = {
    "at the top": ("gate: {}\nseed: 1\ngate: {}\n", "duplicate key 'gate', on lines 9 and 11"),
    "nested": ("report:\n  sensitive: [sex]\n  sensitive: [race]\n", "'sensitive', on lines 10 and 11"),
    "in a list": (
        "gate:\n  accept:\n    - feature: a\n      rule: b\n      feature: c\n", "'feature', on lines 11 and 13",
    ),
    "on one line": ("gate: {block_on: error, block_on: warning}\n", "'block_on', on line 9"),
    "quoted": ('report: {sensitive: [sex], "sensitive": []}\n', "'sensitive'"),
    "as number and text": ("evaluation: {bounds: [{slice: {1: a, '1': b}}]}\n", "'1'"),
    "in an anchor": ("one: &one {a: 1, a: 2}\ntwo: *one\n", "'a'"),
    "in a merged mapping": ("two: {<<: {a: 1, a: 2}}\n", "'a'"),
    "merged twice": ("a: &a {x: 1}\nb: {<<: *a, <<: *a}\n", "'<<'"),
}  # fmt: skip


@pytest.mark.parametrize("case", DUPLICATES)
def test_a_duplicate_key_in_a_file_is_named_with_both_lines(case, tmp_path):
    text, said = DUPLICATES[case]
    path = tmp_path / "mine.yaml"
    path.write_text(HEAD + text)
    with pytest.raises(ConfigError, match=said) as caught:
        load_config(str(path))
    assert str(caught.value).startswith(str(path))
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "value", ["training={epochs: 3, epochs: 4}", "evaluation.bounds=[{metric: AUC, metric: Recall}]"]
)
def test_a_duplicate_key_in_a_value_on_the_command_line_is_named(value):
    with pytest.raises(ConfigError, match="duplicate key") as caught:
        load_config("census", (value,))
    assert caught.value.where == f"--set {value.partition('=')[0]}"


def test_a_merged_mapping_may_be_overridden_and_used_again():
    text = "a: &a {x: 1, y: 1}\nb: &b {<<: *a, y: 2}\nc: {<<: [*b, *a], z: 3}\nd: *b\n"
    found = yaml.load(text, Loader)
    assert found["b"] == found["d"] == {"x": 1, "y": 2}
    assert found["c"] == {"x": 1, "y": 2, "z": 3}


def test_the_later_of_two_assignments_wins():
    found = load_config("census", ("training.epochs=3", "training.epochs=4"))
    assert found.training.epochs == 4


@pytest.mark.parametrize("path", CONFIG_FILES, ids=lambda path: path.stem)
def test_no_config_in_conf_has_a_duplicate_key(path):
    yaml.load(path.read_text(encoding="utf-8"), Loader)
