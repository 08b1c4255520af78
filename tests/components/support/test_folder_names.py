import os
import re
from pathlib import Path

import pytest
import tensorflow as tf
from fakes.folder_names import NAMES, NEIGHBOURS
from fakes.stock import example_gen_runs
from harness import write_text

from components.arrow_example_gen.driver import Driver
from components.support.folders import all_files, files_in
from pipeline.errors import DataError
from pipeline.training.input.split_rows import count_records


def folders(tmp_path, name) -> Path:
    """A folder of that name beside some that it would stand for as a pattern."""
    for number, each in enumerate([*NEIGHBOURS, name]):
        write_text(tmp_path / each / "train" / f"rows-{number}.jsonl", '{"fare": 1.5}\n' * (number + 1))
    return tmp_path / name


@pytest.mark.parametrize("name", NAMES)
def test_the_name_of_a_folder_is_no_pattern(tmp_path, name):
    folder = folders(tmp_path, name) / "train"
    expected = [str(folder / f"rows-{len(NEIGHBOURS)}.jsonl")]
    assert files_in(str(folder)) == all_files([f"{folder}/*"]) == all_files(expected) == expected
    (folder / ".hidden").touch()
    assert files_in(str(folder)) == expected


@pytest.mark.parametrize("name", NAMES)
def test_rows_of_a_folder_of_any_name_are_read_and_fingerprinted(tmp_path, name):
    folder = folders(tmp_path / "data", name)
    node = example_gen_runs.taxi_gen(folder)
    example_gen_runs.run_nodes(tmp_path / name, node)
    assert example_gen_runs.examples(example_gen_runs.output(node, tmp_path / name)).total() == len(NEIGHBOURS) + 1
    processor = Driver(None).get_input_processor(node_splits(node), None, str(folder))
    fingerprint = processor.get_input_fingerprint(0, None)
    assert "num_files:1" in fingerprint


def node_splits(node):
    from tfx.proto import example_gen_pb2
    from tfx.utils import proto_utils

    config = example_gen_pb2.Input()
    proto_utils.json_to_proto(node.exec_properties["input_config"], config)
    return config.splits


@pytest.mark.parametrize("name", NAMES)
def test_records_are_counted_in_a_folder_of_any_name(tmp_path, name):
    for number, each in enumerate([*NEIGHBOURS, name]):
        (tmp_path / each).mkdir()
        with tf.io.TFRecordWriter(str(tmp_path / each / "0.gz"), "GZIP") as writer:
            for _ in range(number + 1):
                writer.write(b"")
    assert count_records([f"{tmp_path / name}/*"]) == len(NEIGHBOURS) + 1
    assert count_records([str(tmp_path / name / "0.gz")]) == len(NEIGHBOURS) + 1


def test_a_name_that_is_not_utf_8_is_told(tmp_path):
    folder = tmp_path / "rows" / "train"
    write_text(folder / "a.jsonl", '{"fare": 1.5}\n')
    with open(os.fsencode(folder) + b"/caf\xe9.jsonl", "w"):
        pass
    with pytest.raises(DataError, match=r"caf\\xe9.jsonl: the name is not UTF-8"):
        example_gen_runs.run_nodes(tmp_path, example_gen_runs.taxi_gen(tmp_path / "rows"))
    with pytest.raises(DataError, match="the name is not UTF-8"):
        files_in(os.fsdecode(os.fsencode(folder) + b"\xff"))


def test_nobody_else_takes_the_name_of_a_folder_for_a_pattern():
    """``Path.glob`` takes the folder as it is; the others do not."""
    root = Path(__file__).resolve().parents[3]
    sources = [path for top in ("components", "pipeline") for path in (root / top).rglob("*.py")]
    pattern = re.compile(r"(gfile|fileio)\.glob|glob\.i?glob|FileSystems\.match|ReadFromTFRecord|list_files\(\[f")
    assert [path.name for path in sources if pattern.search(path.read_text(encoding="utf-8"))] == []
