import random

import pytest
import yaml
from shipped import CONFIGS

from pipeline.config.load import Dumper, dump_config, load_config, read_yaml, validate
from pipeline.config.root import Config
from pipeline.config.yaml_loader import Loader
from pipeline.criteria import Threshold

LOOKS_LIKE = [
    "7e2", "1e5", "-1E+3", ".5e1", "5.e1", "1e-3", "0o7", "017", "0x1f", "0b1", "1_000", "1:30", "1:30:15", "null", "~",
    "", "Null", "yes", "No", "on", "OFF", "true", "2024-01-01", "2024-01-01 10:00:00", ".inf", "-.INF", ".nan", "=",
    "<<", "!tag", "&a", "*a", "- a", "a: b", "a #b", "#b", "{a", "[a", "'", '"', "%a", "@a", "`a", "|", ">", "?", " a ",
    "a\nb", "a\n\n b\n", "\ta", "a\r\nb", "\x85", "\u2028", "\ufeff", "größe", "価格",
    "😀", "word " * 60, "x" * 5000, "a  " * 90, "\\", "\\n", "---", "...", "+1", "1.", "0", "-", "12e03", "1e",
]  # fmt: skip
ALPHABET = "0123456789eE+-._:~ \n\t'\"#&*!|>%@`{}[],?aonyx\\\x85\u2028é価😀"


def with_texts(texts) -> Config:
    """A config with texts as values and as keys."""
    config = load_config("census")
    bounds = tuple(Threshold(metric="auc", slice={text: text, "other": "x"}, lower=0.5) for text in texts)
    evaluation = config.evaluation.model_copy(update={"bounds": bounds})
    return config.model_copy(update={"evaluation": evaluation, "beam_pipeline_args": tuple(texts)})


def loaded(tmp_path, config) -> Config:
    """Dump a config and load the text again."""
    path = tmp_path / "config.yaml"
    path.write_bytes(dump_config(config).encode("ascii"))
    return validate(read_yaml(path), str(path))


@pytest.mark.parametrize("text", LOOKS_LIKE)
def test_a_text_survives_dump_and_load(tmp_path, text):
    config = with_texts([text])
    assert loaded(tmp_path, config) == config


def test_any_text_survives_dump_and_load(tmp_path):
    drawn = random.Random(7)
    texts = ["".join(drawn.choices(ALPHABET, k=drawn.randint(0, 12))) for _ in range(3000)]
    assert yaml.load(yaml.dump(texts, Dumper=Dumper), Loader) == texts
    config = with_texts(dict.fromkeys(texts[:300]))
    assert loaded(tmp_path, config) == config


@pytest.mark.parametrize("name", CONFIGS)
def test_every_config_survives_dump_and_load(tmp_path, name):
    config = load_config(name)
    assert loaded(tmp_path, config) == config


@pytest.mark.parametrize(
    "settings",
    [
        ("data.dataset=null", "data.path=/rows/1e5", "data.split_by={time: '1:30', cuts: ['2024-01-01', '7e9']}"),
        ("data.dataset=null", "data.path='007'", "data.split_by={key: 'yes', shares: {eval: 0.1}}"),
        ("training.learning_rate=1e-7", "metadata.user='12e3'"),
        ("evaluation.bounds=[{metric: AUC, lower: 1e16}]", "metadata.database='null'"),
    ],
)  # fmt: skip
def test_settings_survive_dump_and_load(tmp_path, settings):
    config = load_config("census", settings)
    assert loaded(tmp_path, config) == config
