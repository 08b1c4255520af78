import pyarrow as pa
import pytest
import tensorflow as tf

from components.examples import shards
from components.examples.encoding import encode
from components.examples.shards import framed, write_shards


def batch(first: int, rows: int) -> pa.RecordBatch:
    numbers = list(range(first, first + rows))
    return pa.RecordBatch.from_arrays([pa.array(numbers), pa.array(map(str, numbers))], names=["n", "s"])


def numbers_in(path) -> list[int]:
    records = tf.data.TFRecordDataset(str(path), compression_type="GZIP").as_numpy_iterator()
    return [tf.train.Example.FromString(record).features.feature["n"].int64_list.value[0] for record in records]


def test_records_are_framed_as_tensorflow_frames_them(tmp_path):
    with tf.io.TFRecordWriter(str(tmp_path / "expected")) as writer:
        for example in encode(batch(0, 300)).to_pylist():
            writer.write(example)
    block = framed(batch(0, 300))
    assert block.rows == 300
    assert bytes(block.data) == (tmp_path / "expected").read_bytes()


def test_rows_keep_their_order_over_batches(tmp_path):
    rows = write_shards(((str(tmp_path), batch(first, 50)) for first in range(0, 1000, 50)), "data")
    (path,) = tmp_path.iterdir()
    assert rows == {str(path): 1000}
    assert path.name == "data-00000.gz"
    assert numbers_in(path) == list(range(1000))


def test_a_shard_is_closed_by_the_batch_that_fills_it(tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "SHARD_BYTES", len(framed(batch(0, 75)).data))
    rows = write_shards(((str(tmp_path), batch(first, 50)) for first in range(0, 250, 50)), "data")
    files = sorted(tmp_path.iterdir())
    assert rows == dict(zip(map(str, files), (100, 100, 50), strict=True))
    assert [file.name for file in files] == ["data-00000.gz", "data-00001.gz", "data-00002.gz"]
    assert [numbers_in(file) for file in files] == [[*range(100)], [*range(100, 200)], [*range(200, 250)]]


def test_each_folder_has_shards_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "SHARD_BYTES", len(framed(batch(0, 75)).data))
    for name in ("even", "odd"):
        (tmp_path / name).mkdir()
    places = ((str(tmp_path / ("even", "odd")[first % 2]), batch(first * 50, 50)) for first in range(5))
    assert sum(write_shards(places, "data").values()) == 250
    found = {name: [numbers_in(path) for path in sorted((tmp_path / name).iterdir())] for name in ("even", "odd")}
    assert found["even"] == [[*range(50), *range(100, 150)], [*range(200, 250)]]
    assert found["odd"] == [[*range(50, 100), *range(150, 200)]]


def test_the_same_rows_are_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_shards(iter([(str(tmp_path / name), batch(0, 500))]), "data")
    assert (tmp_path / "a" / "data-00000.gz").read_bytes() == (tmp_path / "b" / "data-00000.gz").read_bytes()


def test_without_batches_there_is_no_file(tmp_path):
    assert write_shards(iter([]), "data") == {}
    assert list(tmp_path.iterdir()) == []


def test_a_batch_without_rows_adds_none(tmp_path):
    rows = write_shards(iter([(str(tmp_path), batch(0, 0)), (str(tmp_path), batch(0, 3))]), "data")
    assert rows == {str(tmp_path / "data-00000.gz"): 3}
    assert numbers_in(tmp_path / "data-00000.gz") == [0, 1, 2]


def test_a_reader_that_fails_leaves_no_shard(tmp_path):
    def failing():
        yield str(tmp_path), batch(0, 100)
        raise ValueError("line 7")

    with pytest.raises(ValueError, match="line 7"):
        write_shards(failing(), "data")
    assert list(tmp_path.glob("*.gz")) == []
    assert list(tmp_path.glob("data*")) == []
