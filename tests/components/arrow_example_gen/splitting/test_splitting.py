import csv
import datetime
import io
import json
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from fakes.stock import example_gen_runs
from harness import write_text

from components.arrow_example_gen.formats import byte_ranges
from components.arrow_example_gen.settings import Settings, pack
from components.arrow_example_gen.splitting.assignment import (
    BUCKETS,
    Splitting,
    buckets,
    rows_by_split,
    split_indices_by_time,
)
from pipeline.errors import DataError
from pipeline.splits import SPLITS

BY_KEY = Splitting("key", "trip_start_timestamp", SPLITS, (600_000, 800_000))
BY_TIME = Splitting("time", "trip_start_timestamp", SPLITS, (1400000000, 1430000000))
# What the documentation of BigQuery's FARM_FINGERPRINT, which is the same hash, shows.
PUBLISHED = {"1footrue": -1541654101129638711, "2applefalse": 2794438866806483259, "3true": -4880158226897771312}


def row_of(number) -> str:
    return f"rows.csv, row {number + 1}"


def divided(batches, splitting) -> dict[str, list]:
    found = {split: [] for split in splitting.splits}
    for batch in batches:
        for split, rows in rows_by_split(row_of, batch, splitting):
            found[split] += rows.to_pylist()
    return found


def test_buckets_are_those_of_the_published_hash():
    found = buckets(pa.array(list(PUBLISHED))).to_pylist()
    assert found == [number % 2**64 % BUCKETS for number in PUBLISHED.values()]
    assert buckets(pa.array([text.encode() for text in PUBLISHED])).to_pylist() == found


@pytest.mark.parametrize("keys", [pa.array(range(10_000)), pa.array([f"user {n}" for n in range(10_000)])])
def test_a_key_has_its_split_whatever_the_batch_and_shares_are_kept(keys):
    splitting = Splitting("key", "key", SPLITS, (800_000, 900_000))
    batch = pa.record_batch([keys], ["key"])
    whole = divided([batch], splitting)
    small = divided((batch.slice(start, 7) for start in range(0, len(keys), 7)), splitting)
    assert whole == small
    assert sorted(str(row["key"]) for rows in whole.values() for row in rows) == sorted(map(str, keys.to_pylist()))
    np.testing.assert_allclose([len(whole[split]) / 10_000 for split in SPLITS], [0.8, 0.1, 0.1], atol=0.01)


@pytest.mark.parametrize(
    ("values", "begins"),
    [
        (pa.array([3, 1, 2, 5, 4]), (2, 4)),
        (pa.array([3, 1, 2, 5, 4], pa.float32()), (1.5, 4.0)),
        (pa.array([b"2003", b"2001", b"2002", b"2005", b"2004"]), ("2002", "2004")),
        (pa.array([f"2025-0{n}-01" for n in (3, 1, 2, 5, 4)]), ("2025-02", "2025-04")),
    ],
)
def test_a_split_includes_its_first_bound(values, begins):
    found = divided([pa.record_batch([values, pa.array([3, 1, 2, 5, 4])], ["at", "n"])],
                    Splitting("time", "at", SPLITS, begins))  # fmt: skip
    assert {split: [row["n"] for row in rows] for split, rows in found.items()} == {
        "train": [1], "eval": [3, 2], "test": [5, 4],
    }  # fmt: skip


@pytest.mark.parametrize("names", [["at", "n"], ["n", "m"]])
def test_a_row_without_a_value_is_refused(names):
    batch = pa.record_batch([pa.array([1, None]), pa.array([1, 2])], names)
    with pytest.raises(DataError, match="of 2 rows have no value") as caught:
        divided([batch], Splitting("key", "at", SPLITS, (1, 2)))
    assert caught.value.where == f"rows.csv, row {2 if 'at' in names else 1}, column at"


def placed(values, cuts, time_format=None) -> list[int]:
    """For each time how many of the cuts it has reached."""
    splitting = Splitting("time", "at", SPLITS, cuts, time_format)
    return split_indices_by_time(row_of, pa.array(values), splitting, rows_before=10).tolist()


