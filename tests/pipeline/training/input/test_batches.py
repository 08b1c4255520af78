import dataclasses
import logging
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from pipeline.errors import ConfigError, MainlineError
from pipeline.training.input import batches, disk_cache, split_rows
from pipeline.training.input.batches import Share, eval_batches, training_batches
from pipeline.training.input.split_rows import Split, count_records, list_files

SPEC = {
    "id_xf": tf.io.FixedLenFeature([1], tf.int64),
    "y_xf": tf.io.FixedLenFeature([1], tf.int64),
    "w_xf": tf.io.FixedLenFeature([1], tf.float32),
}


def example(index) -> bytes:
    features = {
        "id_xf": tf.train.Feature(int64_list=tf.train.Int64List(value=[index])),
        "y_xf": tf.train.Feature(int64_list=tf.train.Int64List(value=[index % 2])),
        "w_xf": tf.train.Feature(float_list=tf.train.FloatList(value=[index / 2])),
    }
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


@pytest.fixture(scope="module")
def make_split(tmp_path_factory):
    def make(rows, shards=1, weight=None) -> Split:
        folder = tmp_path_factory.mktemp("rows")
        options = tf.io.TFRecordOptions(compression_type="GZIP")
        for shard in range(shards):
            with tf.io.TFRecordWriter(str(folder / f"rows-{shard}.gz"), options) as writer:
                for index in range(shard, rows, shards):
                    writer.write(example(index))
        spec = {name: SPEC[name] for name in ("id_xf", "y_xf", "w_xf") if name != "w_xf" or weight}
        return Split(list_files([f"{folder}/*"]), rows, spec, "y_xf", weight)

    return make


def ids(batches, count) -> list[list[int]]:
    taken = batches.take(count).as_numpy_iterator()
    return [features["id_xf"].ravel().tolist() for features, _, _ in taken]


def flat(lists) -> list[int]:
    return [item for part in lists for item in part]


def test_records_are_counted(make_split):
    assert count_records(make_split(11, shards=3).files) == 11


