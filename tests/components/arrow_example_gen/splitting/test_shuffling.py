import pyarrow as pa
import pytest
import tensorflow as tf
from fakes.stock import example_gen_runs
from harness import write_text

from components.arrow_example_gen.splitting.shuffling import shuffled


def rows(size: int, window: int, seed: int = 0, label: str = "train-00000") -> list[int]:
    batches = (pa.record_batch([pa.array(range(at, min(at + size, 100)))], ["n"]) for at in range(0, 100, size))
    return [row["n"] for batch in shuffled(batches, window, seed, label) for row in batch.to_pylist()]


def test_rows_are_shuffled_within_windows_and_none_is_lost():
    found = rows(7, 40)
    assert [sorted(found[start : start + 40]) for start in (0, 40, 80)] == [
        [*range(40)], [*range(40, 80)], [*range(80, 100)],
    ]  # fmt: skip
    assert found != sorted(found)
    assert sorted(rows(7, 1000)) == [*range(100)]


@pytest.mark.parametrize("size", [1, 3, 100])
def test_the_order_depends_on_seed_and_label_and_not_on_batches(size):
    assert rows(size, 40) == rows(7, 40)
    assert rows(size, 40, seed=1) != rows(size, 40)
    assert rows(size, 40, label="train-00001") != rows(size, 40)


def times(artifact) -> list[int]:
    files = sorted(map(str, artifact.glob("Split-train/*.gz")))
    records = tf.data.TFRecordDataset(files, compression_type="GZIP").as_numpy_iterator()
    parsed = (tf.train.Example.FromString(record).features.feature for record in records)
    return [features["trip_start_timestamp"].int64_list.value[0] for features in parsed]


def test_the_component_writes_the_rows_of_a_file_in_another_order(tmp_path):
    write_text(tmp_path / "rows" / "train" / "rows.csv", "".join(example_gen_runs.taxi_lines(500)))
    plain = example_gen_runs.taxi_gen(tmp_path / "rows").with_id("Plain")
    other = example_gen_runs.taxi_gen(tmp_path / "rows", shuffle_rows=200, seed=3).with_id("Shuffled")
    example_gen_runs.run_nodes(tmp_path, plain, other)
    artifacts = [example_gen_runs.output(node, tmp_path) for node in (plain, other)]
    assert example_gen_runs.examples(artifacts[0]) == example_gen_runs.examples(artifacts[1])
    before, after = map(times, artifacts)
    assert before != after
    assert sorted(before[:200]) == sorted(after[:200])


def test_a_seed_without_an_effect_is_not_in_the_cache_key(tmp_path):
    keys = [str(example_gen_runs.taxi_gen(tmp_path, shuffle_rows=rows, seed=seed).exec_properties["custom_config"])
            for rows, seed in [(0, 1), (0, 2), (9, 1), (9, 2)]]  # fmt: skip
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3