@pytest.mark.parametrize(
    ("values", "cuts", "time_format"),
    [
        (["2025-2-7", "2025-10-1", "2025-12-24"], ("2025-10-1", "2025-11-15"), None),
        (["2025-02-07T23:59:59.999", "2025-10-01 00:00", "2026-01-01"], ("2025-10-01", "2025-11-15"), None),
        (["20250207", "20251001", "20251115T00:00"], ("20251001", "2025-11-15"), None),
        (["2025-10-01T01:00+02:00", "2025-10-01T00:00Z", "2025-11-14T23:00-0200"],
         ("2025-10-01T00:00Z", "2025-11-15T00:00Z"), None),
        (["31.12.2024", "1.10.2025", "20.11.2025"], ("01.10.2025", "15.11.2025"), "%d.%m.%Y"),
        (["12/31/99", "2/1/00", "1/1/01"], ("1/1/00", "12/31/00"), "%m/%d/%y"),
        (["9:05 1.2.2025", "9:30 1.2.2025", "10:00 1.2.2025"], ("9:06 1.2.2025", "9:59 1.2.2025"), "%H:%M %d.%m.%Y"),
        (["2025-10-01 00:00:00.5", "2025-10-01 00:00:01.000001", "2025-10-01 00:00:02.0"],
         ("2025-10-01 00:00:01.000000", "2025-10-01 00:00:02.0"), "%Y-%m-%d %H:%M:%S.%f"),
        ([3, 10, 20], (10, 20), None),
        ([-2.5, 10.0, 1e30], (10.0, 20.0), None),
    ],
)  # fmt: skip
def test_times_are_compared_as_times(values, cuts, time_format):
    assert placed(values, cuts, time_format) == [0, 1, 2]


@pytest.mark.parametrize("time_format", [None, "%d.%m.%Y %H:%M:%S"])
def test_times_are_ordered_as_by_python(time_format):
    random = np.random.default_rng(0)
    seconds = random.integers(-(10**9), 4 * 10**9, 3000)
    moments = [datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=int(number)) for number in seconds]
    bounds = [datetime.datetime(1999, 12, 31, 23, 59, 59), datetime.datetime(2024, 2, 29)]

    def text(moment):
        return moment.strftime(time_format) if time_format else moment.isoformat()

    expected = [sum(moment >= bound for bound in bounds) for moment in moments]
    assert placed([text(moment) for moment in moments], tuple(map(text, bounds)), time_format) == expected


@pytest.mark.parametrize(
    ("wrong", "cuts", "time_format"),
    [
        ("7.2.2025", ("2025-10-01", "2025-11-15"), None),
        ("02/07/2025", ("2025-10-01", "2025-11-15"), None),
        ("25-02-07", ("2025-10-01", "2025-11-15"), None),
        ("2025-02-30", ("2025-10-01", "2025-11-15"), None),
        ("2025-13-01", ("2025-10-01", "2025-11-15"), None),
        ("2025-10-01 24:00", ("2025-10-01", "2025-11-15"), None),
        ("2025-10-01T00:00Z", ("2025-10-01", "2025-11-15"), None),
        ("2025-10-01", ("2025-10-01T00:00Z", "2025-11-15T00:00Z"), None),
        ("2025-10-01T00:00-99:99", ("2025-10-01T00:00Z", "2025-11-15T00:00Z"), None),
        ("soon", ("2025-10-01", "2025-11-15"), None),
        ("", ("2025-10-01", "2025-11-15"), None),
        ("2025-10-01", ("1.10.2025", "15.11.2025"), "%d.%m.%Y"),
        ("13/31/24", ("1/1/00", "12/31/00"), "%m/%d/%y"),
        (float("nan"), (1.0, 2.0), None),
    ],
)
def test_an_invalid_time_is_named_by_its_row(wrong, cuts, time_format):
    with pytest.raises(DataError, match="time") as caught:
        placed([cuts[0], cuts[1], wrong, wrong], cuts, time_format)
    assert caught.value.where == "rows.csv, row 13, column at"
    assert caught.value.received == str(wrong)


def by_split(artifact) -> dict[str, list[tf.train.Example]]:
    return {
        split: [
            tf.train.Example.FromString(record)
            for record in tf.data.TFRecordDataset(
                sorted(map(str, artifact.glob(f"Split-{split}/*.gz"))), compression_type="GZIP"
            ).as_numpy_iterator()
        ]
        for split in SPLITS
    }


def times(examples) -> list[int]:
    return [example.features.feature["trip_start_timestamp"].int64_list.value[0] for example in examples]


