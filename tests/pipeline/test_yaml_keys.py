"""A key that stands twice is an error with both lines, wherever a mapping is; what YAML's merge overrides is none."""

import pytest
import yaml

from pipeline.config import CONF, Loader, load_config
from pipeline.errors import ConfigError

HEAD = (
    "name: mine\nworkload: census\ndata:\n  path: rows\ntraining:\n  learning_rate: 0.1\n  epochs: 2\n  batch_size: 9\n"
)
DOUBLED = {
    "at the top": ("gate: {}\nseed: 1\ngate: {}\n", "the key 'gate' stands twice in one mapping, in lines 9 and 11"),
    "nested": ("report:\n  sensitive: [sex]\n  sensitive: [race]\n", "'sensitive' .* lines 10 and 11"),
    "in a list": (
        "gate:\n  accept:\n    - feature: a\n      rule: b\n      feature: c\n", "'feature' .* lines 11 and 13",
    ),
    "on one line": ("gate: {block_on: error, block_on: warning}\n", "'block_on' .* in line 9"),
    "quoted": ('report: {sensitive: [sex], "sensitive": []}\n', "'sensitive'"),
    "as number and text": ("evaluation: {bounds: [{slice: {1: a, '1': b}}]}\n", "'1'"),
    "within an anchor": ("one: &one {a: 1, a: 2}\ntwo: *one\n", "'a'"),
    "within what is merged": ("two: {<<: {a: 1, a: 2}}\n", "'a'"),
    "merged twice": ("a: &a {x: 1}\nb: {<<: *a, <<: *a}\n", "'<<'"),
}  # fmt: skip


@pytest.mark.parametrize("case", DOUBLED)
def test_a_doubled_key_in_a_file_is_named_with_both_lines(case, tmp_path):
    text, said = DOUBLED[case]
    path = tmp_path / "mine.yaml"
    path.write_text(HEAD + text)
    with pytest.raises(ConfigError, match=said) as caught:
        load_config(str(path))
    assert str(caught.value).startswith(str(path))
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "value", ["training={epochs: 3, epochs: 4}", "evaluation.bounds=[{metric: AUC, metric: Recall}]"]
)
def test_a_doubled_key_in_a_value_of_the_command_line_is_named(value):
    with pytest.raises(ConfigError, match="stands twice") as caught:
        load_config("census", (value,))
    assert caught.value.where == f"--set {value.partition('=')[0]}"


def test_what_is_merged_may_be_overridden_and_used_again():
    text = "a: &a {x: 1, y: 1}\nb: &b {<<: *a, y: 2}\nc: {<<: [*b, *a], z: 3}\nd: *b\n"
    found = yaml.load(text, Loader)
    assert found["b"] == found["d"] == {"x": 1, "y": 2}
    assert found["c"] == {"x": 1, "y": 2, "z": 3}


def test_the_later_of_two_assignments_wins_as_before():
    found = load_config("census", ("training.epochs=3", "training.epochs=4"))
    assert found.training.epochs == 4


@pytest.mark.parametrize("path", sorted(CONF.rglob("*.yaml")), ids=lambda path: path.stem)
def test_no_config_of_ours_has_a_doubled_key(path):
    yaml.load(path.read_text(encoding="utf-8"), Loader)
