"""What is read of an Examples artifact: the files that were written, and nothing that came to lie beside them."""

import gzip
import json
import shutil
import zlib
from pathlib import Path

import pytest
from tfx.proto import trainer_pb2
from tfx.types import standard_artifacts
from tfx.types import standard_component_specs as specs
from tfx.utils import proto_utils

from components.distributed_trainer.trainer_executor import TrainerExecutor
from components.examples.file_rows import record_rows
from components.examples.listing import FILES, files_of, mark
from components.examples.reading import required_files, split_files
from pipeline.errors import DataError


@pytest.fixture
def examples(written, tmp_path):
    """The listed files, with their numbers of rows."""
    record_rows(written, {str(path): number for number, path in enumerate(sorted(tmp_path.glob("*/*.gz")))})
    return written


def names(examples, split) -> list[str]:
    return [Path(path).name for path in split_files([examples], split)]


def test_the_mark_is_the_size_and_the_checksum_that_gzip_has(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"rows", mtime=0))
    size = (tmp_path / "a.gz").stat().st_size
    assert mark(str(tmp_path / "a.gz")) == f"{size}-{zlib.crc32(b'rows').to_bytes(4, 'little').hex()}04000000"
    (tmp_path / "short").write_bytes(b"x")
    assert mark(str(tmp_path / "short")) == "1-78"


@pytest.mark.parametrize("stray", ["c.gz", "a-copy.gz", ".a.gz", "a.gz.partial", "_SUCCESS", "[ab].gz"])
def test_what_lies_beside_them_is_no_rows(examples, tmp_path, stray):
    shutil.copy(tmp_path / "Split-train" / "a.gz", tmp_path / "Split-train" / stray)
    assert names(examples, "train") == ["a.gz", "b.gz"]
    assert names(examples, "eval") == ["a.gz"]


def replace(path):
    path.write_bytes(gzip.compress(b"train/A.gz"))


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize("change", [Path.unlink, replace, cut])
def test_a_file_that_is_gone_or_another_one_is_an_error(examples, tmp_path, change):
    change(tmp_path / "Split-train" / "a.gz")
    with pytest.raises(DataError, match="not the file that was written here") as caught:
        required_files(examples, "train")
    assert caught.value.where == str(tmp_path / "Split-train" / "a.gz")
    assert "--no-cache" in caught.value.next_step
    assert names(examples, "eval") == ["a.gz"]


def test_a_split_without_rows_has_no_files(tmp_path):
    assert files_of({"test": str(tmp_path / "gone")}, json.dumps({"train": {}})) == {"test": []}


def test_of_examples_that_others_made_all_files_are_read_but_hidden_ones(examples, tmp_path):
    examples.set_string_custom_property(FILES, "")
    shutil.copy(tmp_path / "Split-train" / "a.gz", tmp_path / "Split-train" / ".c.gz")
    assert names(examples, "train") == ["a.gz", "b.gz"]


def test_trainer_is_told_the_files_and_their_rows(examples, tmp_path):
    (tmp_path / "Split-train" / "c.gz").write_bytes(b"stray")
    outputs = {}
    for key, kind in ((specs.MODEL_KEY, standard_artifacts.Model), (specs.MODEL_RUN_KEY, standard_artifacts.ModelRun)):
        outputs[key] = [kind()]
        outputs[key][0].uri = str(tmp_path / key)
    properties = {
        specs.TRAIN_ARGS_KEY: proto_utils.proto_to_json(trainer_pb2.TrainArgs(splits=["train"])),
        specs.EVAL_ARGS_KEY: proto_utils.proto_to_json(trainer_pb2.EvalArgs()),
    }
    found = TrainerExecutor()._GetFnArgs({specs.EXAMPLES_KEY: [examples]}, outputs, properties)
    assert found.train_files == [str(tmp_path / "Split-train" / name) for name in ("a.gz", "b.gz")]
    assert found.eval_files == [str(tmp_path / "Split-eval" / "a.gz")]
    assert found.custom_config["file_rows"] == dict(zip([*found.eval_files, *found.train_files], range(3), strict=True))