@pytest.mark.parametrize("splitting", [BY_KEY, BY_TIME], ids=["key", "time"])
def test_files_are_divided_and_no_row_is_lost(tmp_path, monkeypatch, splitting):
    header, *lines = example_gen_runs.taxi_lines(3000)
    write_text(tmp_path / "rows" / "0.csv", "".join([header, *lines[:1000]]))
    write_text(tmp_path / "rows" / "1.csv", "".join([header, *lines[1000:]]))
    write_text(tmp_path / "given" / "train" / "rows.csv", "".join([header, *lines]))
    monkeypatch.setattr(byte_ranges, "RANGE_BYTES", 100_000)
    ours = example_gen_runs.taxi_gen(tmp_path / "rows", splitting=splitting).with_id("Divided")
    given = example_gen_runs.taxi_gen(tmp_path / "given").with_id("Given")
    example_gen_runs.run_nodes(tmp_path, ours, given)
    artifact = example_gen_runs.output(ours, tmp_path)
    assert example_gen_runs.examples(artifact) == example_gen_runs.examples(example_gen_runs.output(given, tmp_path))
    found = {split: times(examples) for split, examples in by_split(artifact).items()}
    assert min(map(len, found.values())) > 100
    assert set(Counter(at for split in found.values() for at in set(split)).values()) == {1}
    if splitting is BY_TIME:
        first, second = BY_TIME.begins
        assert max(found["train"]) < first <= min(found["eval"]) <= max(found["eval"]) < second <= min(found["test"])


def test_bad_rows_are_set_aside_before_rows_are_split(tmp_path):
    header, *lines = example_gen_runs.taxi_lines(400)
    cells = next(csv.reader(io.StringIO(lines[7])))
    cells[next(csv.reader(io.StringIO(header))).index("fare")] = "free"
    lines[7] = ",".join(cells) + "\n"
    write_text(tmp_path / "rows" / "rows.csv", "".join([header, *lines]))
    node = example_gen_runs.taxi_gen(tmp_path / "rows", splitting=BY_KEY, on_bad_row="quarantine")
    example_gen_runs.run_nodes(tmp_path, node)
    artifact = example_gen_runs.output(node, tmp_path)
    assert sum(map(len, by_split(artifact).values())) == 399
    counts = json.loads((artifact / "quarantine" / "rows-00000.json").read_text())
    assert (counts["rows"], counts["bad"]) == (399, 1)


def test_a_split_that_gets_no_row_is_named(tmp_path):
    write_text(tmp_path / "rows" / "rows.csv", "".join(example_gen_runs.taxi_lines(100)))
    late = Splitting("time", "trip_start_timestamp", SPLITS, (1, 2**40))
    with pytest.raises(DataError, match="the train split has no rows"):
        example_gen_runs.run_nodes(tmp_path, example_gen_runs.taxi_gen(tmp_path / "rows", splitting=late))


def test_an_invalid_time_is_named_after_a_failed_beam_run(tmp_path):
    lines = [f"2025-1-{day},1.5\n" for day in range(1, 29)]
    write_text(tmp_path / "rows" / "rows.csv", "".join(["company,fare\n", *lines, "1.2.2025,1\n", *lines]))
    splitting = Splitting("time", "company", SPLITS, ("2025-01-10", "2025-01-20"))
    with pytest.raises(DataError) as caught:
        example_gen_runs.run_nodes(
            tmp_path, example_gen_runs.taxi_gen(tmp_path / "rows", splitting=splitting, shuffle_rows=1000)
        )
    assert caught.value.where == f"{tmp_path / 'rows' / 'rows.csv'}, line 30, column company"


def test_an_empty_key_is_named_after_a_failed_beam_run(tmp_path):
    header, *lines = example_gen_runs.taxi_lines(100)
    write_text(tmp_path / "rows" / "rows.csv", "".join([header, *lines, "," * header.count(",") + "\n"]))
    with pytest.raises(DataError, match="1 of 101 rows have no value"):
        example_gen_runs.run_nodes(tmp_path, example_gen_runs.taxi_gen(tmp_path / "rows", splitting=BY_KEY))


def test_the_splitting_is_in_the_cache_key():
    keys = {str(pack(Settings({}, "fail", 0.01, splitting))) for splitting in (None, BY_KEY, BY_TIME)}
    assert len(keys) == 3
