import json

import pytest
from fakes.stock import example_gen_runs
from harness import write_text

from components.arrow_example_gen.formats import byte_ranges
from components.arrow_example_gen.settings import Settings, pack
from pipeline.errors import DataError


def rows_with(folder, bad: int, of: int = 400) -> list[str]:
    """Writes taxi rows over two files; some have a text for a fare, one in the second file lacks its last cell."""
    header, *lines = example_gen_runs.taxi_lines(of)
    for number in range(bad - 1):
        cells = lines[number * 2].split(",")
        cells[1] = "free"
        lines[number * 2] = ",".join(cells)
    lines[-1] = lines[-1].rpartition(",")[0] + "\n"
    half = of // 2
    write_text(folder / "train" / "0.csv", "".join([header, *lines[:half]]))
    write_text(folder / "train" / "1.csv", "".join([header, *lines[half:]]))
    return [header, *(line for number, line in enumerate(lines[:-1]) if number % 2 or number >= 2 * (bad - 1))]


def test_bad_rows_lie_beside_the_splits_and_the_others_are_the_examples(tmp_path):
    good = rows_with(tmp_path / "rows", bad=4)
    write_text(tmp_path / "good" / "train" / "rows.csv", "".join(good))
    node = example_gen_runs.taxi_gen(tmp_path / "rows", on_bad_row="quarantine").with_id("Quarantining")
    strict = example_gen_runs.taxi_gen(tmp_path / "good").with_id("Strict")
    example_gen_runs.run_nodes(tmp_path, node, strict)
    artifact = example_gen_runs.output(node, tmp_path)
    assert example_gen_runs.examples(artifact).total() == 396
    assert example_gen_runs.examples(artifact) == example_gen_runs.examples(example_gen_runs.output(strict, tmp_path))
    aside = artifact / "quarantine"
    first, second = (json.loads((aside / f"train-0000{number}.json").read_text()) for number in range(2))
    assert (first["rows"], first["bad"], first["reasons"]) == (197, 3, {"wrong type": 3})
    assert (second["rows"], second["bad"], second["reasons"]) == (199, 1, {"wrong number of columns": 1})
    listed = [json.loads(line) for line in (aside / "train-00000.jsonl").read_text().splitlines()]
    assert [(row["line"], row["column"], row["value"]) for row in listed] == [
        (2, "fare", "free"),
        (4, "fare", "free"),
        (6, "fare", "free"),
    ]
    assert listed[0]["file"] == str(tmp_path / "rows" / "train" / "0.csv")
    assert not (example_gen_runs.output(strict, tmp_path) / "quarantine").exists()


def test_too_large_a_share_of_bad_rows_fails_the_run_and_lists_the_first(tmp_path):
    rows_with(tmp_path / "rows", bad=8)
    with pytest.raises(DataError) as caught:
        example_gen_runs.run_nodes(tmp_path, example_gen_runs.taxi_gen(tmp_path / "rows", on_bad_row="quarantine"))
    assert caught.value.problem == "8 of 400 rows are bad"
    listed = caught.value.received.strip().splitlines()
    assert len(listed) == 5
    assert listed[0] == f"{tmp_path / 'rows' / 'train' / '0.csv'}, line 2, column fare: wrong type: 'free'"


def test_by_default_a_bad_row_fails_the_run(tmp_path):
    rows_with(tmp_path / "rows", bad=1)
    with pytest.raises(DataError, match="line 201: the line cannot be read"):
        example_gen_runs.run_nodes(tmp_path, example_gen_runs.taxi_gen(tmp_path / "rows"))


def test_every_setting_is_in_the_cache_key():
    keys = {str(pack(Settings({}, *settings))) for settings in [("fail", 0.01), ("quarantine", 0.01), ("fail", 0.02)]}
    assert len(keys) == 3


def test_bad_json_lines_lie_beside_the_splits(tmp_path, monkeypatch):
    monkeypatch.setattr(byte_ranges, "RANGE_BYTES", 400)
    lines = ['{"fare": 1.5, "company": "a"}'] * 60
    lines[7] += ","
    lines[50] = '{"fare": "free"}'
    write_text(tmp_path / "rows" / "train" / "0.jsonl", "\n".join(lines))
    node = example_gen_runs.taxi_gen(tmp_path / "rows", on_bad_row="quarantine", max_bad_share=0.05)
    example_gen_runs.run_nodes(tmp_path, node)
    artifact = example_gen_runs.output(node, tmp_path)
    assert example_gen_runs.examples(artifact).total() == 58
    listed = [
        json.loads(line)
        for path in sorted(artifact.glob("quarantine/train-*.jsonl"))
        for line in path.read_text().splitlines()
    ]
    assert [(row["line"], row["reason"], row["column"]) for row in listed] == [
        (8, "not JSON", ""),
        (51, "wrong type", "fare"),
    ]
