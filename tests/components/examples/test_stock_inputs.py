"""Stock executors read whatever lies in the folder of a split: so it is checked before they start."""

import gzip
import json

import pytest
from tfx.proto import transform_pb2
from tfx.types import standard_artifacts
from tfx.types import standard_component_specs as specs
from tfx.utils import proto_utils

from components.batch_evaluator.stock_executor import StockExecutor as StockEvaluator
from components.batch_transform.stock_executor import StockExecutor as StockTransform
from components.examples.listing import FILES, list_written
from components.examples.reading import check_only_files
from pipeline.errors import ConfigError, DataError

SPLITS = transform_pb2.SplitsConfig(analyze=["train"], transform=["train", "eval"])
PROPERTIES = {
    StockTransform: {specs.SPLITS_CONFIG_KEY: proto_utils.proto_to_json(SPLITS)},
    StockEvaluator: {specs.EVAL_CONFIG_KEY: "{}", specs.EXAMPLE_SPLITS_KEY: json.dumps(["train", "eval"])},
}
both = pytest.mark.parametrize("executor", [StockTransform, StockEvaluator])


@pytest.fixture
def examples(tmp_path):
    """Rows of train and eval, which the artifact knows."""
    artifact = standard_artifacts.Examples()
    artifact.uri, artifact.split_names = str(tmp_path), '["train", "eval"]'
    for split in ("train", "eval"):
        (tmp_path / f"Split-{split}").mkdir()
        (tmp_path / f"Split-{split}" / "a.gz").write_bytes(gzip.compress(split.encode()))
    list_written(artifact)
    return artifact


def start(executor, examples) -> None:
    """Run a stock executor on examples that it must refuse: it gets no outputs."""
    inputs = {
        specs.EXAMPLES_KEY: [examples],
        specs.MODEL_KEY: [standard_artifacts.Model()],
        specs.SCHEMA_KEY: [standard_artifacts.Schema()],
    }
    executor().Do(inputs, {}, PROPERTIES[executor])


@both
@pytest.mark.parametrize("stray", ["b.gz", ".a.gz", "a.gz.partial"])
def test_what_lies_beside_the_rows_is_an_error(executor, stray, examples, tmp_path):
    (tmp_path / "Split-eval" / stray).write_bytes(b"stray")
    with pytest.raises(DataError, match="not a file of these examples") as caught:
        start(executor, examples)
    assert caught.value.where == str(tmp_path / "Split-eval" / stray)


@both
def test_a_file_that_is_another_one_is_an_error(executor, examples, tmp_path):
    (tmp_path / "Split-eval" / "a.gz").write_bytes(gzip.compress(b"other"))
    with pytest.raises(DataError, match="not the file that was written here"):
        start(executor, examples)


@both
def test_a_split_without_files_is_an_error(executor, examples, tmp_path):
    (tmp_path / "Split-eval" / "a.gz").unlink()
    list_written(examples)
    with pytest.raises(DataError, match="no examples"):
        start(executor, examples)


@both
def test_another_payload_is_refused(executor, examples):
    examples.set_string_custom_property("payload_format", "FORMAT_PROTO")
    with pytest.raises(ConfigError, match=r"not tf\.Examples"):
        start(executor, examples)


def test_of_examples_that_others_made_all_files_are_theirs(examples, tmp_path):
    examples.set_string_custom_property(FILES, "")
    (tmp_path / "Split-train" / "_SUCCESS").touch()
    check_only_files(examples, "train")
