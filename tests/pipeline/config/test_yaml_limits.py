"""Configs from untrusted sources: too large, endless, not files, invalid values; random ones are loaded or refused."""

import os
import random
import time

import pytest
import yaml

from pipeline.config.load import load_config
from pipeline.config.root import Config
from pipeline.config.yaml_limits import MAX_BYTES, load_yaml
from pipeline.errors import ConfigError

MINIMAL = """\
name: tiny
workload: census
data: {dataset: census}
training: {epochs: 2, batch_size: 32, learning_rate: 1e-3}
"""
BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 12)
)
MERGES = "a0: &a0 {k0: 1}\n" + "".join(
    f"a{level}: &a{level} {{<<: [{', '.join([f'*a{level - 1}'] * 9)}]}}\n" for level in range(1, 12)
)


def refused(path, *overrides) -> str:
    started_s = time.monotonic()
    with pytest.raises(ConfigError) as caught:
        load_config(str(path), overrides)
    assert caught.value.exit_code == 2
    assert time.monotonic() - started_s < 10
    return str(caught.value)


def written(tmp_path, content) -> str:
    path = tmp_path / "some.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    return path


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (BOMB, "more than 20,000 values with its aliases expanded"),
        (MERGES, "more than 20,000 values"),
        ("a: &a [*a]\n", "an alias inside the node that it refers to, at line 1"),
        ("a: &a {b: {c: *a}}\n", "an alias inside the node that it refers to"),
        ("a: &a {<<: *a}\n", "an alias inside the node that it refers to"),
        ("a: " + "[" * 40 + "]" * 40, "more than 32 nested levels"),
        ("a: " + "[" * 5000 + "]" * 5000, "more than 32 nested levels"),
        ("- " * 5000, "more than 32 nested levels"),
        ("#" * (MAX_BYTES + 1), "larger than 256 KiB"),
        ("a: " + "9" * 5000, "more than 3,500 digits"),
        ("a: !!timestamp 2025-02-30\n", "day is out of range"),
        ("a: !!int x\n", "invalid literal"),
        ("a: !!float x\n", "could not convert"),
        ("a: !!timestamp x\n", "an invalid value"),
        ("? [1, 2]\n: 3\n", "unhashable"),
        ('a: "\\0"\n', "a control character"),
        ('a: "\\ud800"\n', "a lone surrogate"),
        (b"a: \x00\n", "special characters"),
        (b"\xff\xfe\x00", "utf-8"),
        (bytes(range(256)), "utf-8"),
        ("a: 1\n---\nb: 2\n", "expected a single document"),
    ],
)
def test_an_invalid_config_is_refused_at_once(tmp_path, content, why):
    message = refused(written(tmp_path, content))
    assert message.startswith(f"{tmp_path}/some.yaml: cannot be read as YAML\n  received: ")
    assert why in message


def test_a_folder_is_not_a_config(tmp_path):
    (tmp_path / "some.yaml").mkdir()
    assert "cannot be read as YAML" in refused(tmp_path / "some.yaml")


def test_a_pipe_without_a_writer_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "some.yaml")
    assert "not a file" in refused(tmp_path / "some.yaml")


def test_a_loop_of_links_is_not_a_config(tmp_path):
    (tmp_path / "some.yaml").symlink_to(tmp_path / "some.yaml")
    assert "no such config" in refused(tmp_path / "some.yaml")