def test_each_epoch_has_each_row_once_and_an_order_of_its_own(make_split):
    seen = flat(ids(training_batches(make_split(30, shards=2), 10, seed=0), 9))
    epochs = [seen[start : start + 30] for start in (0, 30, 60)]
    assert all(sorted(epoch) == list(range(30)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2] != epochs[0]


def test_batches_are_full_and_run_over_the_border_of_an_epoch(make_split):
    seen = ids(training_batches(make_split(7), 5, seed=3), 7)
    assert [len(batch) for batch in seen] == [5] * 7
    assert Counter(flat(seen)) == dict.fromkeys(range(7), 5)


def test_a_batch_may_be_larger_than_the_split(make_split):
    (batch,) = ids(training_batches(make_split(3), 7, seed=0), 1)
    assert len(batch) == 7
    assert min(Counter(batch).values()) == 2


@pytest.mark.parametrize("first_step", [0, 1, 2, 3, 5, 17])
def test_a_stream_can_be_entered_at_any_step(make_split, first_step):
    split = make_split(23, shards=2)
    unbroken = ids(training_batches(split, 9, seed=1), 20)
    assert ids(training_batches(split, 9, seed=1, first_step=first_step), 20 - first_step) == unbroken[first_step:]


def test_the_order_is_a_matter_of_the_seed_alone(make_split):
    split = make_split(30)
    tf.random.set_seed(0)
    first = ids(training_batches(split, 10, seed=0), 3)
    tf.random.set_seed(5)
    assert ids(training_batches(split, 10, seed=0), 3) == first
    assert ids(training_batches(split, 10, seed=1), 3) != first


@pytest.fixture(params=["files", "blocks"])
def not_held(request, monkeypatch, tmp_path):
    """Splits of more than eight rows are read in windows of eight, from files, or from blocks of four in a folder."""
    monkeypatch.setattr(split_rows, "WINDOW_BYTES", 8 * 16)
    monkeypatch.setattr(split_rows, "HELD_BYTES", 8 * 16)
    monkeypatch.setattr(disk_cache, "BLOCK_BYTES", 4 * 16)
    return tmp_path if request.param == "blocks" else None


@pytest.mark.parametrize("first_step", [1, 4, 9, 10, 11, 13, 24])
def test_a_split_larger_than_memory_can_start_at_any_step(make_split, not_held, first_step):
    split = make_split(50, shards=3)
    unbroken = ids(training_batches(split, 5, seed=0, folder=not_held), 25)
    epochs = [flat(unbroken[:10]), flat(unbroken[10:20])]
    assert [sorted(epoch) for epoch in epochs] == [list(range(50))] * 2
    assert epochs[0] != epochs[1]
    later = training_batches(split, 5, seed=0, first_step=first_step, folder=not_held)
    assert ids(later, 25 - first_step) == unbroken[first_step:]


def test_a_split_larger_than_memory_is_shuffled_in_windows_and_by_parts(make_split, not_held):
    seen = [epoch for epoch in ids(training_batches(make_split(12, shards=12), 12, seed=0, folder=not_held), 4)]
    assert len({frozenset(epoch[:8]) for epoch in seen}) > 1


def test_a_single_file_is_shuffled_within_windows_when_blocks_do_not_fit_on_disk(
    make_split, not_held, monkeypatch, caplog
):
    caplog.set_level(logging.INFO, "mainline.progress")
    monkeypatch.setattr(disk_cache, "SPARE_BYTES", 2**62)
    one_file = flat(ids(training_batches(make_split(24), 8, seed=0, folder=not_held), 3))
    assert [sorted(one_file[start : start + 8]) for start in (0, 8, 16)] == [
        list(range(start, start + 8)) for start in (0, 8, 16)
    ]
    assert one_file != sorted(one_file)
    assert ["no room in" in record.getMessage() for record in caplog.records] == ([True] if not_held else [])


def test_blocks_hold_the_rows_of_the_files_in_order_and_are_parsed_once(make_split, tmp_path, monkeypatch):
    monkeypatch.setattr(disk_cache, "BLOCK_BYTES", 4 * 20)
    monkeypatch.setattr(split_rows, "HELD_BYTES", 0)
    split = make_split(11, weight="w_xf")
    stored = split_rows.in_blocks(split, tmp_path)
    assert [len(Path(name).read_bytes()) for name in stored.blocks] == [80, 80, 60]
    for of_files, of_blocks in zip(
        split.read(tf.constant(split.parts)).rebatch(11).get_single_element(),
        stored.read(tf.constant(stored.parts)).rebatch(11).get_single_element(), strict=True,
    ):  # fmt: skip
        np.testing.assert_array_equal(of_files, of_blocks)
    gone = dataclasses.replace(stored, files=())
    assert sorted(flat(ids(batches.finished(batches.stream(gone, 11, 0, 0), gone, (1.0, 1.0)), 1))) == list(range(11))


def test_leftovers_of_killed_processes_are_removed_and_living_ones_keep_theirs(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    killed = """
import os, signal, sys, tempfile
tempfile.tempdir = sys.argv[1]
from pipeline.training.input.disk_cache import scratch
with scratch() as folder:
    (folder / "block").write_text("rows")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", killed, str(tmp_path)], check=False)
    (left,) = tmp_path.glob("*/block")
    with disk_cache.scratch() as folder:
        assert not left.parent.exists()
        with disk_cache.scratch():
            assert folder.is_dir()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("read", [training_batches, eval_batches])
@pytest.mark.parametrize("recorded", [1, 29, 31, 90])
@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("in_folder", [False, True])
def test_rows_other_than_recorded_are_an_error(make_split, tmp_path, monkeypatch, read, recorded, large, in_folder):
    if large:
        monkeypatch.setattr(split_rows, "HELD_BYTES", 0)
    split = dataclasses.replace(make_split(30, shards=2), rows=recorded)
    arguments = {"seed": 0} if read is training_batches else {}
    with pytest.raises(MainlineError, match="not as many rows as Transform wrote") as caught:
        read(split, 10, folder=tmp_path if in_folder else None, **arguments)
    assert (caught.value.expected, caught.value.received) == (str(recorded), "30")
    assert all(name in caught.value.where for name in split.files)


def test_files_without_rows_are_an_error(make_split):
    split = dataclasses.replace(make_split(0), rows=5)
    with pytest.raises(MainlineError, match="not as many rows as Transform wrote"):
        training_batches(split, 10, seed=0)


def test_a_worker_takes_the_recorded_rows_of_its_own_files(make_split, monkeypatch):
    split = make_split(30, shards=3)
    split = dataclasses.replace(split, rows_by_file=dict.fromkeys(split.files, 10))
    monkeypatch.setattr(batches, "count_records", lambda files: pytest.fail("counted again"))
    assert batches.own_files(split, Share(0, 1, 2)).rows == 20
    wrong = dataclasses.replace(split, rows_by_file=dict.fromkeys(split.files, 9))
    with pytest.raises(MainlineError, match="not as many rows"):
        training_batches(wrong, 10, seed=0, share=Share(0, 1, 2), sharding="file")


def test_workers_share_a_split_larger_than_memory(make_split, not_held):
    split = make_split(31, shards=2)
    whole = ids(training_batches(split, 10, seed=4, folder=not_held), 6)
    shares = [Share(worker, 1, 3) for worker in range(3)]
    parts = [ids(training_batches(split, 10, seed=4, share=share, folder=not_held), 6) for share in shares]
    assert [flat(step) for step in zip(*parts, strict=True)] == whole


@pytest.mark.parametrize("workers", [1, 3])
def test_eval_rows_of_a_split_larger_than_memory_count_once(make_split, not_held, workers):
    split = make_split(25, shards=2)
    found = [evaluated(split, 6, workers, worker, not_held) for worker in range(workers)]
    counted = [row for seen, weights in found for row, weight in zip(seen, weights, strict=True) if weight]
    assert sorted(counted) == list(range(25))


@pytest.mark.parametrize(("workers", "per_worker"), [(2, 1), (3, 1), (7, 1), (1, 2), (2, 2)])
def test_the_shares_of_the_workers_make_up_the_batch(make_split, workers, per_worker):
    split = make_split(31, shards=2)
    whole = ids(training_batches(split, 10, seed=4), 6)
    total = workers * per_worker
    parts = [
        ids(training_batches(split, 10, seed=4, share=Share(worker * per_worker, per_worker, total)), 6 * per_worker)
        for worker in range(workers)
    ]
    sizes = {len(part) for worker in parts for part in worker}
    assert max(sizes) - min(sizes) <= 1
    for step in range(6):
        own = slice(step * per_worker, (step + 1) * per_worker)
        assert flat(flat(worker[own]) for worker in parts) == whole[step]


def test_more_workers_than_rows_in_a_batch_are_refused(make_split):
    with pytest.raises(ConfigError, match="fewer rows in a global batch") as caught:
        training_batches(make_split(10), 2, seed=0, share=Share(0, 1, 3))
    assert (caught.value.expected, caught.value.received) == ("at least 3", "2")


def test_by_file_each_worker_reads_its_own_files(make_split):
    split = make_split(30, shards=3)
    parts = [
        ids(training_batches(split, 10, seed=0, share=Share(worker, 1, 2), sharding="file"), 8) for worker in range(2)
    ]
    assert set(flat(parts[0])) == {row for row in range(30) if row % 3 != 1}
    assert set(flat(parts[1])) == {row for row in range(30) if row % 3 == 1}
    assert all(len(batch) == 5 for part in parts for batch in part)


def test_a_stream_sharded_by_file_can_start_at_any_step(make_split):
    split, share = make_split(30, shards=3), Share(1, 1, 2)
    unbroken = ids(training_batches(split, 7, seed=0, share=share, sharding="file"), 9)
    assert ids(training_batches(split, 7, 0, 4, share, sharding="file"), 5) == unbroken[4:]


def test_too_few_files_are_sharded_by_record_with_a_message(make_split, caplog):
    split, share = make_split(30, shards=1), Share(1, 1, 2)
    with caplog.at_level(logging.INFO, "mainline.progress"):
        seen = ids(training_batches(split, 10, seed=0, share=share, sharding="file"), 3)
    assert seen == ids(training_batches(split, 10, seed=0, share=share), 3)
    assert "1 files are too few for 2 workers: sharding by record" in caplog.text


def test_a_worker_with_empty_files_is_reported(make_split):
    with pytest.raises(ConfigError, match="the files of worker 1 have no rows"):
        training_batches(make_split(1, shards=2), 4, seed=0, share=Share(1, 1, 2), sharding="file")


def test_a_shard_of_one_example_is_enough(make_split):
    split = make_split(1)
    assert ids(training_batches(split, 3, seed=0), 2) == [[0, 0, 0]] * 2
    assert [evaluated(split, 4, 2, worker) for worker in range(2)] == [([0], [1.0]), ([0], [0.0])]


def evaluated(split, batch_size, workers, worker, folder=None) -> tuple[list[int], list[float]]:
    batches, steps = eval_batches(split, batch_size, Share(worker, 1, workers), folder)
    found = list(batches.as_numpy_iterator())
    assert len(found) == steps
    return flat(features["id_xf"].ravel().tolist() for features, _, _ in found), flat(w.tolist() for _, _, w in found)


@pytest.mark.parametrize("rows", [1, 2, 3, 10, 11, 12, 13, 25])
@pytest.mark.parametrize("workers", [1, 2, 3, 5])
def test_eval_rows_count_once_and_all_workers_have_as_many(make_split, rows, workers):
    split = make_split(rows)
    found = [evaluated(split, 6, workers, worker) for worker in range(workers)]
    assert len({len(seen) for seen, _ in found}) == 1
    counted = [row for seen, weights in found for row, weight in zip(seen, weights, strict=True) if weight]
    assert sorted(counted) == list(range(rows))


def test_eval_batches_can_be_read_again(make_split):
    batches, steps = eval_batches(make_split(5), 2)
    assert ids(batches, steps) == ids(batches, steps)


def test_replicas_of_one_worker_have_batches_of_one_size(make_split):
    batches, steps = eval_batches(make_split(10), 4, Share(0, 2, 2))
    found = ids(batches, 100)
    assert (steps, len(found), {len(batch) for batch in found}) == (3, 6, {2})


def test_class_weights_and_the_weight_column_are_multiplied_in_training(make_split):
    split = make_split(8, weight="w_xf")
    features, labels, weights = next(training_batches(split, 8, 0, class_weights=(1.0, 3.0)).as_numpy_iterator())
    assert set(features) == {"id_xf"}
    expected = features["id_xf"].ravel() / 2 * np.where(labels.ravel() == 1, 3.0, 1.0)
    np.testing.assert_allclose(weights, expected)


def test_the_weight_column_counts_in_evaluation(make_split):
    batches, _ = eval_batches(make_split(3, weight="w_xf"), 2)
    assert flat(weights.tolist() for _, _, weights in batches.as_numpy_iterator()) == [0.0, 0.5, 1.0, 0.0]