@pytest.mark.parametrize(
    "name", ["x" * 256, "x" * 256 + ".yaml", "x" * 5000, "a\0b", "a\nb.yaml", "\udcff.yaml", "x/" * 3000]
)
def test_an_invalid_file_name_is_refused(name):
    refused(name).encode("utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config("census", env=name)
    str(caught.value).encode("utf-8")


@pytest.mark.parametrize(
    "override",
    [
        "training.model.x=&a [*a]", "training.seed=" + "9" * 5000, "name=" + "[" * 1000, ".".join("a" * 2000) + "=1",
        'name="\\0"', "data.path=!!timestamp 2025-02-30", "x" * 300_000 + "=1", "name=" + "x" * 300_000,
        "training=!!python/name:os",
        "=1", "\udcff=1", "name=\udcff", "a..b=1", "training.=1", ".=1",
    ],
)  # fmt: skip
def test_a_set_beyond_all_limits_is_refused(override):
    message = refused("census", override)
    assert len(message) < 2000
    message.encode("utf-8")


@pytest.mark.parametrize(
    "override",
    [
        "training.seed=-1", "training.seed=9223372036854775808", "training.seed=4294967296", "training.seed=true",
        "training.batch_size=1000000000", "training.batch_size=0", "training.batch_size=32.0",
        "training.epochs=10000000",
        "training.epochs=1e30", "training.learning_rate=1e-300", "training.learning_rate=1e30",
        "training.learning_rate=true", "training.learning_rate=.nan", "training.learning_rate=.inf",
        "training.weight_decay=-1", "training.weight_decay=.inf", "training.weight_averaging=1", "training.clip_norm=0",
        "training.clip_norm=1e300", "training.class_weights=[1e300, 1]", "training.class_weights=[.nan, 1]",
        "training.hang_timeout_s=0", "training.hang_timeout_s=1e300", "training.hang_timeout_s=.inf",
        "training.startup_timeout_s=-1", "training.workers=0", "training.workers=100000",
        "training.parameter_servers=1e9",
        "training.max_restarts=1000000", "training.keep_checkpoints=0", "training.checkpoint_every_s=.inf",
        "training.accumulation_steps=100000000", "training.steps_per_execution=10000000000",
        "training.profile_steps=-1", "training.histogram_every_epochs=-1", "training.early_stopping_patience=1e99",
        "data.seed=-1", "data.seed=18446744073709551616", "data.shuffle_rows=-1", "data.shuffle_rows=10000000000000",
        "data.max_bad_share=.nan", "tuning={ranges: {training.epochs: {low: 1, high: 1e300}}}",
        "tuning={trials: 0, ranges: {}}", "tuning={seed: -1, ranges: {training.epochs: {low: 1, high: 2}}}",
        "tuning={parallel: 100000, ranges: {training.epochs: {low: 1, high: 2}}}",
        f"tuning={{ranges: {{training.epochs: {{low: 1, high: 1{'0' * 400}}}}}}}",
        "evaluation.bounds=[{metric: AUC, lower: .nan}]", "evaluation.bounds=[{metric: AUC, lower: 0.9, upper: 0.1}]",
        "evaluation.changes=[{metric: AUC, better: higher, tolerance: -1}]", "report.categorical_drift=0",
        "report.numeric_drift=1.1", "metadata.port=65536", "metadata.port=-1", "kubeflow.lease_timeout_s=1e300",
        "training={strategy: parameter_server, jit_compile: true, epochs: 1, batch_size: 2, learning_rate: 1}",
    ],
)  # fmt: skip
def test_a_number_out_of_any_range_is_refused(override):
    assert "not usable" in refused("census", override)


def is_config_or_refused(name, *overrides) -> None:
    try:
        assert isinstance(load_config(name, overrides), Config)
    except ConfigError as error:
        str(error).encode("utf-8")


WORDS = [
    "name", "training", "epochs", "data", "path", "&a", "*a", "<<", "!!int", "!!float", "!!binary", "!!set", "!!omap",
    "!!timestamp", "!!null", "!!python/name:os", "|", ">", "'", '"', "\\", "[", "]", "{", "}", ",", ":", ": ", "? ",
    "- ",
    "\n", "\n  ", "\t", "#", "%", "@", "`", "---", "...", "1", "-1", "1e400", ".nan", "0x", "0o9", "1:99", "2025-13-01",
    "~", "yes", "ü", "\u2028", "\x85", "\ufeff", "\x00", "\ud800", "9" * 30, "{}", "[]",
]  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_random_text_is_a_config_or_refused(tmp_path, seed):
    draw = random.Random(seed)
    for _ in range(400):
        text = "".join(draw.choices(WORDS, k=draw.randint(1, 25)))
        path = written(tmp_path, draw.choice(["", MINIMAL]) + text)
        is_config_or_refused(str(path))
        is_config_or_refused("census", text)
        is_config_or_refused("census", f"training.model={text}")
        is_config_or_refused("census", f"tuning.ranges={text}")


@pytest.mark.parametrize("seed", range(4))
def test_a_config_with_random_edits_is_a_config_or_refused(tmp_path, seed):
    draw = random.Random(seed)
    for _ in range(200):
        letters = list(MINIMAL)
        for _ in range(draw.randint(1, 4)):
            letters[draw.randrange(len(letters))] = draw.choice(WORDS)
        is_config_or_refused(str(written(tmp_path, "".join(letters))))


def test_aliases_within_the_limits_are_expanded(tmp_path):
    text = "a: &a {x: 1}\nb: [*a, *a]\nc: {<<: *a, y: 2}\n"
    assert load_yaml(text, yaml.SafeLoader) == yaml.safe_load(text)


@pytest.mark.parametrize("digits", ["0x" + "f" * 5000, "0b" + "1" * 20_000, "9" * 4000])
def test_an_endless_number_is_refused(digits):
    with pytest.raises(ConfigError):
        load_config("census", (f"training.epochs={digits}",))
